//! The records: what is stored, its states and their transitions. Time is an argument.

pub mod access_token;
pub mod audit_event;
pub mod authorization;
pub mod binding;
pub mod client;
pub mod page;
pub mod person;
pub mod resource;
pub mod signing_key;
