//! The key a token is tied to: a member of `cnf` and a thumbprint, whatever proved it.

use serde_json::{Value, json};

use crate::pki::thumbprint::Thumbprint;
use crate::protocol::dpop::is_thumbprint;
use crate::protocol::secret::same_bytes;

/// The member of `cnf` for a certificate (RFC 8705, 3.1).
pub const X5T_S256: &str = "x5t#S256";

/// The member of `cnf` for a public key (RFC 9449, 6.1).
pub const JKT: &str = "jkt";

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

    /// A binding to a key, by its thumbprint (RFC 7638).
    #[must_use]
    pub fn to_key(thumbprint: &str) -> Self {
        Self { member: JKT, thumbprint: thumbprint.to_owned() }
    }

    /// The certificate, where it is one.
    #[must_use]
    pub fn certificate(&self) -> Option<Thumbprint> {
        (self.member == X5T_S256).then(|| Thumbprint::parse(&self.thumbprint)).flatten()
    }

    /// The thumbprint of the key, where it is a key that a proof shows.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        (self.member == JKT).then_some(self.thumbprint.as_str())
    }

    /// Whether it is to a certificate.
    #[must_use]
    pub fn is_to_certificate(&self) -> bool {
        self.member == X5T_S256
    }

    /// How tokens that are bound so are used (RFC 6749, 7.1; RFC 9449, 5).
    #[must_use]
    pub fn token_type(binding: Option<&Self>) -> &'static str {
        if binding.and_then(Self::key).is_some() { "DPoP" } else { "Bearer" }
    }

    /// The `cnf` claim (RFC 7800, 3.1).
    #[must_use]
    pub fn confirmation(&self) -> Value {
        json!({ self.member: self.thumbprint })
    }

    /// Reads a `cnf` claim back; `None` when it has no member that is known here.
    #[must_use]
    pub fn parse(confirmation: &Value) -> Option<Self> {
        let object = confirmation.as_object().filter(|object| object.len() == 1)?;
        let text = |member| object.get(member)?.as_str().map(str::to_owned);
        let certificate = text(X5T_S256).map(|thumbprint| Self { member: X5T_S256, thumbprint });
        let key = || text(JKT).filter(|text| is_thumbprint(text));
        certificate.or_else(|| key().map(|thumbprint| Self { member: JKT, thumbprint }))
    }

    /// Whether what was shown is what the token is bound to.
    #[must_use]
    pub fn is(&self, shown: &Self) -> bool {
        self.member == shown.member && same_bytes(self.thumbprint.as_bytes(), shown.thumbprint.as_bytes())
    }
}
