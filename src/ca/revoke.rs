//! The revocation of certificates, whoever issued them.

use crate::ledger::{Done, Work};
use crate::model::authority::RevocationReason;
use crate::model::certificate::{CertificateOrigin, KnownCertificate};
use crate::moment::Timestamp;
use crate::pki::thumbprint::Thumbprint;
use crate::protocol::error::{Doing, ErrorCode, Failure, Reason, Refusal};
use crate::store::{self, Tx};

use super::{Acting, CertificateAuthority, not_found};

/// What a revocation has done.
struct Revoked {
    /// Since when the certificate is revoked.
    at: Timestamp,
    /// The reason of before, if it was revoked already.
    before: Option<String>,
    /// How many that came of it went with it.
    followed: i64,
}

impl CertificateAuthority {
    /// Revokes a certificate, whoever issued it, and those that came of it: they open nothing from now on. One that was
    /// revoked already is revoked once more when its key turns out to be in other hands.
    pub async fn revoke(
        &self,
        acting: Acting,
        thumbprint: Thumbprint,
        reason: RevocationReason,
    ) -> Result<KnownCertificate, Failure> {
        let Acting { mut event, gate, .. } = acting;
        event.target = Some(thumbprint.as_base64url());
        event.detail = Some(reason.as_str().to_owned());
        let Some(known) = store::certificate::find(&self.db, &thumbprint).await? else {
            return self.refuse(event, not_found("certificate_unknown").into()).await;
        };
        let now = event.at;
        self.ledger
            .transact(event, move |tx, event| -> Work<'_, KnownCertificate> {
                Box::pin(async move {
                    gate(tx).await?;
                    let revoked = revoke_in(tx, &known, reason, now).await?;
                    event.detail = Some(revoked.says(reason));
                    let revocation = Some((revoked.at, reason.as_str().to_owned()));
                    Ok(Done::Changed(KnownCertificate { revocation, ..known }))
                })
            })
            .await
    }
}

impl Revoked {
    fn says(&self, reason: RevocationReason) -> String {
        let before = self.before.as_ref().map(|before| format!(" instead of {before}")).unwrap_or_default();
        let followed = match self.followed {
            0 => String::new(),
            followed => format!(", with {followed} that came of it"),
        };
        format!("{}{before}{followed}", reason.as_str())
    }
}

/// Revokes a certificate in the transaction of another change; the lists written before are then out of date. Those that
/// renewed it or were asked for with it go with it, since whoever has its key could have made them, unless it was but
/// superseded.
async fn revoke_in(
    tx: &mut Tx,
    known: &KnownCertificate,
    reason: RevocationReason,
    now: Timestamp,
) -> Result<Revoked, Failure> {
    // First of all, so that one revocation waits for the other.
    store::authority::lock(tx).await?;
    let mut revoked = mark(tx, known, reason, now).await?;
    if known.origin == CertificateOrigin::Issued {
        store::authority::count_more_revocations(tx, &known.issuer, 1).await?;
    }
    if !reason.reaches_renewals() {
        return Ok(revoked);
    }
    // Again until there are no more: who was waited for has added one.
    loop {
        let issuers =
            store::certificate::mark_followers_revoked(tx, &known.thumbprint, now, reason.as_str()).await?;
        if issuers.is_empty() {
            return Ok(revoked);
        }
        revoked.followed += i64::try_from(issuers.len()).doing("counting revocations")?;
        for issuer in issuers {
            store::authority::count_more_revocations(tx, &issuer, 1).await?;
        }
    }
}

async fn mark(
    tx: &mut Tx,
    known: &KnownCertificate,
    reason: RevocationReason,
    now: Timestamp,
) -> Result<Revoked, Failure> {
    if store::certificate::mark_revoked(tx, &known.thumbprint, now, reason.as_str()).await? > 0 {
        return Ok(Revoked { at: now, before: None, followed: 0 });
    }
    let found = store::certificate::find_revocation_locked(tx, &known.thumbprint).await?;
    if let Some((at, before)) = found.filter(|(_, before)| reason.replaces(before)) {
        let reasons = (before.as_str(), reason.as_str());
        store::certificate::mark_reason(tx, &known.thumbprint, reasons).await?;
        return Ok(Revoked { at, before: Some(before), followed: 0 });
    }
    let told = "the certificate has been revoked already";
    Err(Refusal::new(ErrorCode::Conflict, told, Reason::new("certificate_revoked")).into())
}
