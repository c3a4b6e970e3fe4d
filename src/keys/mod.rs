//! The signing keys: held in memory, rotated ahead of time, published as a JWKS (RFC 7517).

pub mod custody;
pub mod keyring;
pub mod nonces;
pub mod publication;
pub mod refresh_tokens;
pub mod root;
pub mod rotation;
pub mod subjects;
