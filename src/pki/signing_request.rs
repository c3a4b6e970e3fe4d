//! Requests for certificates (PKCS #10, RFC 2986). Only the key of one is believed, and that because
//! the request is signed with it: names, times and extensions come from the registration.

use std::borrow::Cow;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateSigningRequestDer, SignatureVerificationAlgorithm};
use webpki::aws_lc_rs as algorithms;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION,
    OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA, OID_SIG_ECDSA_WITH_SHA256,
    OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ECDSA_WITH_SHA512, OID_SIG_ED25519, Oid,
};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// A larger request is not looked at; one with the largest RSA key has three thousand bytes.
const LARGEST: usize = 16 * 1024;
/// The sizes of RSA keys that count, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A request whose sender holds the private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningRequest {
    der: Vec<u8>,
    public_key_info: Vec<u8>,
}

/// Why a request cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningRequestError {
    /// More bytes than any request needs.
    #[error("the request is too large")]
    TooLarge,
    /// Not one certification request in PEM or DER.
    #[error("not one PKCS #10 request in PEM or DER")]
    NotARequest,
    /// A key of another kind.
    #[error("the key must be RSA of 2048 to 8192 bits, P-256, P-384 or Ed25519")]
    Key,
    /// An algorithm that does not count.
    #[error("the request must be signed with SHA-256, SHA-384 or SHA-512, or by Ed25519")]
    Algorithm,
    /// Somebody else's key, or a request that was changed.
    #[error("the request is not signed with the key that it names")]
    Signature,
}

impl SigningRequestError {
    /// The code that audit records and logs carry.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "csr_too_large",
            Self::NotARequest => "csr_malformed",
            Self::Key => "csr_key_refused",
            Self::Algorithm => "csr_algorithm_refused",
            Self::Signature => "csr_signature_wrong",
        }
    }
}

impl SigningRequest {
    /// Reads a request in PEM or DER and verifies that it is signed with its own key (RFC 2986, 3).
    pub fn parse(bytes: &[u8]) -> Result<Self, SigningRequestError> {
        if bytes.len() > LARGEST {
            return Err(SigningRequestError::TooLarge);
        }
        let der = der_of(bytes)?;
        let (rest, found) =
            X509CertificationRequest::from_der(&der).map_err(|_| SigningRequestError::NotARequest)?;
        if !rest.is_empty() || found.signature_value.unused_bits != 0 {
            return Err(SigningRequestError::NotARequest);
        }
        let info = &found.certification_request_info;
        let key = KeyKind::of(&info.subject_pki)?;
        let judge =
            key.verified_by(&found.signature_algorithm.algorithm).ok_or(SigningRequestError::Algorithm)?;
        judge
            .verify_signature(
                &info.subject_pki.subject_public_key.data,
                info.raw,
                &found.signature_value.data,
            )
            .map_err(|_| SigningRequestError::Signature)?;
        let public_key_info = info.subject_pki.raw.to_vec();
        Ok(Self { public_key_info, der: der.into_owned() })
    }

    /// The request in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The SubjectPublicKeyInfo of the key that is to be certified.
    #[must_use]
    pub fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }
}

/// The kinds of keys that are certified.
#[derive(Clone, Copy)]
enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl KeyKind {
    fn of(key: &SubjectPublicKeyInfo<'_>) -> Result<Self, SigningRequestError> {
        let kind = &key.algorithm.algorithm;
        if *kind == OID_PKCS1_RSAENCRYPTION {
            let size = if let Ok(PublicKey::RSA(rsa)) = key.parsed() { rsa.key_size() } else { 0 };
            return if RSA_BITS.contains(&size) { Ok(Self::Rsa) } else { Err(SigningRequestError::Key) };
        }
        if *kind == OID_SIG_ED25519 {
            return Ok(Self::Ed25519);
        }
        let curve = key.algorithm.parameters.as_ref().and_then(|found| found.as_oid().ok());
        match curve {
            Some(curve) if *kind == OID_KEY_TYPE_EC_PUBLIC_KEY && curve == OID_EC_P256 => Ok(Self::P256),
            Some(curve) if *kind == OID_KEY_TYPE_EC_PUBLIC_KEY && curve == OID_NIST_EC_P384 => Ok(Self::P384),
            Some(_) | None => Err(SigningRequestError::Key),
        }
    }

    /// What verifies a signature of this kind of key. SHA-1 is not among them.
    fn verified_by(self, algorithm: &Oid<'_>) -> Option<&'static dyn SignatureVerificationAlgorithm> {
        let digests = match self {
            Self::Ed25519 => return (*algorithm == OID_SIG_ED25519).then_some(algorithms::ED25519),
            Self::Rsa => [OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA],
            Self::P256 | Self::P384 => {
                [OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ECDSA_WITH_SHA512]
            }
        };
        let judges: [&'static dyn SignatureVerificationAlgorithm; 3] = match self {
            Self::Rsa | Self::Ed25519 => [
                algorithms::RSA_PKCS1_2048_8192_SHA256,
                algorithms::RSA_PKCS1_2048_8192_SHA384,
                algorithms::RSA_PKCS1_2048_8192_SHA512,
            ],
            Self::P256 => {
                [algorithms::ECDSA_P256_SHA256, algorithms::ECDSA_P256_SHA384, algorithms::ECDSA_P256_SHA512]
            }
            Self::P384 => {
                [algorithms::ECDSA_P384_SHA256, algorithms::ECDSA_P384_SHA384, algorithms::ECDSA_P384_SHA512]
            }
        };
        digests.iter().zip(judges).find(|(name, _)| *name == algorithm).map(|(_, judge)| judge)
    }
}

fn der_of(bytes: &[u8]) -> Result<Cow<'_, [u8]>, SigningRequestError> {
    // DER begins with a SEQUENCE of more than 127 octets, as no text does.
    if matches!(bytes, [0x30, 0x80..=0xff, ..]) {
        return Ok(Cow::Borrowed(bytes));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| SigningRequestError::NotARequest)?;
    // Older tools write it so (RFC 7468, 7).
    let text = text.replace(" NEW CERTIFICATE REQUEST-", " CERTIFICATE REQUEST-");
    let mut found = CertificateSigningRequestDer::pem_slice_iter(text.as_bytes());
    match (found.next(), found.next()) {
        (Some(Ok(one)), None) => Ok(Cow::Owned(one.to_vec())),
        _ => Err(SigningRequestError::NotARequest),
    }
}
