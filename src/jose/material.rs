//! The public numbers of a key (RFC 7518, 6; RFC 8037, 2) and what is prepared from them.

use std::ops::RangeInclusive;

use aws_lc_rs::signature::{ED25519, ParsedPublicKey, RsaPublicKeyComponents};
use serde_json::{Map, Value};

use super::algorithm::{Algorithm, Scheme};
use super::base64url;
use super::jwk::JwkError;
use super::thumbprint::sha256_base64url;

/// Smaller moduli are weak; larger ones cost us more than they protect (K04).
const MODULUS_BITS: RangeInclusive<usize> = 2048..=4096;
/// The exponent's bounds; it must be odd, too.
const EXPONENT: RangeInclusive<u64> = 65_537..=1 << 32;

/// The members of a JWK, read by name and type.
#[derive(Clone, Copy)]
pub(super) struct Members<'a>(pub &'a Map<String, Value>);

impl<'a> Members<'a> {
    pub(super) fn text(self, member: &'static str) -> Result<Option<&'a str>, JwkError> {
        let Some(value) = self.0.get(member) else { return Ok(None) };
        value.as_str().map(Some).ok_or(JwkError::NotText { member })
    }

    pub(super) fn required(self, member: &'static str) -> Result<&'a str, JwkError> {
        self.text(member)?.ok_or(JwkError::Missing { member })
    }

    pub(super) fn bytes(self, member: &'static str) -> Result<Vec<u8>, JwkError> {
        base64url::decode(self.required(member)?).ok_or(JwkError::NotBase64Url { member })
    }
}

/// A named curve for signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    Ed25519,
}

impl Curve {
    const ALL: [Self; 3] = [Self::P256, Self::P384, Self::Ed25519];

    const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::Ed25519 => "Ed25519",
        }
    }

    pub(super) const fn key_type(self) -> &'static str {
        match self {
            Self::P256 | Self::P384 => "EC",
            Self::Ed25519 => "OKP",
        }
    }

    /// The length of a coordinate, and of a private key, in bytes.
    pub(super) const fn length(self) -> usize {
        match self {
            Self::P256 | Self::Ed25519 => 32,
            Self::P384 => 48,
        }
    }

    fn of(members: Members<'_>, key_type: &str) -> Result<Self, JwkError> {
        let name = members.required("crv")?;
        let found = Self::ALL.into_iter().find(|curve| curve.as_str() == name);
        found.filter(|curve| curve.key_type() == key_type).ok_or(JwkError::Curve)
    }
}

/// The public numbers, within bounds. Points are checked when they are prepared.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { curve: Curve, x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: Vec<u8> },
}

impl Material {
    pub(super) fn parse(members: Members<'_>) -> Result<Self, JwkError> {
        match members.required("kty")? {
            "RSA" => Self::rsa(members.bytes("n")?, members.bytes("e")?),
            "EC" => {
                let curve = Curve::of(members, "EC")?;
                let (x, y) = (coordinate(members, "x", curve)?, coordinate(members, "y", curve)?);
                Ok(Self::Ec { curve, x, y })
            }
            "OKP" => {
                let curve = Curve::of(members, "OKP")?;
                Ok(Self::Ed25519 { x: coordinate(members, "x", curve)? })
            }
            _ => Err(JwkError::KeyType),
        }
    }

    pub(super) fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<Self, JwkError> {
        for (member, number) in [("n", &n), ("e", &e)] {
            // The shortest form only, so that a key has one thumbprint (RFC 7518, 6.3.1).
            if number.first().is_none_or(|first| *first == 0) {
                return Err(JwkError::NotShortest { member });
            }
        }
        let bits = bit_length(&n);
        if !MODULUS_BITS.contains(&bits) || is_even(&n) {
            return Err(JwkError::Modulus { bits });
        }
        let exponent = (e.len() <= 8).then(|| e.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)));
        if is_even(&e) || exponent.is_none_or(|value| !EXPONENT.contains(&value)) {
            return Err(JwkError::Exponent);
        }
        Ok(Self::Rsa { n, e })
    }

    /// What a key of this kind can verify.
    pub(super) const fn algorithms(&self) -> &'static [Algorithm] {
        match self {
            Self::Rsa { .. } => &[Algorithm::Rs256, Algorithm::Rs384, Algorithm::Ps256, Algorithm::Ps384],
            Self::Ec { curve: Curve::P384, .. } => &[Algorithm::Es384],
            Self::Ec { .. } => &[Algorithm::Es256],
            Self::Ed25519 { .. } => &[Algorithm::EdDsa],
        }
    }

    /// Prepares the key for one algorithm; aws-lc tells whether a point is on its curve.
    pub(super) fn prepare(&self, algorithm: Algorithm) -> Result<ParsedPublicKey, JwkError> {
        match (self, algorithm.scheme()) {
            (Self::Rsa { n, e }, Scheme::Rsa { verification, .. }) => {
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(verification)
            }
            (Self::Ec { x, y, .. }, Scheme::Ec { verification, .. }) => {
                ParsedPublicKey::new(verification, uncompressed(x, y))
            }
            (Self::Ed25519 { x }, Scheme::Ed25519) => ParsedPublicKey::new(&ED25519, x),
            (Self::Rsa { .. } | Self::Ec { .. } | Self::Ed25519 { .. }, _) => {
                return Err(JwkError::OtherAlgorithm { alg: algorithm.as_str() });
            }
        }
        .map_err(|_| JwkError::Rejected)
    }

    /// The required public members, and none else (RFC 7638, 3.2), in lexical order.
    pub(super) fn members(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Rsa { n, e } => {
                vec![("e", base64url::encode(e)), ("kty", "RSA".into()), ("n", base64url::encode(n))]
            }
            Self::Ec { curve, x, y } => vec![
                ("crv", curve.as_str().into()),
                ("kty", curve.key_type().into()),
                ("x", base64url::encode(x)),
                ("y", base64url::encode(y)),
            ],
            Self::Ed25519 { x } => vec![
                ("crv", Curve::Ed25519.as_str().into()),
                ("kty", Curve::Ed25519.key_type().into()),
                ("x", base64url::encode(x)),
            ],
        }
    }

    /// RFC 7638, 3. Written by hand, since the order of a map's members is not ours to promise;
    /// nothing in these values needs escaping.
    pub(super) fn thumbprint(&self) -> String {
        let members = self.members();
        let written: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        sha256_base64url(format!("{{{}}}", written.join(",")).as_bytes())
    }
}

/// A point as SEC 1, 2.3.3 writes it.
pub(super) fn uncompressed(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4], x, y].concat()
}

fn coordinate(members: Members<'_>, member: &'static str, curve: Curve) -> Result<Vec<u8>, JwkError> {
    let bytes = members.bytes(member)?;
    let expected = curve.length();
    if bytes.len() == expected { Ok(bytes) } else { Err(JwkError::Length { member, expected }) }
}

/// The number's length in bits; its first byte is not zero.
fn bit_length(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |first| first.leading_zeros());
    (number.len() * 8).saturating_sub(usize::try_from(unused).unwrap_or(0))
}

fn is_even(number: &[u8]) -> bool {
    number.last().is_none_or(|last| last % 2 == 0)
}
