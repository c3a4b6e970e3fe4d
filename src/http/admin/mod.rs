//! The admin API: JSON in, JSON out, a scope for every route.

pub mod alerts;
pub mod certificates;
pub mod audit;
pub mod call;
pub mod clients;
pub mod communities;
mod initial_tokens;
pub mod issuance;
pub mod details_types;
pub mod keys;
pub mod paging;
pub mod resources;
pub mod routes;
pub mod scopes;
mod statement_issuers;
pub mod trusted_issuers;
pub mod users;
