//! Signatures of authorities over what is not a certificate: revocation lists and OCSP answers.

use webpki::ALL_VERIFICATION_ALGS;
use x509_cert::der::asn1::BitStringRef;
use x509_cert::der::{Decode, Tag};

use super::der::{Elements, content};

/// What is signed, by which algorithm, and the signature: the shape of a certificate, a revocation list and an OCSP
/// answer alike (RFC 5280, 4.1.1).
#[derive(Clone, Copy)]
pub(super) struct Signed<'a> {
    /// What is signed, as it is written.
    pub(super) message: &'a [u8],
    /// The AlgorithmIdentifier.
    pub(super) algorithm: &'a [u8],
    /// The signature.
    pub(super) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Reads the three from the elements of the outer SEQUENCE, and leaves what follows there.
    pub(super) fn read(elements: &mut Elements<'a>) -> Option<Self> {
        let (message, algorithm) = (elements.next()?, elements.next()?);
        let signature = BitStringRef::from_der(elements.next()?).ok()?.as_bytes()?;
        Some(Self { message, algorithm, signature })
    }

    /// Whether a key, a SubjectPublicKeyInfo in DER, made the signature. The algorithms are those that certificates
    /// may be signed by: no SHA-1, no RSA key below 2048 bits.
    pub(super) fn is_by(&self, key: &[u8]) -> bool {
        self.verified(key).is_some()
    }

    fn verified(&self, key: &[u8]) -> Option<()> {
        let mut info = Elements::of(key)?;
        let key_algorithm = content(info.next()?, Tag::Sequence)?;
        let bits = BitStringRef::from_der(info.next()?).ok()?.as_bytes()?;
        let algorithm = content(self.algorithm, Tag::Sequence)?;
        ALL_VERIFICATION_ALGS
            .iter()
            .filter(|known| known.public_key_alg_id().as_ref() == key_algorithm)
            .filter(|known| known.signature_alg_id().as_ref() == algorithm)
            .find(|known| known.verify_signature(bits, self.message, self.signature).is_ok())
            .map(|_| ())
    }
}
