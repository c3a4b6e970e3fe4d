//! Where a client's public keys come from: by value or by reference, never both (RFC 7591, 2).

use crate::jose::jwk_set::JwkSet;
use crate::protocol::fields::Fields;

/// The source of a client's public keys.
#[derive(Clone, Debug)]
pub enum Keys {
    /// The client has none.
    None,
    /// `jwks`: in the registration itself.
    Inline(JwkSet),
    /// `jwks_uri`: fetched when an assertion needs it.
    At(String),
}

impl Keys {
    pub(in crate::protocol) fn read(fields: &mut Fields<'_>) -> Self {
        let jwks = fields.value("jwks");
        let uri = fields.text("jwks_uri").map(str::to_owned);
        match (jwks, uri) {
            (None, None) => Self::None,
            (None, Some(uri)) => Self::At(uri),
            (Some(_), Some(_)) => {
                fields.problem("jwks_uri", "must not stand beside jwks (RFC 7591, 2)");
                Self::None
            }
            (Some(set), None) => match JwkSet::parse(set) {
                Ok(set) => Self::Inline(set),
                Err(error) => {
                    fields.problem("jwks", error.to_string());
                    Self::None
                }
            },
        }
    }
}
