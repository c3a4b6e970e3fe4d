//! Revocation lists (RFC 5280, 5): written when one is asked for and the last is out of date.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, RevocationReason as Code, RevokedCertParams, SerialNumber,
};

use crate::ledger::{Done, Work};
use crate::model::audit_event::AuditEvent;
use crate::model::authority::{AuthorityName, RevocationList, RevocationReason};
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Failure, Fault};
use crate::store;
use crate::store::issued_certificate::Standing;

use super::CertificateAuthority;
use super::authorities::Opened;

/// The newest lists that this process has seen: strangers who ask do not each have them read.
#[derive(Debug, Default)]
pub(super) struct Newest {
    root: ArcSwapOption<RevocationList>,
    issuing: ArcSwapOption<RevocationList>,
}

impl Newest {
    const fn of(&self, name: AuthorityName) -> &ArcSwapOption<RevocationList> {
        match name {
            AuthorityName::Root => &self.root,
            AuthorityName::Issuing => &self.issuing,
        }
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
        let Some(authorities) = self.authorities().await? else { return Ok(None) };
        // Whoever waits here finds what the one before has written.
        let mut writing = None;
        for _ in 0..MOST_TURNS {
            // Counted before the certificates are read: the list may cover more than it says, never less.
            let Some(revocations) = store::authority::count_revocations(&self.db, name).await? else {
                return Ok(None);
            };
            let event = event()?;
            let now = event.at;
            let held = self.newest.of(name).load_full();
            if let Some(list) = held.filter(|list| list.is_fresh(revocations, now)) {
                return Ok(Some(RevocationList::clone(&list)));
            }
            let before = store::authority::find_list(&self.db, name).await?;
            if let Some(list) = before.as_ref().filter(|list| list.is_fresh(revocations, now)) {
                self.newest.of(name).store(Some(Arc::new(list.clone())));
                return Ok(Some(list.clone()));
            }
            if writing.is_none() {
                writing = Some(self.writing.lock().await);
                continue;
            }
            let number = before.map_or(0, |list| list.number) + 1;
            let list = self.write(&authorities, name, (number, revocations), now).await?;
            if self.publish(event, name, list.clone()).await? {
                return Ok(Some(list));
            }
        }
        Err(Fault::new("writing a revocation list", "others write them all the time").into())
    }

    async fn write(
        &self,
        authorities: &Arc<super::Authorities>,
        name: AuthorityName,
        (number, covers): (i64, i64),
        now: Timestamp,
    ) -> Result<RevocationList, Fault> {
        let doing = "writing a revocation list";
        let revoked = match name {
            // The root has vouched for one authority, which nobody can revoke yet.
            AuthorityName::Root => Vec::new(),
            // What has expired stands in one more list (RFC 5280, 3.3).
            AuthorityName::Issuing => {
                store::issued_certificate::find_revoked(&self.db, now - self.terms.list).await?
            }
        };
        let this_update = now.replace_nanosecond(0).doing(doing)?;
        let next_update = this_update + self.terms.list;
        let authorities = authorities.clone();
        let place = self.places(&authorities.of(name).signer).acquire_owned().await.doing(doing)?;
        let signing = move || {
            let _place = place;
            sign(authorities.of(name), &revoked, number, (this_update, next_update))
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
        event.target = Some(name.as_str().to_owned());
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
    revoked: &[Standing],
    number: i64,
    (this_update, next_update): (Timestamp, Timestamp),
) -> Result<Vec<u8>, Fault> {
    let doing = "signing a revocation list";
    let revoked: Option<Vec<RevokedCertParams>> = revoked.iter().map(entry).collect();
    let number = u64::try_from(number).doing(doing)?;
    let params = CertificateRevocationListParams {
        this_update,
        next_update,
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: revoked.ok_or_else(|| Fault::new(doing, "a serial number cannot be read"))?,
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
