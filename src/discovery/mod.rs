//! The metadata documents, computed from what is registered in the code, so that they cannot drift.

pub mod capabilities;
pub mod details;
pub mod endpoints;
pub mod oauth;
pub mod openid;
pub mod smart;
