//! The built-in client PKI.

mod four_eyes;
pub mod judges;
mod requests;
pub mod scene;
mod terminal;
