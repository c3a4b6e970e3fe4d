//! What whoever shows a token that will not do is told of how to come again: `WWW-Authenticate` (RFC 6750, 3;
//! RFC 9449, 7.1).

use std::fmt;

use crate::protocol::auth_header::AuthHeader;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::sender::dpop;

use super::bearer::MISSING;

/// How a token is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// By itself, or with a certificate.
    Bearer,
    /// With a proof.
    Dpop,
}

impl Scheme {
    /// The scheme that a request has used.
    #[must_use]
    pub const fn of(authorization: Option<&AuthHeader>) -> Self {
        match authorization {
            Some(AuthHeader::Dpop(_)) => Self::Dpop,
            Some(AuthHeader::Basic { .. } | AuthHeader::Bearer(_) | AuthHeader::Unreadable) | None => {
                Self::Bearer
            }
        }
    }
}

/// A challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    scheme: Scheme,
    error: Option<&'static str>,
    scope: Option<String>,
}

impl Challenge {
    /// The challenge of a refusal. Whoever showed nothing is told nothing but how to come (RFC 6750, 3.1).
    #[must_use]
    pub fn of(refusal: &Refusal) -> Self {
        let error = (refusal.reason().code() != MISSING).then_some(refusal.code().word());
        Self { error, ..Self::told(refusal) }
    }

    /// The challenge of a refusal whose word stands in the answer anyhow.
    #[must_use]
    pub const fn told(refusal: &Refusal) -> Self {
        let code = refusal.code();
        let scheme = if is_of_proof(code) { Scheme::Dpop } else { Scheme::Bearer };
        Self { scheme, error: Some(code.word()), scope: None }
    }

    /// The challenge of a token that does not go so far (RFC 6750, 3.1).
    #[must_use]
    pub const fn insufficient_scope() -> Self {
        Self { scheme: Scheme::Bearer, error: Some(ErrorCode::InsufficientScope.word()), scope: None }
    }

    /// Names a scope that would do.
    #[must_use]
    pub fn with_scope(self, scope: Option<String>) -> Self {
        Self { scope, ..self }
    }

    /// In the scheme that was used, unless the refusal is of a proof.
    #[must_use]
    pub fn in_scheme(self, scheme: Scheme) -> Self {
        match self.scheme {
            Scheme::Bearer => Self { scheme, ..self },
            Scheme::Dpop => self,
        }
    }
}

/// Whether a refusal is that of a proof: 401 where a token is the credential, whatever it is elsewhere.
#[must_use]
pub const fn is_of_proof(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::InvalidDpopProof | ErrorCode::UseDpopNonce)
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.scheme {
            Scheme::Bearer => r#"Bearer realm="hilum""#,
            Scheme::Dpop => r#"DPoP realm="hilum""#,
        })?;
        if let Some(error) = self.error {
            write!(f, r#", error="{error}""#)?;
        }
        if let Some(scope) = &self.scope {
            write!(f, r#", scope="{scope}""#)?;
        }
        if self.scheme == Scheme::Dpop {
            write!(f, r#", algs="{}""#, dpop::algorithms().join(" "))?;
        }
        Ok(())
    }
}
