//! The key of an authority that has been replaced may be known to somebody: the root revokes it, and whatever it has
//! issued dies with it.

use crate::ledger::{Done, Work};
use crate::model::authority::{AuthorityName, RevocationReason};
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Failure, Refusal};
use crate::store::{self, Tx};

use super::authorities::Authorities;
use super::rollover::conflict;
use super::{Acting, CertificateAuthority, not_found};

/// What is said of the certificates of an authority whose key is known: theirs is not (RFC 5280, 5.3.1).
const ISSUER_COMPROMISED: &str = "cACompromise";

/// An authority that is revoked, and the root that says so, by their subjects.
struct Revoking {
    name: AuthorityName,
    subject: String,
    root: String,
    reason: RevocationReason,
}

impl CertificateAuthority {
    /// Revokes an authority that another has replaced, and every certificate that it has issued; the answer is how many
    /// these were.
    pub async fn revoke_authority(
        &self,
        acting: Acting,
        name: AuthorityName,
        reason: RevocationReason,
    ) -> Result<u64, Failure> {
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
            .transact(event, move |tx, event| -> Work<'_, u64> {
                Box::pin(async move {
                    gate(tx).await?;
                    let many = revoke_in(tx, &revoking, now).await?;
                    event.detail = Some(format!("{}, with {many} certificates", reason.as_str()));
                    Ok(Done::Changed(many))
                })
            })
            .await
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

async fn revoke_in(tx: &mut Tx, revoking: &Revoking, now: Timestamp) -> Result<u64, Failure> {
    let Revoking { name, subject, root, reason } = revoking;
    // Whoever keeps a certificate of it has done so, or finds it revoked.
    store::authority::lock(tx).await?;
    if !store::authority::mark_revoked(tx, *name, now, reason.as_str()).await? {
        let about = (*name, "is revoked: see `hilum pki status`".to_owned());
        return Err(conflict("it has been revoked already", about, "authority_revoked").into());
    }
    store::authority::count_more_revocations(tx, root, 1).await?;
    let of_each =
        if *reason == RevocationReason::KeyCompromise { ISSUER_COMPROMISED } else { reason.as_str() };
    let many = store::issued_certificate::mark_all_revoked(tx, subject, now, of_each).await?;
    let counted = i64::try_from(many).doing("counting revocations")?;
    store::authority::count_more_revocations(tx, subject, counted).await?;
    Ok(many)
}
