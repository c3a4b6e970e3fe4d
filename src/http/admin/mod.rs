//! The admin API: JSON in, JSON out, a scope for every route.

pub mod alerts;
pub mod audit;
pub mod call;
pub mod clients;
pub mod keys;
pub mod paging;
pub mod resources;
pub mod routes;
pub mod scopes;
pub mod users;
