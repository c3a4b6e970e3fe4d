//! Revocation lists (RFC 5280, 5): written when one is asked for and the last is out of date.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, RevocationReason as Code, RevokedCertParams, SerialNumber,
};

use crate::ledger::{Done, Work};
use crate::model::audit_event::AuditEvent;
use crate::model::authority::{Authority, AuthorityName, RevocationList, RevocationReason};
use crate::moment::Timestamp;
use crate::pki::certificate::Certificate;
use crate::protocol::error::{Doing, Failure, Fault};
use crate::store;
use crate::store::authority::StoredAuthority;
use crate::store::issued_certificate::Standing;

use super::CertificateAuthority;
use super::authorities::{Authorities, Opened};

/// The newest lists that this process has seen: strangers who ask do not each have them read.
#[derive(Debug, Default)]
pub(super) struct Newest(Mutex<BTreeMap<AuthorityName, Arc<RevocationList>>>);

impl Newest {
    fn find(&self, name: AuthorityName) -> Option<Arc<RevocationList>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned()
    }

    fn keep(&self, name: AuthorityName, list: &RevocationList) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, Arc::new(list.clone()));
    }
}

/// How often a list is written anew because another process was faster; it has then written one itself.
const MOST_TURNS: usize = 5;

impl CertificateAuthority {
    /// The revocation list of an authority, which covers every revocation that was made before this was asked; `None`
    /// before `hilum pki init`. `event` makes the record of a list that has to be written.
    pub async fn revocation_list(
        &self,
        name: AuthorityName,
        event: impl Fn() -> Result<AuditEvent, Fault>,
    ) -> Result<Option<RevocationList>, Failure> {
        // Whoever waits here finds what the one before has written.
        let mut writing = None;
        for _ in 0..MOST_TURNS {
            // Counted before the certificates are read: the list may cover more than it says, never less.
            let Some(authorities) = self.authorities().await? else { return Ok(None) };
            let Some(authority) = authorities.find(name) else { return Ok(None) };
            let revocations = authority.authority.revocations;
            let event = event()?;
            let now = event.at;
            if let Some(list) = self.newest.find(name).filter(|list| list.is_fresh(revocations, now)) {
                return Ok(Some(RevocationList::clone(&list)));
            }
            let before = store::authority::find_list(&self.db, name).await?;
            if let Some(list) = before.as_ref().filter(|list| list.is_fresh(revocations, now)) {
                self.newest.keep(name, list);
                return Ok(Some(list.clone()));
            }
            if writing.is_none() {
                writing = Some(self.writing.lock().await);
                continue;
            }
            let number = before.map_or(0, |list| list.number) + 1;
            let list = self.write(&authorities, authority, number, now).await?;
            if self.publish(event, name, list.clone()).await? {
                return Ok(Some(list));
            }
        }
        Err(Fault::new("writing a revocation list", "others write them all the time").into())
    }

    async fn write(
        &self,
        authorities: &Authorities,
        stored: &StoredAuthority,
        number: i64,
        now: Timestamp,
    ) -> Result<RevocationList, Fault> {
        let doing = "writing a revocation list";
        let covers = stored.authority.revocations;
        let revoked = match stored.authority.name {
            AuthorityName::Root => {
                let entries = authorities.under().filter_map(|one| entry_of(&one.authority).transpose());
                entries.collect::<Result<_, Fault>>()?
            }
            // What has expired stands in one more list (RFC 5280, 3.3).
            AuthorityName::Issuing(_) => {
                let (issuer, since) = (&stored.authority.subject, now - self.terms.list);
                let found = store::issued_certificate::find_revoked(&self.db, issuer, since).await?;
                let read: Option<Vec<RevokedCertParams>> = found.iter().map(entry).collect();
                read.ok_or_else(|| Fault::new(doing, "a serial number cannot be read"))?
            }
        };
        let this_update = now.replace_nanosecond(0).doing(doing)?;
        let next_update = this_update + self.terms.list;
        let authority = self.opened(stored).await?;
        let place = match self.places_in_hsm(&stored.kept) {
            Some(places) => Some(places.acquire_owned().await.doing(doing)?),
            None => None,
        };
        let signing = move || {
            let _place = place;
            sign(&authority, revoked, number, (this_update, next_update))
        };
        let der = tokio::task::spawn_blocking(signing).await.doing(doing)??;
        Ok(RevocationList { number, covers, der, this_update, next_update })
    }

