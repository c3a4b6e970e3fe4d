//! The words of OAuth: parameters, errors, identifiers and registrations, as the RFCs spell them.

pub mod auth_header;
pub mod authorization_request;
pub mod client_metadata;
pub mod error;
pub mod fields;
pub mod ids;
pub mod launch_context;
pub mod launch_request;
pub mod params;
pub mod pkce;
pub mod prompt;
pub mod redirect_uri;
pub mod resource_metadata;
pub mod secret;
