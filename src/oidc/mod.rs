//! What OpenID Connect adds.

pub mod backchannel_logout;
pub mod userinfo;
