//! The records: what is stored, its states and their transitions. Time is an argument.

pub mod access;
pub mod access_token;
pub mod alert;
pub mod attempts;
pub mod audit_event;
pub mod authorization;
pub mod binding;
pub mod client;
pub mod code;
pub mod consent;
pub mod delegation;
pub mod family;
pub mod interaction;
pub mod launch;
pub mod page;
pub mod person;
pub mod refresh_token;
pub mod relationship;
pub mod resource;
pub mod session;
pub mod signing_key;
pub mod standing;
