//! The built-in client PKI.

mod four_eyes;
mod judges;
mod requests;
mod rollover;
mod scene;
mod terminal;
