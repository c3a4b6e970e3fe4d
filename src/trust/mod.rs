//! Whom the server believes to vouch for clients: trust communities, and what has been revoked.

pub mod communities;
pub mod revocation;

pub use communities::Communities;
pub use revocation::Revocations;
