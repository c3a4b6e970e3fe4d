//! The signature algorithms this server knows (RFC 7518, 3.1; RFC 8037, 3.1).

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    self, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, RsaEncoding, RsaParameters,
};

/// A signature algorithm. `none` and the HMAC family are no members: they cannot be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// `EdDSA` on Ed25519.
    EdDsa,
}

/// The family of keys an algorithm works with (the `kty` of a JWK).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// `RSA`
    Rsa,
    /// `EC`
    Ec,
    /// `OKP` (RFC 8037, 2)
    Okp,
}

impl Algorithm {
    /// Every algorithm, in the order in which metadata lists them.
    pub const ALL: &[Self] =
        &[Self::Rs256, Self::Rs384, Self::Ps256, Self::Ps384, Self::Es256, Self::Es384, Self::EdDsa];

    /// Reads an `alg` value. Names are case-sensitive (RFC 7515, 4.1.1). `Ed25519` is the newer name of the one EdDSA
    /// that is known here (RFC 9864, 2.2).
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if name == "Ed25519" {
            return Some(Self::EdDsa);
        }
        Self::ALL.iter().copied().find(|algorithm| algorithm.as_str() == name)
    }

    /// The `alg` value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Whether FAPI 2.0 allows it (Security Profile, 5.4.1).
    #[must_use]
    pub const fn is_of_fapi(self) -> bool {
        matches!(self, Self::Ps256 | Self::Es256 | Self::EdDsa)
    }

    /// The family of keys it works with.
    #[must_use]
    pub const fn key_type(self) -> KeyType {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Ps256 | Self::Ps384 => KeyType::Rsa,
            Self::Es256 | Self::Es384 => KeyType::Ec,
            Self::EdDsa => KeyType::Okp,
        }
    }

    /// What aws-lc needs to work with it.
    pub(super) const fn scheme(self) -> Scheme {
        match self {
            Self::Rs256 => Scheme::Rsa {
                verification: &signature::RSA_PKCS1_2048_8192_SHA256,
                signing: &signature::RSA_PKCS1_SHA256,
                hash: &digest::SHA256,
            },
            Self::Rs384 => Scheme::Rsa {
                verification: &signature::RSA_PKCS1_2048_8192_SHA384,
                signing: &signature::RSA_PKCS1_SHA384,
                hash: &digest::SHA384,
            },
            Self::Ps256 => Scheme::Rsa {
                verification: &signature::RSA_PSS_2048_8192_SHA256,
                signing: &signature::RSA_PSS_SHA256,
                hash: &digest::SHA256,
            },
            Self::Ps384 => Scheme::Rsa {
                verification: &signature::RSA_PSS_2048_8192_SHA384,
                signing: &signature::RSA_PSS_SHA384,
                hash: &digest::SHA384,
            },
            Self::Es256 => Scheme::Ec {
                verification: &signature::ECDSA_P256_SHA256_FIXED,
                signing: &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
                hash: &digest::SHA256,
            },
            Self::Es384 => Scheme::Ec {
                verification: &signature::ECDSA_P384_SHA384_FIXED,
                signing: &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
                hash: &digest::SHA384,
            },
            Self::EdDsa => Scheme::Ed25519,
        }
    }
}

/// An algorithm in the terms of aws-lc: how to verify, how to sign.
#[derive(Clone, Copy)]
pub(super) enum Scheme {
    Rsa {
        verification: &'static RsaParameters,
        signing: &'static dyn RsaEncoding,
        hash: &'static digest::Algorithm,
    },
    /// Signatures are of fixed length (RFC 7518, 3.4).
    Ec {
        verification: &'static EcdsaVerificationAlgorithm,
        signing: &'static EcdsaSigningAlgorithm,
        hash: &'static digest::Algorithm,
    },
    /// Without parameters.
    Ed25519,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.as_str()), Some(*algorithm));
        }
    }

    #[test]
    fn both_names_of_the_one_eddsa_are_understood() {
        assert_eq!(Algorithm::parse("Ed25519"), Some(Algorithm::EdDsa));
        for name in ["Ed448", "ed25519", "ED25519"] {
            assert_eq!(Algorithm::parse(name), None, "{name}");
        }
    }

    #[test]
    fn j01_j02_none_and_hmac_are_no_algorithms() {
        for name in [
            "none", "None", "nOnE", "NONE", "", "HS256", "HS384", "HS512", "rs256", "RS256 ", "RS1", "RS512",
            "ES256K", "eddsa", "RSA-OAEP", "dir",
        ] {
            assert_eq!(Algorithm::parse(name), None, "{name}");
        }
    }
}
