//! The paths of the endpoints: the routes and the documents read the same list.

use crate::config::issuer::BaseUrl;

/// The authorization endpoint (RFC 6749, 3.1).
pub const AUTHORIZE: &str = "/oauth2/authorize";
/// The pushed authorization request endpoint (RFC 9126, 2).
pub const PUSHED: &str = "/oauth2/par";
/// The device authorization endpoint (RFC 8628, 3.1).
pub const DEVICE_AUTHORIZATION: &str = "/oauth2/device";
/// Where people enter the code that a device shows (RFC 8628, 3.3).
pub const DEVICE: &str = "/device";
/// The client registration endpoint (RFC 7591, 3).
pub const REGISTRATION: &str = "/oauth2/register";
/// Where an authorization request goes on.
pub const CONTINUE: &str = "/oauth2/continue";
/// The sign-in form.
pub const LOGIN: &str = "/login";
/// The choice of a patient.
pub const PATIENT: &str = "/patient";
/// The choice of an encounter.
pub const ENCOUNTER: &str = "/encounter";
/// Where EHRs hand over what an app is launched with.
pub const LAUNCH: &str = "/launch";
/// Where payers report what they have decided.
pub const DECISIONS: &str = "/authorization-decisions";
/// The question for consent.
pub const CONSENT: &str = "/consent";
/// Where people see which apps may act for them, and end it (SMART App Launch 2.2, `management_endpoint`).
pub const ACCOUNT: &str = "/account";
/// Where people sign out.
pub const LOGOUT: &str = "/oauth2/logout";
/// The token endpoint (RFC 6749, 3.2).
pub const TOKEN: &str = "/oauth2/token";
/// The introspection endpoint (RFC 7662).
pub const INTROSPECTION: &str = "/oauth2/introspect";
/// The revocation endpoint (RFC 7009).
pub const REVOCATION: &str = "/oauth2/revoke";
/// The OCSP responder of the built-in client PKI (RFC 6960, A.1).
pub const OCSP: &str = "/pki/ocsp";

/// The same, with the question in the address.
pub const OCSP_GET: &str = "/pki/ocsp/{request:.*}";
/// The userinfo endpoint (OpenID Connect Core, 5.3).
pub const USERINFO: &str = "/oauth2/userinfo";
/// The key set (RFC 7517).
pub const JWKS: &str = "/oauth2/jwks";
/// The authorities of the built-in PKI (RFC 7030, 4.1).
pub const EST_CACERTS: &str = "/.well-known/est/cacerts";
/// A client's first certificate (RFC 7030, 4.2.1).
pub const EST_ENROLL: &str = "/.well-known/est/simpleenroll";
/// A client's next certificate (RFC 7030, 4.2.2).
pub const EST_REENROLL: &str = "/.well-known/est/simplereenroll";
/// What a certification request should hold (RFC 7030, 4.5).
pub const EST_ATTRIBUTES: &str = "/.well-known/est/csrattrs";

/// The endpoints that a client may call with its certificate, as discovery names them (RFC 8705, 5).
pub const ALIASED: [(&str, &str); 5] = [
    ("token_endpoint", TOKEN),
    ("pushed_authorization_request_endpoint", PUSHED),
    ("userinfo_endpoint", USERINFO),
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
