//! A private key of our own as rcgen and OCSP want it.

use std::sync::Arc;

use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PublicKeyData, SignatureAlgorithm, SigningKey};
use serde_json::Value;
use x509_cert::der::asn1::{Any, UintRef};
use x509_cert::der::{Encode, Tag};
use x509_cert::spki::ObjectIdentifier;

use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::keys::custody::PrivateKey;
use crate::protocol::error::{Doing, Fault};

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

/// A key of an authority. Signing may block, since the key may be in an HSM.
#[derive(Clone)]
pub(super) struct Signer {
    key: Arc<PrivateKey>,
    /// The public point, uncompressed (SEC 1, 2.3.3).
    point: Vec<u8>,
    curve: Curve,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Curve {
    P256,
    P384,
}

impl Signer {
    pub(super) fn of(key: Arc<PrivateKey>) -> Result<Self, Fault> {
        let doing = "reading the key of an authority";
        let curve = match key.algorithm() {
            Algorithm::Es256 => Curve::P256,
            Algorithm::Es384 => Curve::P384,
            Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::EdDsa => {
                return Err(Fault::new(doing, "it is neither P-256 nor P-384"));
            }
        };
        let jwk = key.public_jwk("authority");
        let coordinate = |name: &str| jwk.get(name).and_then(Value::as_str).and_then(base64url::decode);
        let (Some(x), Some(y)) = (coordinate("x"), coordinate("y")) else {
            return Err(Fault::new(doing, "it has no point"));
        };
        Ok(Self { key, point: [&[4], x.as_slice(), &y].concat(), curve })
    }

    /// The algorithm of its signatures, whose parameters are absent (RFC 5758, 3.2).
    pub(super) const fn signature_oid(&self) -> ObjectIdentifier {
        match self.curve {
            Curve::P256 => ECDSA_WITH_SHA256,
            Curve::P384 => ECDSA_WITH_SHA384,
        }
    }

    /// Signs as X.509 wants it: r and s in a SEQUENCE (RFC 3279, 2.2.3).
    pub(super) fn sign_der(&self, message: &[u8]) -> Result<Vec<u8>, Fault> {
        let signature = self.key.sign_bytes(message)?;
        ecdsa_der(&signature).doing("writing a signature")
    }
}

impl PublicKeyData for Signer {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self.curve {
            Curve::P256 => &PKCS_ECDSA_P256_SHA256,
            Curve::P384 => &PKCS_ECDSA_P384_SHA384,
        }
    }
}

impl SigningKey for Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.sign_der(message).map_err(|fault| {
            tracing::error!(%fault, "an authority could not sign");
            rcgen::Error::RemoteKeyError
        })
    }
}

fn ecdsa_der(fixed: &[u8]) -> Result<Vec<u8>, x509_cert::der::Error> {
    let (r, s) = fixed.split_at_checked(fixed.len() / 2).unwrap_or_default();
    let numbers = [UintRef::new(r)?.to_der()?, UintRef::new(s)?.to_der()?].concat();
    Any::new(Tag::Sequence, numbers)?.to_der()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lose_leading_zeros_and_gain_the_one_that_keeps_them_positive() {
        let fixed = [0, 0, 0, 1, 0x80, 0, 0, 2];
        assert_eq!(ecdsa_der(&fixed).unwrap(), [0x30, 10, 2, 1, 1, 2, 5, 0, 0x80, 0, 0, 2]);
    }
}
