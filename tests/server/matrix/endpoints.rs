//! The table: what is asked of each endpoint, and how it is answered when a parameter is not as it should be.

use hilum::discovery::endpoints as at;

/// A parameter, and what the answer is when it is not as it should be: an error, `page` and a status, or `fine`;
/// several where the value decides.
#[derive(Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// Left out, or without a value.
    pub absent: &'static str,
    /// With a value that is none of its own.
    pub wrong: &'static str,
}

/// A parameter.
pub const fn p(name: &'static str, absent: &'static str, wrong: &'static str) -> Param {
    Param { name, absent, wrong }
}

/// Where the parameters stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Query,
    Form,
    Json,
    Nowhere,
}

/// Who is told what went wrong, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// A client, as RFC 6749, 5.2 has it.
    OAuth,
    /// Whoever shows a token, as RFC 6750, 3 has it.
    Bearer,
    /// Whoever shows a token, by a problem document.
    Problem,
    /// A client at its callback, or a person on a page.
    Callback,
    /// A person on a page.
    Page,
}

/// How long one right request is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// For ever.
    Lasts,
    /// Something in it is good for once, whatever comes of it, and is made anew at no cost.
    OneCell,
    /// Until it has been granted.
    UntilGranted,
    /// Wrong tries are counted.
    UntilTried,
}

/// One endpoint, or one grant of it.
#[derive(Debug)]
pub struct Endpoint {
    pub name: &'static str,
    pub method: &'static str,
    pub path: &'static str,
    pub place: Place,
    pub told: Told,
    pub life: Life,
    /// The status of a right answer.
    pub good: u16,
    /// The answer to a parameter that stands twice.
    pub twice: &'static str,
    /// The answer to what is not encoded as it must be.
    pub unreadable: &'static str,
    /// The answers to a wrong `Authorization`, and to a wrong `DPoP` header.
    pub headers: (&'static str, &'static str),
    pub params: &'static [&'static [Param]],
}

/// What is not in the matrix, and where it is held.
pub const HELD_ELSEWHERE: &[(&str, &str)] = &[
    (at::JWKS, "discovery.rs: no parameters"),
    ("/.well-known/oauth-authorization-server", "discovery.rs: no parameters"),
    ("/.well-known/openid-configuration", "discovery.rs: no parameters"),
    ("/.well-known/smart-configuration", "discovery.rs: no parameters"),
    ("/r/{resource}/.well-known/smart-configuration", "fhir_bases.rs"),
    (at::EST_CACERTS, "est/enroll.rs, est/wrong.rs: no parameters"),
    (at::EST_ATTRIBUTES, "est/enroll.rs, est/wrong.rs: no parameters"),
    (at::EST_ENROLL, "est/wrong.rs: a body without parameters"),
    (at::EST_REENROLL, "est/wrong.rs, est/renew.rs: a body without parameters"),
    (at::OCSP, "pki/judges.rs: a body without parameters"),
    (at::OCSP_GET, "pki/judges.rs: no parameters"),
    ("/pki/crl/{name}", "pki/judges.rs: no parameters"),
    ("/healthz", "health.rs: no parameters"),
    ("/readyz", "health.rs: no parameters"),
    ("/metrics", "health.rs: no parameters"),
];
