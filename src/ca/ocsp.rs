//! The OCSP responder of the authorities that issue, or did: each signs the answers about its certificates itself
//! (RFC 6960).

use std::time::Duration;

use aws_lc_rs::digest::{self, digest};
use x509_cert::der::asn1::{BitString, GeneralizedTime, Null, ObjectIdentifier, OctetString};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspRequest, OcspResponse, ResponderId,
    ResponseData, RevokedInfo, SingleResponse, Version,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::model::authority::RevocationReason;
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};
use crate::store;
use crate::store::issued_certificate::Standing;

use super::CertificateAuthority;
use super::authorities::Opened;

/// A larger request is not looked at.
const LARGEST: usize = 16 * 1024;
/// How many answers are signed at once: anybody may ask. Of an HSM they have [a share](CertificateAuthority::places_in_hsm).
pub(super) const AT_ONCE: usize = 16;
/// Nobody asks for more certificates at once.
const MOST: usize = 20;
const NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// An answer of the responder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspAnswer {
    /// The OCSPResponse in DER.
    pub der: Vec<u8>,
    /// How long anybody may keep it; `None` for what is only for who asked.
    pub keep: Option<time::Duration>,
}

/// What was asked, as far as it counts.
struct Asked {
    certificates: Vec<CertId>,
    /// Echoed, so that the answer cannot be an old one (RFC 9654, 2.1).
    nonce: Option<Extension>,
}

/// What was asked of an authority.
struct Question {
    /// The certificates; those of other authorities are unknown to it.
    certificates: Vec<(CertId, Issuer)>,
    nonce: Option<Extension>,
    /// The authority's public key.
    key: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Issuer {
    Ours,
    Another,
}

/// Why there is no answer that is signed.
#[derive(Clone, Copy)]
enum NoAnswer {
    Malformed,
    /// Too many ask at once (RFC 6960, 2.3).
    TryLater,
    /// None of it is about certificates of an authority of ours (RFC 6960, 2.3).
    Unauthorized,
}

impl CertificateAuthority {
    /// Answers a request in DER; `None` before `hilum pki init`.
    pub async fn ocsp(&self, request: &[u8], now: Timestamp) -> Result<Option<OcspAnswer>, Fault> {
        let without = |none| Ok(Some(OcspAnswer { der: unsigned(none)?, keep: None }));
        let Ok(place) = self.answering.clone().try_acquire_owned() else {
            return without(NoAnswer::TryLater);
        };
        let Some(authorities) = self.authorities().await? else { return Ok(None) };
        let asked = match Asked::read(request) {
            Ok(asked) => asked,
            Err(none) => return without(none),
        };
        // One key signs an answer: that of the first authority that is meant.
        let mut about = None;
        for stored in authorities.under() {
            let names = Names::of(&stored.authority.certificate)?;
            if asked.certificates.iter().any(|id| names.issuer_of(id) == Issuer::Ours) {
                about = Some((stored, names));
                break;
            }
        }
        let Some((stored, names)) = about else { return without(NoAnswer::Unauthorized) };
        let question = asked.of(names);
        let serials: Vec<String> = question.certificates.iter().map(|(id, _)| serial_text(id)).collect();
        let issuer = &stored.authority.subject;
        let standings = store::issued_certificate::find_by_serials(&self.db, issuer, &serials).await?;
        let authority = self.opened(stored).await?;
        let doing = "signing an answer about certificates";
        let (keep, is_for_all) = (self.terms.answer, question.nonce.is_none());
        let share = match self.places_in_hsm(&stored.kept).map(tokio::sync::Semaphore::try_acquire_owned) {
            Some(Err(_)) => return without(NoAnswer::TryLater),
            Some(Ok(share)) => Some(share),
            None => None,
        };
        let signing = move || {
            // Until it is signed, whether or not anybody waits for it still.
            let _places = (place, share);
            answer(&authority, question, &standings, (now, keep))
        };
        let der = tokio::task::spawn_blocking(signing).await.doing(doing)??;
        Ok(Some(OcspAnswer { der, keep: is_for_all.then_some(keep) }))
    }
}

impl Asked {
    fn read(request: &[u8]) -> Result<Self, NoAnswer> {
        if request.len() > LARGEST {
            return Err(NoAnswer::Malformed);
        }
        // Who signed the request, if anybody did, makes no difference (RFC 6960, 4.1.2).
        let Ok(OcspRequest { tbs_request: asked, .. }) = OcspRequest::from_der(request) else {
            return Err(NoAnswer::Malformed);
        };
        let extensions = asked.request_extensions.unwrap_or_default();
        let each = asked.request_list.iter().flat_map(|one| one.single_request_extensions.iter().flatten());
        // What is critical and not understood cannot be answered (RFC 6960, 4.4).
        let strange = extensions.iter().chain(each).any(|found| found.critical && found.extn_id != NONCE);
        if asked.request_list.is_empty() || asked.request_list.len() > MOST || strange {
            return Err(NoAnswer::Malformed);
        }
        let nonce = nonce(extensions)?;
        let certificates = asked.request_list.into_iter().map(|one| one.req_cert).collect();
        Ok(Self { certificates, nonce })
    }

