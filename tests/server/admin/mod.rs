//! The admin API.

mod audit;
mod clients;
mod matrix;
mod resources;
mod users;
