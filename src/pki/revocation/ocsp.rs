//! Asking whether a certificate was revoked, and what is answered (RFC 6960).

use aws_lc_rs::digest::{self, Algorithm};
use time::Duration;
use x509_cert::der::asn1::{BitString, ObjectIdentifier, OctetString};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfo};
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspRequest, OcspResponse, OcspResponseStatus, Request,
    ResponseData, SingleResponse, TbsRequest, Version,
};

use super::link::{Link, NoCheck};
use super::list::Reason;
use super::{RevocationList, SKEW, Status, moment, status};
use crate::moment::Timestamp;
use crate::pki::der::{Elements, inside};
use crate::pki::signature::Signed;
use crate::pki::thumbprint::Thumbprint;

const SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");
/// The identifier octet of `[0]`.
const CERTIFICATES: u8 = 0xa0;
/// More certificates than this in an answer are not looked at.
const MOST_CERTIFICATES: usize = 4;
/// How long an answer that does not say by when the next comes is fresh.
const UNSAID: Duration = Duration::minutes(5);

/// A question about one certificate.
pub struct Question<'a> {
    link: &'a Link,
    nonce: [u8; 32],
}

/// What an authority, or its delegate, has answered about a certificate. Made only of an answer whose signature was
/// verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Which certificate it is about.
    pub certificate: Thumbprint,
    /// Whether, and why, it was revoked.
    pub revoked: Option<Reason>,
    /// Since when it is so.
    pub this_update: Timestamp,
    /// Until when it may be believed.
    pub next_update: Timestamp,
}

/// Why an answer tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFault {
    /// It cannot be read.
    #[error("it is not an OCSP answer")]
    Malformed,
    /// The responder says that it cannot tell.
    #[error("the responder did not answer the question")]
    Unanswered,
    /// It answers another question: another certificate, or the nonce of another.
    #[error("it answers another question")]
    Another,
    /// It is signed by nobody who may.
    #[error("it is not signed by the authority or its delegate")]
    Signature,
    /// It is not of now.
    #[error("it is not of now")]
    NotCurrent,
    /// The responder does not know the certificate.
    #[error("the responder does not know the certificate")]
    Unknown,
}

/// Whether these are the octets of an answer that tells something, about whatever certificate.
#[must_use]
pub fn is_answer(der: &[u8]) -> bool {
    OcspResponse::from_der(der).is_ok_and(|answer| answer.response_status == OcspResponseStatus::Successful)
}

impl Answer {
    /// Whether it can be believed at a time.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.this_update <= now + SKEW && now < self.next_update
    }
}

impl<'a> Question<'a> {
    /// Asks about the certificate of a link, with 32 octets of chance.
    #[must_use]
    pub const fn about(link: &'a Link, nonce: [u8; 32]) -> Self {
        Self { link, nonce }
    }

    /// The question in DER. The certificate is named by SHA-1, as RFC 5019, 2.1.1 has it: a name, not a signature.
    #[must_use]
    pub fn to_der(&self) -> Option<Vec<u8>> {
        let (name, key) = self.hashes(&digest::SHA1_FOR_LEGACY_USE_ONLY)?;
        let hash_algorithm =
            AlgorithmIdentifierOwned { oid: SHA_1, parameters: Some(x509_cert::der::Any::null()) };
        let req_cert = CertId {
            hash_algorithm,
            issuer_name_hash: OctetString::new(name).ok()?,
            issuer_key_hash: OctetString::new(key).ok()?,
            serial_number: SerialNumber::new(self.link.subject.serial()).ok()?,
        };
        let nonce = Extension {
            extn_id: NONCE,
            critical: false,
            extn_value: OctetString::new(OctetString::new(self.nonce).ok()?.to_der().ok()?).ok()?,
        };
        let request = OcspRequest {
            tbs_request: TbsRequest {
                version: Version::V1,
                requestor_name: None,
                request_list: vec![Request { req_cert, single_request_extensions: None }],
                request_extensions: Some(vec![nonce]),
            },
            optional_signature: None,
        };
        request.to_der().ok()
    }

    /// Reads the answer. The lists are what tells whether a delegate was revoked in turn.
    pub fn judge(
        &self,
        answer: &[u8],
        lists: &[impl AsRef<RevocationList>],
        now: Timestamp,
    ) -> Result<Answer, AnswerFault> {
        let response = OcspResponse::from_der(answer).map_err(|_| AnswerFault::Malformed)?;
        if response.response_status != OcspResponseStatus::Successful {
            return Err(AnswerFault::Unanswered);
        }
        let bytes = response.response_bytes.filter(|bytes| bytes.response_type == BASIC);
        let bytes = bytes.ok_or(AnswerFault::Malformed)?;
        let whole = bytes.response.as_bytes();
        // Read as a type for its shape, and as elements for the octets that were signed.
        BasicOcspResponse::from_der(whole).map_err(|_| AnswerFault::Malformed)?;
        let mut elements = Elements::of(whole).ok_or(AnswerFault::Malformed)?;
        let signed = Signed::read(&mut elements).ok_or(AnswerFault::Malformed)?;
        let said = ResponseData::from_der(signed.message).map_err(|_| AnswerFault::Malformed)?;
        let certificates = elements.next_if(CERTIFICATES).and_then(inside);
        self.check_signer(&signed, certificates, (lists, now))?;
        self.read(&said, now)
    }

