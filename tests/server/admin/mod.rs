//! The admin API.

mod audit;
mod clients;
mod communities;
mod details_types;
mod launched;
mod matrix;
mod resources;
mod scopes;
mod trusted_issuers;
mod users;
