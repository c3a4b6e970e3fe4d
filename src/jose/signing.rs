//! Private keys that sign (RFC 7515, 5.1).

use std::fmt;

use aws_lc_rs::digest::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use serde_json::{Map, Value, json};
use thiserror::Error;
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Scheme};
use super::jwk::JwkError;
use super::material::{Curve, Material};
use super::{base64url, der, private_key};

/// A private key and the one algorithm it signs with.
pub struct SigningKey {
    algorithm: Algorithm,
    pair: Pair,
    public: Material,
}

/// Why a private key cannot be made, read, written or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The key could not be generated.
    #[error("the key could not be generated")]
    Generation,
    /// The bytes are no usable private key for this algorithm.
    #[error("not a usable private key for this algorithm")]
    Rejected,
    /// A member of the private JWK is missing, malformed or out of bounds.
    #[error("not a usable private key: {0}")]
    Jwk(#[from] JwkError),
    /// The key or the message could not be written.
    #[error("could not be encoded")]
    Encoding,
    /// The signature could not be made.
    #[error("could not be signed")]
    Signing,
}

/// A prepared key pair.
pub(super) enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Generates a key; RSA keys have 2048 bits.
    ///
    /// # Errors
    /// The library had no randomness or no memory.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let pair = match algorithm.scheme() {
            Scheme::Rsa { .. } => RsaKeyPair::generate(KeySize::Rsa2048).map(Pair::Rsa),
            Scheme::Ec { signing, .. } => EcdsaKeyPair::generate(signing).map(Pair::Ec),
            Scheme::Ed25519 => Ed25519KeyPair::generate().map(Pair::Ed25519),
        };
        Self::of(algorithm, pair.map_err(|_| KeyError::Generation)?)
    }

    /// Reads a key from PKCS#8.
    ///
    /// # Errors
    /// The bytes are no private key for this algorithm, or the key is out of bounds.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let pair = match algorithm.scheme() {
            Scheme::Rsa { .. } => RsaKeyPair::from_pkcs8(pkcs8).map(Pair::Rsa),
            Scheme::Ec { signing, .. } => EcdsaKeyPair::from_pkcs8(signing, pkcs8).map(Pair::Ec),
            Scheme::Ed25519 => Ed25519KeyPair::from_pkcs8(pkcs8).map(Pair::Ed25519),
        };
        Self::of(algorithm, pair.map_err(|_| KeyError::Rejected)?)
    }

    /// Reads a key from a private JWK.
    ///
    /// # Errors
    /// The members make no private key for this algorithm, or the key is out of bounds.
    pub fn from_private_jwk(algorithm: Algorithm, jwk: &Value) -> Result<Self, KeyError> {
        Self::of(algorithm, private_key::parse(algorithm, jwk)?)
    }

    /// Writes the key as PKCS#8, version 1.
    ///
    /// # Errors
    /// The library could not encode it.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.pair.to_pkcs8()
    }

    /// The algorithm it signs with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key as a JWK.
    #[must_use]
    pub fn public_jwk(&self, kid: &str) -> Value {
        let mut members = self.public.members();
        members.extend([("alg", self.algorithm.as_str().into()), ("use", "sig".into())]);
        members.push(("kid", kid.to_owned()));
        members.into_iter().collect()
    }

    /// The private key as a JWK: for development keys only, since its text is not wiped.
    ///
    /// # Errors
    /// The library could not encode it.
    pub fn private_jwk(&self, kid: &str) -> Result<Value, KeyError> {
        let mut jwk = self.public_jwk(kid);
        let members = jwk.as_object_mut().ok_or(KeyError::Encoding)?;
        for (name, value) in private_key::members(&self.pair)? {
            members.insert(name.to_owned(), value.into());
        }
        Ok(jwk)
    }

    /// Signs claims as a compact JWS.
    ///
    /// # Errors
    /// The library could not sign.
    pub fn sign(&self, kid: &str, typ: &str, claims: &Map<String, Value>) -> Result<String, KeyError> {
        let unsigned = Unsigned::new((self.algorithm, kid), typ, claims)?;
        let signature = self.sign_bytes(unsigned.input())?;
        Ok(unsigned.with(&signature))
    }

    /// Signs bytes; the signature is as JWS wants it (RFC 7518, 3).
    ///
    /// # Errors
    /// The library could not sign.
    pub fn sign_bytes(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match (&self.pair, self.algorithm.scheme()) {
            (Pair::Rsa(pair), Scheme::Rsa { signing, hash, .. }) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(signing, &digest(hash, message), &mut signature).map(|()| signature)
            }
            (Pair::Ec(pair), Scheme::Ec { hash, .. }) => {
                pair.sign_digest(&digest(hash, message)).map(|signature| signature.as_ref().to_vec())
            }
            (Pair::Ed25519(pair), Scheme::Ed25519) => {
                pair.try_sign(message).map(|signature| signature.as_ref().to_vec())
            }
            (Pair::Rsa(_) | Pair::Ec(_) | Pair::Ed25519(_), _) => return Err(KeyError::Signing),
        }
        .map_err(|_| KeyError::Signing)
    }

    fn of(algorithm: Algorithm, pair: Pair) -> Result<Self, KeyError> {
        let public = pair.public()?;
        if public.algorithms().contains(&algorithm) {
            Ok(Self { algorithm, pair, public })
        } else {
            Err(KeyError::Rejected)
        }
    }
}