    /// What of it is about the certificates of an authority.
    fn of(self, names: Names) -> Question {
        let about = |id: CertId| {
            let issuer = names.issuer_of(&id);
            (id, issuer)
        };
        let certificates = self.certificates.into_iter().map(about).collect();
        Question { certificates, nonce: self.nonce, key: names.key }
    }
}

/// The nonce to echo: one of 1 to 32 octets is, a longer one is passed over up to 128 (RFC 9654, 2.1).
fn nonce(extensions: Vec<Extension>) -> Result<Option<Extension>, NoAnswer> {
    let mut found = extensions.into_iter().filter(|extension| extension.extn_id == NONCE);
    let (Some(one), None) = (found.next(), found.next()) else { return Ok(None) };
    let octets = OctetString::from_der(one.extn_value.as_bytes()).map_err(|_| NoAnswer::Malformed)?;
    match octets.as_bytes().len() {
        1..=32 => Ok(Some(Extension { critical: false, ..one })),
        33..=128 => Ok(None),
        _ => Err(NoAnswer::Malformed),
    }
}

/// The names by which requests mean an authority.
struct Names {
    subject: Vec<u8>,
    key: Vec<u8>,
}

impl Names {
    fn of(authority: &[u8]) -> Result<Self, Fault> {
        let (_, certificate) = X509Certificate::from_der(authority).doing("reading an authority")?;
        let key = certificate.public_key().subject_public_key.data.to_vec();
        Ok(Self { subject: certificate.subject().as_raw().to_vec(), key })
    }

    fn issuer_of(&self, id: &CertId) -> Issuer {
        let algorithm = match id.hash_algorithm.oid {
            SHA1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            SHA256 => &digest::SHA256,
            SHA384 => &digest::SHA384,
            SHA512 => &digest::SHA512,
            _ => return Issuer::Another,
        };
        let is = |value: &[u8], hash: &OctetString| digest(algorithm, value).as_ref() == hash.as_bytes();
        if is(&self.subject, &id.issuer_name_hash) && is(&self.key, &id.issuer_key_hash) {
            Issuer::Ours
        } else {
            Issuer::Another
        }
    }
}

/// Signs what is known of the certificates.
fn answer(
    authority: &Opened,
    question: Question,
    standings: &[Standing],
    (now, keep): (Timestamp, time::Duration),
) -> Result<Vec<u8>, Fault> {
    let doing = "writing an answer about certificates";
    let produced_at = moment(now)?;
    let mut responses = Vec::new();
    for (cert_id, issuer) in question.certificates {
        let serial = serial_text(&cert_id);
        let standing = standings.iter().find(|known| issuer == Issuer::Ours && known.serial == serial);
        responses.push(SingleResponse {
            cert_id,
            cert_status: standing.map_or(Ok(CertStatus::unknown()), status)?,
            this_update: produced_at,
            next_update: Some(moment(now + keep)?),
            single_extensions: None,
        });
    }
    let key = digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &question.key);
    let data = ResponseData {
        version: Version::V1,
        responder_id: ResponderId::ByKey(OctetString::new(key.as_ref()).doing(doing)?),
        produced_at,
        responses,
        response_extensions: question.nonce.map(|nonce| vec![nonce]),
    };
    let signature = authority.signer.sign_der(&data.to_der().doing(doing)?)?;
    let signed = BasicOcspResponse {
        tbs_response_data: data,
        signature_algorithm: AlgorithmIdentifierOwned {
            oid: authority.signer.signature_oid(),
            parameters: None,
        },
        signature: BitString::from_bytes(&signature).doing(doing)?,
        certs: None,
    };
    OcspResponse::successful(signed).and_then(|response| response.to_der()).doing(doing)
}

fn status(standing: &Standing) -> Result<CertStatus, Fault> {
    let Some(at) = standing.revoked_at else { return Ok(CertStatus::Good(Null)) };
    let reason = standing.revocation_reason.as_deref().and_then(RevocationReason::parse);
    let info = RevokedInfo { revocation_time: moment(at)?, revocation_reason: reason.and_then(code) };
    Ok(CertStatus::Revoked(info))
}

const fn code(reason: RevocationReason) -> Option<CrlReason> {
    match reason {
        RevocationReason::Unspecified => None,
        RevocationReason::KeyCompromise => Some(CrlReason::KeyCompromise),
        RevocationReason::AffiliationChanged => Some(CrlReason::AffiliationChanged),
        RevocationReason::Superseded => Some(CrlReason::Superseded),
        RevocationReason::CessationOfOperation => Some(CrlReason::CessationOfOperation),
        RevocationReason::PrivilegeWithdrawn => Some(CrlReason::PrivilegeWithdrawn),
    }
}

fn unsigned(none: NoAnswer) -> Result<Vec<u8>, Fault> {
    let response = match none {
        NoAnswer::Malformed => OcspResponse::malformed_request(),
        NoAnswer::TryLater => OcspResponse::try_later(),
        NoAnswer::Unauthorized => OcspResponse::unauthorized(),
    };
    response.to_der().doing("writing an answer about certificates")
}

fn serial_text(id: &CertId) -> String {
    let digits = id.serial_number.as_bytes().iter().flat_map(|octet| [octet >> 4, octet & 15]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

/// A time as ASN.1 writes it, to the second.
fn moment(at: Timestamp) -> Result<OcspGeneralizedTime, Fault> {
    let doing = "writing a time";
    let seconds = u64::try_from(at.unix_timestamp()).doing(doing)?;
    let time = GeneralizedTime::from_unix_duration(Duration::from_secs(seconds)).doing(doing)?;
    Ok(OcspGeneralizedTime(time))
}
