//! The `Authorization` header: `Basic` for clients (RFC 6749, 2.3.1), `Bearer` (RFC 6750, 2.1) and
//! `DPoP` (RFC 9449, 7.1) for tokens.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::params::{Plus, percent_decode};
use super::secret::Secret;

/// What an `Authorization` header holds.
pub enum AuthHeader {
    /// A client's identifier and secret, each decoded from its form encoding.
    Basic {
        /// The `client_id`.
        id: String,
        /// The `client_secret`.
        secret: Secret,
    },
    /// An access token.
    Bearer(Secret),
    /// An access token that is bound to the key of a proof.
    Dpop(Secret),
    /// A scheme or an encoding that this server does not read.
    Unreadable,
}

impl AuthHeader {
    /// Reads the value of the header; the scheme's case does not matter (RFC 9110, 11.1).
    #[must_use]
    pub fn parse(value: &str) -> Self {
        let Some((scheme, rest)) = value.split_once(' ') else { return Self::Unreadable };
        let credentials = rest.trim_matches(' ');
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => basic(credentials).unwrap_or(Self::Unreadable),
            "dpop" if is_token68(credentials) => Self::Dpop(Secret::new(credentials.to_owned())),
            "bearer" if is_token68(credentials) => Self::Bearer(Secret::new(credentials.to_owned())),
            _ => Self::Unreadable,
        }
    }
}

impl fmt::Debug for AuthHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(..)",
            Self::Bearer(_) => "Bearer(..)",
            Self::Dpop(_) => "DPoP(..)",
            Self::Unreadable => "Unreadable",
        })
    }
}

fn basic(credentials: &str) -> Option<AuthHeader> {
    let decoded = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let id = percent_decode(id.as_bytes(), Plus::IsSpace)?;
    let secret = percent_decode(secret.as_bytes(), Plus::IsSpace)?;
    Some(AuthHeader::Basic { id, secret: Secret::new(secret) })
}

fn is_token68(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    !text.is_empty() && text.chars().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sm_cs_01_each_part_of_basic_is_form_decoded() {
        let value = format!("bAsIc {}", STANDARD.encode("a%2Fb:p%3Aw+d"));
        let AuthHeader::Basic { id, secret } = AuthHeader::parse(&value) else { panic!("not basic") };
        assert_eq!((id.as_str(), secret.expose()), ("a/b", "p:w d"));
    }

    #[test]
    fn what_is_neither_is_unreadable() {
        let bad =
            ["", "Basic", "Basic ???", "Basic YQ==", "Bearer a b", "Bearer", "DPoP a b", "DPoP", "Digest x"];
        for value in bad {
            assert!(matches!(AuthHeader::parse(value), AuthHeader::Unreadable), "{value}");
        }
        for scheme in ["Bearer", "bearer", "bEaReR"] {
            assert!(matches!(AuthHeader::parse(&format!("{scheme} abc.def")), AuthHeader::Bearer(_)));
        }
        for scheme in ["DPoP", "dpop", "DPOP"] {
            assert!(matches!(AuthHeader::parse(&format!("{scheme} abc.def")), AuthHeader::Dpop(_)));
        }
    }
}
