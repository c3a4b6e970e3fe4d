//! The key of an authority that has been replaced may be known to somebody: the root revokes it, and whatever it has
//! issued dies with it.

use crate::ledger::{Done, Work};
use crate::model::audit_event::AuditEvent;
use crate::model::authority::{Authority, AuthorityName, RevocationReason};
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Failure, Fault, Refusal};
use crate::store::{self, Tx};

use super::authorities::Authorities;
use super::rollover::conflict;
use super::{Acting, CertificateAuthority, Gate, not_found};

/// How many certificates are marked in one transaction: of an authority that has issued very many, each takes but a moment.
const BATCH: i64 = 1_000;

/// The certificates that were marked in one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// How many these were.
    pub certificates: u64,
    /// Whether there are no more.
    pub is_last: bool,
}

/// An authority that is revoked, and the root that says so, by their subjects.
struct Revoking {
    name: AuthorityName,
    subject: String,
    root: String,
    reason: RevocationReason,
}

impl CertificateAuthority {
    /// Revokes an authority that another has replaced: from then on it vouches for nobody. The first of its certificates
    /// are marked with it, the others by `revoke_rest`. Of one that was revoked before, it goes on with these.
    pub async fn revoke_authority(
        &self,
        acting: Acting,
        name: AuthorityName,
        reason: RevocationReason,
    ) -> Result<Part, Failure> {
        let Acting { mut event, gate, .. } = acting;
        event.target = Some(name.to_string());
        event.detail = Some(reason.as_str().to_owned());
        let found = match self.needed().await {
            Ok(authorities) => revocable(&authorities, name, reason).map_err(Failure::from),
            Err(failure) => Err(failure),
        };
        let revoking = match found {
            Ok(revoking) => revoking,
            Err(failure) => return self.refuse(event, failure).await,
        };
        let now = event.at;
        self.ledger
            .transact(event, move |tx, event| -> Work<'_, Part> {
                Box::pin(async move {
                    gate(tx).await?;
                    let (part, detail) = revoke_in(tx, &revoking, now).await?;
                    event.detail = Some(detail);
                    Ok(Done::Changed(part))
                })
            })
            .await
    }

    /// Marks more of the certificates of an authority that is revoked.
    pub async fn revoke_rest(&self, acting: Acting, name: AuthorityName) -> Result<Part, Failure> {
        let Acting { mut event, gate, .. } = acting;
        event.target = Some(name.to_string());
        let subject = match self.needed().await {
            Ok(authorities) => authorities.find(name).map(|found| found.authority.subject.clone()),
            Err(failure) => return self.refuse(event, failure).await,
        };
        let Some(subject) = subject else {
            return self.refuse(event, not_found("authority_unknown").into()).await;
        };
        let now = event.at;
        self.ledger
            .transact(event, move |tx, event| -> Work<'_, Part> {
                Box::pin(async move {
                    gate(tx).await?;
                    store::authority::lock(tx).await?;
                    let part = mark_in(tx, &subject, now).await?;
                    event.detail = Some(part.says());
                    Ok(if part.certificates == 0 { Done::Unchanged(part) } else { Done::Changed(part) })
                })
            })
            .await
    }

    /// Marks what is left where somebody was stopped while revoking an authority. `event` makes the record of each part.
    pub async fn revoke_what_is_left(
        &self,
        now: Timestamp,
        event: impl Fn() -> Result<AuditEvent, Fault>,
    ) -> Result<(), Failure> {
        let Some(authorities) = self.authorities().await? else { return Ok(()) };
        for Authority { name, subject, .. } in authorities.revoked() {
            let mut is_done = !store::issued_certificate::has_unrevoked(&self.db, subject, now).await?;
            while !is_done {
                let gate: Gate = Box::new(|_| Box::pin(async { Ok(()) }));
                let acting = Acting { by: String::new(), event: event()?, gate };
                is_done = self.revoke_rest(acting, *name).await?.is_last;
            }
        }
        Ok(())
    }
}

impl Part {
    fn says(self) -> String {
        format!("{} more certificates", self.certificates)
    }
}

/// Whether an authority can be revoked. One that has been replaced stays so: this holds in the transaction too.
fn revocable(
    authorities: &Authorities,
    name: AuthorityName,
    reason: RevocationReason,
) -> Result<Revoking, Refusal> {
    let root = &authorities.root.authority;
    if name == root.name {
        let told = "nothing stands above the root that could revoke it";
        let says = "stop the clients that show its certificates: hilum client disable".to_owned();
        return Err(conflict(told, (name, says), "authority_is_root"));
    }
    if name == authorities.issuing.authority.name {
        let told = "another authority has to take its place first";
        let says = format!("issues certificates: run hilum pki rollover --replace {name}");
        return Err(conflict(told, (name, says), "authority_issues"));
    }
    let found = authorities.find(name).ok_or_else(|| not_found("authority_unknown"))?;
    let (subject, root) = (found.authority.subject.clone(), root.subject.clone());
    Ok(Revoking { name, subject, root, reason })
}

async fn revoke_in(tx: &mut Tx, revoking: &Revoking, now: Timestamp) -> Result<(Part, String), Failure> {
    let Revoking { name, subject, root, reason } = revoking;
    // Whoever keeps a certificate of it has done so, or finds it revoked.
    store::authority::lock(tx).await?;
    let is_first = store::authority::mark_revoked(tx, *name, now, reason.as_str()).await?;
    let part = mark_in(tx, subject, now).await?;
    if is_first {
        store::authority::count_more_revocations(tx, root, 1).await?;
        return Ok((part, format!("{}, with {} certificates", reason.as_str(), part.certificates)));
    }
    if part.certificates == 0 {
        let about = (*name, "is revoked: see `hilum pki status`".to_owned());
        return Err(conflict("it has been revoked already", about, "authority_revoked").into());
    }
    Ok((part, part.says()))
}

/// Marks certificates of an authority that is revoked; the lists written before are then out of date.
async fn mark_in(tx: &mut Tx, subject: &str, now: Timestamp) -> Result<Part, Fault> {
    let certificates = store::issued_certificate::mark_revoked_with_issuer(tx, subject, now, BATCH).await?;
    let counted = i64::try_from(certificates).doing("counting revocations")?;
    store::authority::count_more_revocations(tx, subject, counted).await?;
    Ok(Part { certificates, is_last: counted < BATCH })
}
