//! The admin API.

mod audit;
mod clients;
mod launched;
mod matrix;
mod resources;
mod scopes;
mod users;