    /// Keeps a list, unless another process has kept one of that number.
    async fn publish(
        &self,
        mut event: AuditEvent,
        name: AuthorityName,
        list: RevocationList,
    ) -> Result<bool, Failure> {
        event.target = Some(name.to_string());
        event.detail = Some(format!("number {}", list.number));
        self.ledger
            .transact(event, move |tx, _| -> Work<'_, bool> {
                Box::pin(async move {
                    let kept = store::authority::replace_list(tx, name, &list).await?;
                    Ok(if kept { Done::Changed(true) } else { Done::Unchanged(false) })
                })
            })
            .await
    }
}

fn sign(
    authority: &Opened,
    revoked: Vec<RevokedCertParams>,
    number: i64,
    (this_update, next_update): (Timestamp, Timestamp),
) -> Result<Vec<u8>, Fault> {
    let doing = "signing a revocation list";
    let number = u64::try_from(number).doing(doing)?;
    let params = CertificateRevocationListParams {
        this_update,
        next_update,
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: revoked,
        key_identifier_method: KeyIdMethod::Sha256,
    };
    Ok(params.signed_by(&authority.issuer()?).doing(doing)?.der().to_vec())
}

fn entry(standing: &Standing) -> Option<RevokedCertParams> {
    let reason = standing.revocation_reason.as_deref().and_then(RevocationReason::parse);
    Some(RevokedCertParams {
        serial_number: SerialNumber::from(octets(&standing.serial)?),
        revocation_time: standing.revoked_at?,
        reason_code: reason.and_then(code),
        invalidity_date: None,
    })
}

/// The entry of an authority, if the root has revoked it. A list without one that cannot be read would call it good.
fn entry_of(authority: &Authority) -> Result<Option<RevokedCertParams>, Fault> {
    let doing = "writing a revocation list";
    let Some((revocation_time, reason)) = authority.revocation.clone() else { return Ok(None) };
    let serial = Certificate::parse(&authority.certificate).doing(doing)?.serial_text();
    let serial = octets(&serial).ok_or_else(|| Fault::new(doing, "a serial number cannot be read"))?;
    let reason_code = match RevocationReason::parse(&reason) {
        // Of an authority it has a word of its own (RFC 5280, 5.3.1).
        Some(RevocationReason::KeyCompromise) => Some(Code::CaCompromise),
        other => other.and_then(code),
    };
    let serial_number = SerialNumber::from(serial);
    Ok(Some(RevokedCertParams { serial_number, revocation_time, reason_code, invalidity_date: None }))
}

/// The code of a reason. What was not said is left out (RFC 5280, 5.3.1).
const fn code(reason: RevocationReason) -> Option<Code> {
    match reason {
        RevocationReason::Unspecified => None,
        RevocationReason::KeyCompromise => Some(Code::KeyCompromise),
        RevocationReason::AffiliationChanged => Some(Code::AffiliationChanged),
        RevocationReason::Superseded => Some(Code::Superseded),
        RevocationReason::CessationOfOperation => Some(Code::CessationOfOperation),
        RevocationReason::PrivilegeWithdrawn => Some(Code::PrivilegeWithdrawn),
    }
}

/// Reads hexadecimal.
fn octets(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let pairs = digits?;
    pairs.chunks(2).map(|pair| <[u8; 2]>::try_from(pair).ok().map(|[high, low]| (high << 4) | low)).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::jose::algorithm::Algorithm;

    #[test]
    fn the_list_of_the_root_leaves_out_no_authority_that_it_cannot_read() {
        let at = datetime!(2026-11-22 12:00 UTC);
        let good = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let reason = RevocationReason::KeyCompromise.as_str().to_owned();
        let authority = |certificate: &[u8], revocation| Authority {
            name: AuthorityName::Root,
            certificate: certificate.to_vec(),
            subject: String::new(),
            not_after: at,
            algorithm: Algorithm::Es256,
            created_at: at,
            revocations: 0,
            revocation,
        };
        let (unreadable, good): (&[u8], &[u8]) = (&[1, 2, 3], good.cert.der());
        assert!(entry_of(&authority(unreadable, None)).unwrap().is_none());
        let entry = entry_of(&authority(good, Some((at, reason.clone())))).unwrap().unwrap();
        assert_eq!(entry.reason_code, Some(Code::CaCompromise));
        assert!(entry_of(&authority(unreadable, Some((at, reason)))).is_err());
    }
}
