//! What happens to every request, whatever it asks.

pub mod guard;
pub mod headers;
pub mod measure;
pub mod nonce;
pub mod proxied;
pub mod span;
