//! How strong a key is, and how what it has signed was hashed.

use x509_parser::oid_registry::{OID_KEY_TYPE_EC_PUBLIC_KEY, OID_PKCS1_RSAENCRYPTION};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// The named curves that are known here, and the size of their keys.
const CURVES: [(&str, u32); 5] = [
    ("1.2.840.10045.3.1.1", 192),
    ("1.3.132.0.33", 224),
    ("1.2.840.10045.3.1.7", 256),
    ("1.3.132.0.34", 384),
    ("1.3.132.0.35", 521),
];

/// Ed25519 and Ed448 (RFC 8410, 3), whose strength is that of curves of so many bits.
const EDWARDS: [(&str, u32); 2] = [("1.3.101.112", 256), ("1.3.101.113", 448)];

/// Signatures over digests that can be forged: MD2, MD5 and SHA-1, by RSA, DSA and ECDSA.
const FORGEABLE: [&str; 7] = [
    "1.2.840.113549.1.1.2",
    "1.2.840.113549.1.1.4",
    "1.2.840.113549.1.1.5",
    "1.3.14.3.2.29",
    "1.2.840.10040.4.3",
    "1.3.14.3.2.27",
    "1.2.840.10045.4.1",
];

/// A kind of key, and its size in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA, with a modulus of so many bits.
    Rsa(u32),
    /// A key on a named curve of so many bits.
    Curve(u32),
    /// Any other, or one that cannot be read.
    Other,
}

/// The smallest keys that are taken, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeastKeys {
    /// Of RSA.
    pub rsa: u32,
    /// Of elliptic curves.
    pub curve: u32,
}

impl LeastKeys {
    /// What is always demanded (NIST SP 800-131A).
    pub const USUAL: Self = Self { rsa: 2048, curve: 256 };

    /// Whether a key is no smaller.
    #[must_use]
    pub const fn take(self, key: KeyKind) -> bool {
        match key {
            KeyKind::Rsa(bits) => bits >= self.rsa,
            KeyKind::Curve(bits) => bits >= self.curve,
            KeyKind::Other => false,
        }
    }
}

impl KeyKind {
    pub(super) fn of_x509(key: &SubjectPublicKeyInfo<'_>) -> Self {
        let algorithm = key.algorithm.algorithm.to_id_string();
        if key.algorithm.algorithm == OID_PKCS1_RSAENCRYPTION {
            return match key.parsed() {
                Ok(PublicKey::RSA(rsa)) => u32::try_from(rsa.key_size()).map_or(Self::Other, Self::Rsa),
                Ok(_) | Err(_) => Self::Other,
            };
        }
        if key.algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
            let curve = key.algorithm.parameters.as_ref().and_then(|found| found.as_oid().ok());
            let curve = curve.map(|curve| curve.to_id_string());
            return curve.and_then(|curve| size_of(&CURVES, &curve)).map_or(Self::Other, Self::Curve);
        }
        size_of(&EDWARDS, &algorithm).map_or(Self::Other, Self::Curve)
    }
}

/// Whether a signature is over a digest for which another text of the same digest can be made.
pub(super) fn is_forgeable(signature: &AlgorithmIdentifier<'_>) -> bool {
    FORGEABLE.contains(&signature.algorithm.to_id_string().as_str())
}

fn size_of(known: &[(&str, u32)], name: &str) -> Option<u32> {
    known.iter().find(|(oid, _)| *oid == name).map(|(_, bits)| *bits)
}
