//! The built-in client PKI.

mod four_eyes;
pub mod judges;
mod requests;
mod rollover;
pub mod scene;
mod terminal;