    /// The authority itself signs, or a delegate whose certificate comes with the answer (RFC 6960, 4.2.2.2).
    fn check_signer(
        &self,
        signed: &Signed<'_>,
        certificates: Option<&[u8]>,
        (lists, now): (&[impl AsRef<RevocationList>], Timestamp),
    ) -> Result<(), AnswerFault> {
        let authority = &self.link.authority;
        if signed.is_by(authority.key()) {
            return Ok(());
        }
        let mut certificates = certificates.and_then(Elements::of).unwrap_or(Elements::within(&[]));
        for _ in 0..MOST_CERTIFICATES {
            let Some(der) = certificates.next() else { break };
            let Some((delegate, no_check)) = authority.delegate(der, now) else { continue };
            let stands = match status(&delegate, lists, &[], now) {
                Status::Good => true,
                Status::Unknown | Status::Stale => no_check == NoCheck::Said,
                Status::Revoked(_) => false,
            };
            if stands && super::link::Authority::parse(der).is_some_and(|signer| signed.is_by(signer.key())) {
                return Ok(());
            }
        }
        Err(AnswerFault::Signature)
    }

    fn read(&self, said: &ResponseData, now: Timestamp) -> Result<Answer, AnswerFault> {
        let extensions = said.response_extensions.iter().flatten();
        let mut nonces = extensions.filter(|extension| extension.extn_id == NONCE);
        // A responder that prepares its answers repeats no nonce: then the time alone tells that it is of now.
        if let Some(nonce) = nonces.next() {
            let value =
                OctetString::from_der(nonce.extn_value.as_bytes()).map_err(|_| AnswerFault::Malformed)?;
            if value.as_bytes() != self.nonce {
                return Err(AnswerFault::Another);
            }
        }
        let mut about = said.responses.iter().filter(|single| self.is_about(&single.cert_id));
        let single = about.next().ok_or(AnswerFault::Another)?;
        let (this_update, next_update) = times(single).ok_or(AnswerFault::Malformed)?;
        let revoked = match &single.cert_status {
            CertStatus::Good(_) => None,
            CertStatus::Revoked(info) => {
                Some(info.revocation_reason.map_or(Reason::Unspecified, Reason::from))
            }
            CertStatus::Unknown(_) => return Err(AnswerFault::Unknown),
        };
        let certificate = self.link.subject.thumbprint();
        let answer = Answer { certificate, revoked, this_update, next_update };
        // What was revoked stays so, however old the answer is.
        if answer.is_fresh(now) || revoked.is_some() { Ok(answer) } else { Err(AnswerFault::NotCurrent) }
    }

    fn is_about(&self, id: &CertId) -> bool {
        let algorithm = match id.hash_algorithm.oid {
            SHA_1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            SHA_256 => &digest::SHA256,
            _ => return false,
        };
        let Some((name, key)) = self.hashes(algorithm) else { return false };
        let serial = SerialNumber::<x509_cert::certificate::Rfc5280>::new(self.link.subject.serial());
        id.issuer_name_hash.as_bytes() == name
            && id.issuer_key_hash.as_bytes() == key
            && serial.is_ok_and(|serial| id.serial_number == serial)
    }

    /// The digests of the authority's name and of its key, without what says which kind of key it is.
    fn hashes(&self, algorithm: &'static Algorithm) -> Option<(Vec<u8>, Vec<u8>)> {
        let authority = &self.link.authority;
        let info = SubjectPublicKeyInfo::<x509_cert::der::Any, BitString>::from_der(authority.key()).ok()?;
        let key = info.subject_public_key.as_bytes()?;
        let hash = |bytes: &[u8]| digest::digest(algorithm, bytes).as_ref().to_vec();
        Some((hash(authority.name()), hash(key)))
    }
}

fn times(single: &SingleResponse) -> Option<(Timestamp, Timestamp)> {
    let this_update = moment(single.this_update.0.to_unix_duration())?;
    let next_update = match &single.next_update {
        Some(next) => moment(next.0.to_unix_duration())?,
        None => this_update + UNSAID,
    };
    Some((this_update, next_update))
}