/// A JWS that lacks its signature, so that it can be made elsewhere (RFC 7515, 5.1).
#[derive(Clone, Debug)]
pub struct Unsigned(String);

impl Unsigned {
    /// Writes header and claims.
    ///
    /// # Errors
    /// The claims cannot be written as JSON.
    pub fn new(
        (algorithm, kid): (Algorithm, &str),
        typ: &str,
        claims: &Map<String, Value>,
    ) -> Result<Self, KeyError> {
        let header = json!({ "alg": algorithm.as_str(), "kid": kid, "typ": typ }).to_string();
        let payload = serde_json::to_vec(claims).map_err(|_| KeyError::Encoding)?;
        let mut input = base64url::encode(header.as_bytes());
        input.push('.');
        input.push_str(&base64url::encode(&payload));
        Ok(Self(input))
    }

    /// What is signed.
    #[must_use]
    pub fn input(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The compact JWS.
    #[must_use]
    pub fn with(self, signature: &[u8]) -> String {
        let mut token = self.0;
        token.push('.');
        token.push_str(&base64url::encode(signature));
        token
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm)
            .field("thumbprint", &self.public.thumbprint())
            .finish_non_exhaustive()
    }
}

impl Pair {
    pub(super) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        match self {
            Self::Rsa(pair) => {
                AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map(|der| Zeroizing::new(der.as_ref().to_vec()))
            }
            Self::Ec(pair) => pair.to_pkcs8v1().map(|der| Zeroizing::new(der.as_ref().to_vec())),
            Self::Ed25519(pair) => pair.to_pkcs8v1().map(|der| Zeroizing::new(der.as_ref().to_vec())),
        }
        .map_err(|_| KeyError::Encoding)
    }

    /// The public numbers, held to the bounds that others' keys are held to.
    fn public(&self) -> Result<Material, KeyError> {
        match self {
            Self::Rsa(_) => {
                let pkcs8 = self.to_pkcs8()?;
                let [_version, n, e, ..] = der::rsa_numbers(&pkcs8).ok_or(KeyError::Encoding)?;
                Ok(Material::rsa(n.to_vec(), e.to_vec())?)
            }
            Self::Ec(pair) => {
                // An uncompressed point: one byte, then both coordinates (SEC 1, 2.3.3).
                let (_, point) = pair.public_key().as_ref().split_first().ok_or(KeyError::Encoding)?;
                let (x, y) = point.split_at_checked(point.len() / 2).ok_or(KeyError::Encoding)?;
                let curve = if x.len() == Curve::P384.length() { Curve::P384 } else { Curve::P256 };
                Ok(Material::Ec { curve, x: x.to_vec(), y: y.to_vec() })
            }
            Self::Ed25519(pair) => Ok(Material::Ed25519 { x: pair.public_key().as_ref().to_vec() }),
        }
    }
}
