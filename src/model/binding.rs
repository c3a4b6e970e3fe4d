//! The key a token is tied to: a member of `cnf` and a thumbprint, whatever proved it.

use serde_json::{Value, json};

use crate::pki::thumbprint::Thumbprint;
use crate::protocol::secret::same_bytes;

/// The member of `cnf` for a certificate (RFC 8705, 3.1).
pub const X5T_S256: &str = "x5t#S256";

/// What a token is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    member: &'static str,
    thumbprint: String,
}

impl Binding {
    /// A binding to a client certificate.
    #[must_use]
    pub fn to_certificate(thumbprint: &Thumbprint) -> Self {
        Self { member: X5T_S256, thumbprint: thumbprint.as_base64url() }
    }

    /// The `cnf` claim (RFC 7800, 3.1).
    #[must_use]
    pub fn confirmation(&self) -> Value {
        json!({ self.member: self.thumbprint })
    }

    /// The thumbprint in base64url.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Reads a `cnf` claim back; `None` when it has no member that is known here.
    #[must_use]
    pub fn parse(confirmation: &Value) -> Option<Self> {
        let object = confirmation.as_object().filter(|object| object.len() == 1)?;
        let thumbprint = object.get(X5T_S256)?.as_str()?;
        Some(Self { member: X5T_S256, thumbprint: thumbprint.to_owned() })
    }

    /// Whether a shown certificate is the one that the token is bound to.
    #[must_use]
    pub fn is_shown_by(&self, certificate: &Thumbprint) -> bool {
        same_bytes(self.thumbprint.as_bytes(), certificate.as_base64url().as_bytes())
    }
}
