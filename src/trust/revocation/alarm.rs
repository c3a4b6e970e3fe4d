//! Marking a certificate that is known as revoked: what rests on it is dead from then on.

use crate::ledger::{self, Done, Work};
use crate::pki::revocation::Reason;
use crate::pki::thumbprint::Thumbprint;
use crate::protocol::error::Failure;
use crate::store;

use super::Revocations;

/// What is told when a certificate was revoked.
const REVOKED: (&str, &str) =
    ("certificate_revoked", "the certificate of a client was revoked: the tokens that rest on it are dead");

impl Revocations {
    /// Marks a certificate while the request that found it out is answered.
    pub(super) fn mark_soon(&self, thumbprint: Thumbprint, reason: Reason) {
        let this = self.clone();
        tokio::spawn(async move {
            if let Err(failure) = this.mark(&thumbprint, reason).await {
                tracing::warn!(?failure, "a revoked certificate could not be marked");
            }
        });
    }

    /// Marks a certificate, if it is known and was not revoked before.
    pub(super) async fn mark(&self, thumbprint: &Thumbprint, reason: Reason) -> Result<(), Failure> {
        let known = store::certificate::find(&self.0.ways.db, thumbprint).await?;
        let Some(known) = known.filter(|known| known.revocation.is_none()) else { return Ok(()) };
        let mut event = self.event("certificate.revoked")?;
        let now = event.at;
        event.target = Some(thumbprint.as_base64url());
        event.client = Some(known.client.to_string());
        event.detail = Some(format!("by its authority: {}", reason.as_str()));
        self.0
            .ways
            .ledger
            .transact(event, move |tx, event: &mut _| -> Work<'_, ()> {
                Box::pin(async move {
                    // Whoever certifies its key meanwhile has done so, or finds it revoked.
                    store::authority::lock(tx).await?;
                    let marked =
                        store::certificate::mark_revoked(tx, &known.thumbprint, now, reason.as_str()).await?;
                    if marked == 0 {
                        return Ok(Done::Unchanged(()));
                    }
                    ledger::raise(tx, event, REVOKED).await?;
                    Ok(Done::Changed(()))
                })
            })
            .await
    }
}
