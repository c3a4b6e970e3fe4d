//! A public JSON Web Key for signatures (RFC 7517), bounded and prepared for use.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::ParsedPublicKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::algorithm::{Algorithm, KeyType};
use super::material::{Material, Members};

/// The longest `kid`, in bytes.
pub const MAX_KID: usize = 256;
/// The most certificates in an `x5c`.
pub const MAX_CERTIFICATES: usize = 8;
/// The longest certificate in an `x5c`, in bytes of DER.
pub const MAX_CERTIFICATE: usize = 16_384;

/// Members that only a private key has (RFC 7518, 6.2.2 and 6.3.2; `priv` of the `AKP` type).
const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// A public key for verifying signatures. Every one of them is within bounds and ready to use.
#[derive(Clone)]
pub struct Jwk {
    kid: Option<String>,
    alg: Option<Algorithm>,
    x5c: Vec<Vec<u8>>,
    material: Material,
    prepared: Arc<[(Algorithm, ParsedPublicKey)]>,
}

/// What is wrong with a key, told to those who register it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JwkError {
    /// Not a JSON object.
    #[error("a key must be a JSON object")]
    NotAnObject,
    /// The key is private, and has now been shown to somebody.
    #[error(
        "the member {member} belongs to a private key: send the public key only, and replace this one, since it has been disclosed"
    )]
    Private {
        /// The member found.
        member: &'static str,
    },
    /// The key is a shared secret.
    #[error("kty oct is a symmetric key: only RSA, EC and OKP public keys are accepted")]
    Symmetric,
    /// A required member is missing.
    #[error("the member {member} is missing")]
    Missing {
        /// The member.
        member: &'static str,
    },
    /// A member is not text.
    #[error("the member {member} must be text")]
    NotText {
        /// The member.
        member: &'static str,
    },
    /// A member is not base64url without padding.
    #[error("the member {member} must be base64url without padding")]
    NotBase64Url {
        /// The member.
        member: &'static str,
    },
    /// The kind of key is not known.
    #[error("kty must be RSA, EC or OKP")]
    KeyType,
    /// The curve is not known, or not one of its `kty`.
    #[error("crv must be P-256 or P-384 with kty EC, or Ed25519 with kty OKP")]
    Curve,
    /// An RSA number has leading zero bytes, or none at all.
    #[error("the member {member} must be a number in its shortest form, without leading zero bytes")]
    NotShortest {
        /// The member.
        member: &'static str,
    },
    /// The RSA modulus is outside the accepted sizes, or even.
    #[error("n must be an odd number of 2048 to 4096 bits; it has {bits} bits")]
    Modulus {
        /// The length found, in bits.
        bits: usize,
    },
    /// The RSA exponent is outside the accepted range, or even.
    #[error("e must be an odd number from 65537 to 2^32")]
    Exponent,
    /// A coordinate has not the length of its curve.
    #[error("the member {member} must have {expected} bytes on this curve")]
    Length {
        /// The member.
        member: &'static str,
        /// The length in bytes.
        expected: usize,
    },
    /// The numbers make no key: the point is not on its curve.
    #[error("the public numbers make no valid key: with kty EC, the point is not on its curve")]
    Rejected,
    /// The key is meant for something else.
    #[error("use must be sig")]
    Use,
    /// The key may not verify.
    #[error("key_ops must be an array of texts that contains verify")]
    Operations,
    /// The algorithm is not known.
    #[error("alg must be one of RS256, RS384, PS256, PS384, ES256, ES384, EdDSA")]
    UnknownAlgorithm,
    /// The algorithm is one for another kind of key.
    #[error("alg {alg} cannot be used with a key of this kty and crv")]
    OtherAlgorithm {
        /// The algorithm.
        alg: &'static str,
    },
    /// The key identifier is empty or too long.
    #[error("kid must have 1 to 256 bytes")]
    Kid,
    /// The certificates are malformed, too many or too long.
    #[error(
        "x5c must be an array of 1 to 8 certificates in base64 with padding, each of at most 16384 bytes"
    )]
    Certificates,
}

/// The signature is not this key's over this message under this algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signature is not valid")]
pub struct BadSignature;

impl Jwk {
    /// Reads a public key.
    ///
    /// # Errors
    /// The key is private or symmetric, of an unknown kind, out of bounds, or not for signatures.
    pub fn parse(value: &Value) -> Result<Self, JwkError> {
        let members = value.as_object().ok_or(JwkError::NotAnObject)?;
        refuse_secrets(members)?;
        let reader = Members(members);
        let material = Material::parse(reader)?;
        check_purpose(reader)?;
        let alg = parse_alg(reader, &material)?;
        let kid = parse_kid(reader)?;
        let x5c = parse_x5c(members)?;
        let wanted = material.algorithms().iter().filter(|each| alg.is_none_or(|alg| alg == **each));
        let prepared = wanted.map(|each| Ok((*each, material.prepare(*each)?)));
        Ok(Self { kid, alg, x5c, prepared: prepared.collect::<Result<_, JwkError>>()?, material })
    }

