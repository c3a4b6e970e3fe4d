//! What the FHIR server says when it does not answer: an OperationOutcome (FHIR R4, 2.35).

use serde_json::{Value, json};

use crate::protocol::error::Refusal;
use crate::tokens::challenge::{Challenge, Scheme};

/// Why there is no answer, each with its status and its code of the value set `issue-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The token is missing, dead, for another server, or not shown with its key.
    Login,
    /// The token does not go so far.
    Forbidden,
    /// There is no such resource.
    NotFound,
    /// There is no such type here.
    NotSupported,
    /// The request cannot be read.
    Invalid,
    /// The resource does not have that method.
    Method,
    /// An answer in that format is not given.
    NotAcceptable,
    /// The body is in another format.
    MediaType,
    /// The body is too large.
    TooLarge,
    /// There are as many resources as will be kept.
    Full,
    /// The server could not.
    Transient,
}

impl Kind {
    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Login => 401,
            Self::Forbidden => 403,
            Self::NotFound | Self::NotSupported => 404,
            Self::Invalid => 400,
            Self::Method => 405,
            Self::NotAcceptable => 406,
            Self::MediaType => 415,
            Self::TooLarge => 413,
            Self::Full => 507,
            Self::Transient => 503,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::Invalid => "invalid",
            Self::NotSupported | Self::Method | Self::NotAcceptable | Self::MediaType => "not-supported",
            Self::TooLarge => "too-long",
            Self::Full => "no-store",
            Self::Transient => "transient",
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The kind.
    pub kind: Kind,
    /// The words for whoever asked.
    pub told: String,
    /// What stands in `WWW-Authenticate` (RFC 6750, 3).
    pub challenge: Option<Challenge>,
}

impl Issue {
    /// An issue by its kind and words.
    pub fn new(kind: Kind, told: impl Into<String>) -> Self {
        Self { kind, told: told.into(), challenge: None }
    }

    /// What a token does not reach (RFC 6750, 3.1), with a scope that would reach it where there is one.
    pub fn forbidden(told: impl Into<String>, scope: Option<String>) -> Self {
        let challenge = Challenge::insufficient_scope().with_scope(scope);
        Self { challenge: Some(challenge), ..Self::new(Kind::Forbidden, told) }
    }

    /// A token that was not believed.
    #[must_use]
    pub fn of_token(refusal: &Refusal) -> Self {
        Self { challenge: Some(Challenge::of(refusal)), ..Self::new(Kind::Login, refusal.told()) }
    }

    /// In the scheme in which the token was shown.
    #[must_use]
    pub fn in_scheme(self, scheme: Scheme) -> Self {
        Self { challenge: self.challenge.map(|challenge| challenge.in_scheme(scheme)), ..self }
    }

    /// The OperationOutcome.
    #[must_use]
    pub fn outcome(&self) -> Value {
        json!({
            "resourceType": "OperationOutcome",
            "issue": [{"severity": "error", "code": self.kind.code(), "diagnostics": self.told}],
        })
    }
}
