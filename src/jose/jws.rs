//! Compact JWS with a JSON object inside (RFC 7515, 7.1; RFC 7519).

use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

use super::algorithm::Algorithm;
use super::base64url;
use super::claims::Claims;
use super::jwk::{BadSignature, Jwk, JwkError, MAX_KID};
use super::object::{ObjectError, parse_object};

/// A token of the right form whose signature has not been looked at. Until it is, its claims may
/// serve to find the key, and for nothing else.
pub struct UnverifiedJws<'a> {
    signing_input: &'a str,
    signature: Vec<u8>,
    header: Header,
    claims: Claims,
}

/// What we read of a header. `x5u` and `x5c` are never looked at, and `jwk` by [`prove_possession`] alone: a
/// token does not bring its own key (J03, J04).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The algorithm, as the token claims it.
    pub alg: Algorithm,
    /// The key identifier.
    pub kid: Option<String>,
    /// The media type of the whole token.
    pub typ: Option<String>,
    /// Where the token says its keys are. To be compared with the registered address only.
    pub jku: Option<String>,
}

/// A part of a compact JWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first part.
    Header,
    /// The second part.
    Payload,
    /// The third part.
    Signature,
}

/// Why a token is refused; for the log and the audit record, not for the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JwsError {
    /// Longer than [`UnverifiedJws::MAX_LENGTH`].
    #[error("the token is too long")]
    TooLong,
    /// Not three parts, or a part is empty.
    #[error("the token does not have three parts")]
    Parts,
    /// A part is not base64url without padding.
    #[error("the token's {0} is not base64url without padding")]
    Encoding(Part),
    /// The header or the payload is not an acceptable JSON object.
    #[error("the token's {0}: {1}")]
    Object(Part, ObjectError),
    /// `alg` is missing, `none`, symmetric or unknown.
    #[error("the token's alg is missing or not accepted")]
    Algorithm,
    /// The header asks for an extension we do not have (RFC 7515, 4.1.11).
    #[error("the token's header has the member {0}, which is not accepted")]
    Extension(&'static str),
    /// A header member is of the wrong type or length.
    #[error("the token's header member {0} is of the wrong type or length")]
    Member(&'static str),
    /// The header has no acceptable public key of its own, where it must have one.
    #[error("the token's jwk: {0}")]
    OwnKey(JwkError),
    /// The key is not one for this algorithm.
    #[error("the key does not accept the token's alg")]
    OtherAlgorithm,
    /// The signature is not valid.
    #[error("the token's signature is not valid")]
    Signature,
}

impl<'a> UnverifiedJws<'a> {
    /// The longest token, in bytes.
    pub const MAX_LENGTH: usize = 16_384;

    /// Reads a token by form. Its algorithm is judged before anything else of it (SM-CA-02).
    ///
    /// # Errors
    /// The token is not an acceptable compact JWS.
    pub fn parse(token: &'a str) -> Result<Self, JwsError> {
        let (header, rest) = parts(token)?;
        Self::read(Header::parse(&object(header, Part::Header)?)?, rest)
    }

    fn read(
        header: Header,
        (signing_input, payload, signature): (&'a str, &str, &str),
    ) -> Result<Self, JwsError> {
        if payload.is_empty() || signature.is_empty() {
            return Err(JwsError::Parts);
        }
        let claims = Claims::from_map(object(payload, Part::Payload)?);
        let signature = decode(signature, Part::Signature)?;
        Ok(Self { signing_input, signature, header, claims })
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The claims, as yet nobody's word.
    #[must_use]
    pub const fn unverified_claims(&self) -> &Claims {
        &self.claims
    }

    /// Verifies the signature and gives the claims away.
    ///
    /// # Errors
    /// The key does not accept the algorithm, or the signature is not valid.
    pub fn verify(self, key: &Jwk) -> Result<Claims, JwsError> {
        if !key.accepts(self.header.alg) {
            return Err(JwsError::OtherAlgorithm);
        }
        key.verify(self.header.alg, self.signing_input.as_bytes(), &self.signature)
            .map(|()| self.claims)
            .map_err(|BadSignature| JwsError::Signature)
    }
}

/// Verifies a token with the key in its own header. That proves that whoever signed it holds this key and nothing
/// else, least of all who that is: a DPoP proof is read so (RFC 9449, 4.2), and no other token.
///
/// # Errors
/// The token is not an acceptable compact JWS, its `jwk` is no acceptable public key, or the signature is not that
/// key's.
pub fn prove_possession(token: &str) -> Result<(Header, Jwk, Claims), JwsError> {
    let (header, rest) = parts(token)?;
    let members = object(header, Part::Header)?;
    let header = Header::parse(&members)?;
    let key = Jwk::parse(members.get("jwk").unwrap_or(&Value::Null)).map_err(JwsError::OwnKey)?;
    let claims = UnverifiedJws::read(header.clone(), rest)?.verify(&key)?;
    Ok((header, key, claims))
}

/// The header of a compact JWS; and what is signed, the payload, and the signature.
fn parts(token: &str) -> Result<(&str, (&str, &str, &str)), JwsError> {
    if token.len() > UnverifiedJws::MAX_LENGTH {
        return Err(JwsError::TooLong);
    }
    let (signing_input, signature) = token.rsplit_once('.').ok_or(JwsError::Parts)?;
    let (header, payload) = signing_input.split_once('.').ok_or(JwsError::Parts)?;
    if payload.contains('.') || header.is_empty() {
        return Err(JwsError::Parts);
    }
    Ok((header, (signing_input, payload, signature)))
}

// The whole token may be a credential still in force: it is not printed.
impl fmt::Debug for UnverifiedJws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedJws")
            .field("header", &self.header)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

impl Header {
    fn parse(members: &Map<String, Value>) -> Result<Self, JwsError> {
        let alg = members.get("alg").and_then(Value::as_str).and_then(Algorithm::parse);
        let alg = alg.ok_or(JwsError::Algorithm)?;
        for extension in ["crit", "b64", "zip"] {
            if members.contains_key(extension) {
                return Err(JwsError::Extension(extension));
            }
        }
        let kid = text(members, "kid")?;
        if kid.as_ref().is_some_and(|kid| kid.is_empty() || kid.len() > MAX_KID) {
            return Err(JwsError::Member("kid"));
        }
        Ok(Self { alg, kid, typ: text(members, "typ")?, jku: text(members, "jku")? })
    }

    /// Whether `typ` is this media type; letter case and a leading `application/` do not count
    /// (RFC 7515, 4.1.9). An absent `typ` is no type.
    #[must_use]
    pub fn is_type(&self, name: &str) -> bool {
        self.typ.as_deref().is_some_and(|typ| bare_type(typ).eq_ignore_ascii_case(bare_type(name)))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

fn bare_type(name: &str) -> &str {
    const PREFIX: &str = "application/";
    match name.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
        _ => name,
    }
}

fn text(members: &Map<String, Value>, name: &'static str) -> Result<Option<String>, JwsError> {
    let Some(value) = members.get(name) else { return Ok(None) };
    value.as_str().map(|text| Some(text.to_owned())).ok_or(JwsError::Member(name))
}

fn object(encoded: &str, part: Part) -> Result<Map<String, Value>, JwsError> {
    parse_object(&decode(encoded, part)?).map_err(|error| JwsError::Object(part, error))
}

fn decode(encoded: &str, part: Part) -> Result<Vec<u8>, JwsError> {
    base64url::decode(encoded).ok_or(JwsError::Encoding(part))
}
