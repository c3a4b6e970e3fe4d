//! Access tokens: issued, read back, introspected, revoked.

pub mod access_token;
pub mod bearer;
pub mod challenge;
pub mod endpoint;
pub mod id_token;
pub mod introspect;
pub mod issuer;
pub mod noted;
pub mod request;
pub mod revoke;
