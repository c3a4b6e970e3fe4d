//! Whether a certificate of a path was revoked: by the lists of its authority (RFC 5280, 6.3) and by the answers of
//! its responder (RFC 6960). What nobody who may be believed calls good is refused.

mod link;
mod list;
mod ocsp;

use std::time::Duration;

use x509_cert::der::Tag;

pub use link::{Authority, Link, Subject, links};
pub use list::{ListFault, Reason, RevocationList};
pub use ocsp::{Answer, AnswerFault, Question, is_answer};

use super::{PathFault, TrustedPath};
use crate::moment::Timestamp;

/// How far the clocks of those who publish may run ahead of ours.
const SKEW: time::Duration = time::Duration::minutes(5);

/// What is known of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was revoked, says a list or an answer, however old.
    Revoked(Reason),
    /// It was not, says something that is fresh.
    Good,
    /// Nothing that speaks of it is fresh.
    Stale,
    /// Nothing speaks of it.
    Unknown,
}

impl Status {
    /// Why it was revoked, if it was.
    #[must_use]
    pub fn reason(self) -> Option<Reason> {
        if let Self::Revoked(reason) = self { Some(reason) } else { None }
    }
}

/// Judges the certificates of a path by lists and answers.
pub fn judge(
    path: &TrustedPath,
    lists: &[impl AsRef<RevocationList>],
    answers: &[Answer],
    now: Timestamp,
) -> Result<(), PathFault> {
    let links = links(path).ok_or(PathFault::Malformed)?;
    judge_links(&links, lists, answers, now)
}

/// Judges links: one that is revoked decides, whatever is not known of others.
pub fn judge_links(
    links: &[Link],
    lists: &[impl AsRef<RevocationList>],
    answers: &[Answer],
    now: Timestamp,
) -> Result<(), PathFault> {
    let found: Vec<Status> = links.iter().map(|link| status(link, lists, answers, now)).collect();
    if found.iter().any(|status| matches!(status, Status::Revoked(_))) {
        return Err(PathFault::Revoked);
    }
    if found.contains(&Status::Unknown) {
        return Err(PathFault::RevocationUnknown);
    }
    if found.contains(&Status::Stale) {
        return Err(PathFault::RevocationStale);
    }
    Ok(())
}

/// What lists and answers tell of the certificate of a link.
pub fn status(
    link: &Link,
    lists: &[impl AsRef<RevocationList>],
    answers: &[Answer],
    now: Timestamp,
) -> Status {
    let lists = lists.iter().map(AsRef::as_ref);
    let lists = lists.filter(|list| list.covers(&link.subject) && list.is_by(&link.authority));
    let told = lists.map(|list| (list.revokes(&link.subject), list.is_fresh(now)));
    let answers = answers.iter().filter(|answer| answer.certificate == link.subject.thumbprint());
    let told = told.chain(answers.map(|answer| (answer.revoked, answer.is_fresh(now))));
    let mut status = Status::Unknown;
    for (revoked, is_fresh) in told {
        match (revoked, is_fresh) {
            (Some(reason), _) => return Status::Revoked(reason),
            (None, true) => status = Status::Good,
            (None, false) if status == Status::Unknown => status = Status::Stale,
            (None, false) => {}
        }
    }
    status
}

/// The lists in the bytes of a file, in PEM or DER.
pub fn lists_in(bytes: &[u8]) -> Result<Vec<RevocationList>, String> {
    use rustls::pki_types::CertificateRevocationListDer;
    use rustls::pki_types::pem::PemObject;
    let read = |der: Vec<u8>| RevocationList::parse(der).map_err(|fault| fault.to_string());
    // No text begins like DER.
    if super::der::content(bytes, Tag::Sequence).is_some() || matches!(bytes, [0x30, 0x80..=0xff, ..]) {
        return Ok(vec![read(bytes.to_vec())?]);
    }
    let ders: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(bytes).collect();
    let ders = ders.map_err(|_| "it is not PEM".to_owned())?;
    if ders.is_empty() {
        return Err("it holds no revocation list".to_owned());
    }
    ders.into_iter().map(|der| read(der.as_ref().to_vec())).collect()
}

fn moment(since_1970: Duration) -> Option<Timestamp> {
    let seconds = i64::try_from(since_1970.as_secs()).ok()?;
    Timestamp::from_unix_timestamp(seconds).ok()
}