    /// The key identifier.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The one algorithm the key is limited to, where its owner said so.
    #[must_use]
    pub const fn alg(&self) -> Option<Algorithm> {
        self.alg
    }

    /// The certificates that came with the key, in DER. Nothing has been believed of them.
    #[must_use]
    pub fn x5c(&self) -> &[Vec<u8>] {
        &self.x5c
    }

    /// The family of the key.
    #[must_use]
    pub const fn key_type(&self) -> KeyType {
        match self.material {
            Material::Rsa { .. } => KeyType::Rsa,
            Material::Ec { .. } => KeyType::Ec,
            Material::Ed25519 { .. } => KeyType::Okp,
        }
    }

    /// Whether the key fits the algorithm, by its kind, its curve and its own `alg`.
    #[must_use]
    pub fn accepts(&self, algorithm: Algorithm) -> bool {
        self.prepared.iter().any(|(each, _)| *each == algorithm)
    }

    /// The thumbprint with SHA-256 (RFC 7638), in base64url.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        self.material.thumbprint()
    }

    /// The public members in canonical form: what was not understood is left out.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let numbers = self.material.members();
        let mut members: Map<_, _> =
            numbers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        members.insert("use".into(), "sig".into());
        if let Some(kid) = &self.kid {
            members.insert("kid".into(), kid.as_str().into());
        }
        if let Some(alg) = self.alg {
            members.insert("alg".into(), alg.as_str().into());
        }
        if !self.x5c.is_empty() {
            let written: Vec<_> = self.x5c.iter().map(|der| STANDARD.encode(der)).collect();
            members.insert("x5c".into(), json!(written));
        }
        Value::Object(members)
    }

    /// Verifies a signature. The algorithm is never the message's choice alone: the key must
    /// accept it.
    ///
    /// # Errors
    /// The key does not accept the algorithm, or the signature is not valid.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let (_, key) = self.prepared.iter().find(|(each, _)| *each == algorithm).ok_or(BadSignature)?;
        key.verify_sig(message, signature).map_err(|_| BadSignature)
    }
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwk")
            .field("kid", &self.kid)
            .field("thumbprint", &self.thumbprint())
            .finish_non_exhaustive()
    }
}

/// Refuses secret material, whatever kind of key it claims to be (SM-CA-11).
pub(super) fn refuse_secrets(members: &Map<String, Value>) -> Result<(), JwkError> {
    if members.get("kty").and_then(Value::as_str) == Some("oct") {
        return Err(JwkError::Symmetric);
    }
    let found = PRIVATE_MEMBERS.into_iter().find(|member| members.contains_key(*member));
    found.map_or(Ok(()), |member| Err(JwkError::Private { member }))
}

/// `use` and `key_ops` (RFC 7517, 4.2 and 4.3).
fn check_purpose(members: Members<'_>) -> Result<(), JwkError> {
    if members.text("use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(JwkError::Use);
    }
    let Some(operations) = members.0.get("key_ops") else { return Ok(()) };
    let operations = operations.as_array().ok_or(JwkError::Operations)?;
    let named: Option<Vec<_>> = operations.iter().map(Value::as_str).collect();
    if named.is_some_and(|named| named.contains(&"verify")) { Ok(()) } else { Err(JwkError::Operations) }
}

fn parse_alg(members: Members<'_>, material: &Material) -> Result<Option<Algorithm>, JwkError> {
    let Some(name) = members.text("alg")? else { return Ok(None) };
    let alg = Algorithm::parse(name).ok_or(JwkError::UnknownAlgorithm)?;
    if material.algorithms().contains(&alg) {
        Ok(Some(alg))
    } else {
        Err(JwkError::OtherAlgorithm { alg: alg.as_str() })
    }
}

fn parse_kid(members: Members<'_>) -> Result<Option<String>, JwkError> {
    match members.text("kid")? {
        Some(kid) if kid.is_empty() || kid.len() > MAX_KID => Err(JwkError::Kid),
        kid => Ok(kid.map(str::to_owned)),
    }
}

fn parse_x5c(members: &Map<String, Value>) -> Result<Vec<Vec<u8>>, JwkError> {
    let Some(value) = members.get("x5c") else { return Ok(Vec::new()) };
    let items = value.as_array().ok_or(JwkError::Certificates)?;
    if !(1..=MAX_CERTIFICATES).contains(&items.len()) {
        return Err(JwkError::Certificates);
    }
    items.iter().map(|item| certificate(item).ok_or(JwkError::Certificates)).collect()
}

fn certificate(value: &Value) -> Option<Vec<u8>> {
    let der = STANDARD.decode(value.as_str()?).ok()?;
    (1..=MAX_CERTIFICATE).contains(&der.len()).then_some(der)
}
