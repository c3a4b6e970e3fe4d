//! The paths of the endpoints: the routes and the documents read the same list.

use crate::config::issuer::BaseUrl;

/// The token endpoint (RFC 6749, 3.2).
pub const TOKEN: &str = "/oauth2/token";
/// The introspection endpoint (RFC 7662).
pub const INTROSPECTION: &str = "/oauth2/introspect";
/// The revocation endpoint (RFC 7009).
pub const REVOCATION: &str = "/oauth2/revoke";
/// The key set (RFC 7517).
pub const JWKS: &str = "/oauth2/jwks";

/// The endpoints that a client may call with its certificate, as discovery names them (RFC 8705, 5).
pub const ALIASED: [(&str, &str); 3] = [
    ("token_endpoint", TOKEN),
    ("introspection_endpoint", INTROSPECTION),
    ("revocation_endpoint", REVOCATION),
];

/// Where the server can be reached.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The issuer, at which nothing asks for a certificate.
    pub issuer: BaseUrl,
    /// The listener that asks for one.
    pub mtls: BaseUrl,
}
