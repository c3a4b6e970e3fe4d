//! What OpenID Connect adds.

pub mod userinfo;
