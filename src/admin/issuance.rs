//! Certificates of clients: asked for by one administrator, approved or denied by another, revoked.

use uuid::Uuid;

use crate::ca::{Acting, Asked, IssuedCertificate, Overview, Part, Rollover};
use crate::model::authority::{AuthorityName, RevocationReason};
use crate::model::certificate::KnownCertificate;
use crate::model::certificate_request::CertificateRequest;
use crate::model::page::Page;
use crate::pki::thumbprint::Thumbprint;
use crate::protocol::error::{Failure, Fault};
use crate::store;

use super::actor::Caller;
use super::{Administration, privilege};

/// What an authority and its certificates are revoked by, in audit records.
pub const REVOKE_AUTHORITY: &str = "pki.revoke_authority";

impl Administration {
    /// Sets the client PKI up.
    pub async fn init_pki(&self, caller: &Caller) -> Result<(), Failure> {
        self.authority.init(self.acting(caller, "pki.init")?).await
    }

    /// Has another authority issue from now on, in the place of the one that is named or of whichever does.
    pub async fn roll_over(
        &self,
        caller: &Caller,
        replaced: Option<AuthorityName>,
    ) -> Result<Rollover, Failure> {
        self.authority.rollover(self.acting(caller, "pki.rollover")?, replaced).await
    }

    /// Revokes an authority that another has replaced, and the first part of what it has issued; `revoke_rest` the others.
    pub async fn revoke_authority(
        &self,
        caller: &Caller,
        name: AuthorityName,
        reason: RevocationReason,
    ) -> Result<Part, Failure> {
        self.authority.revoke_authority(self.acting(caller, REVOKE_AUTHORITY)?, name, reason).await
    }

    /// Revokes the next part of what an authority has issued that is revoked.
    pub async fn revoke_rest(&self, caller: &Caller, name: AuthorityName) -> Result<Part, Failure> {
        self.authority.revoke_rest(self.acting(caller, REVOKE_AUTHORITY)?, name).await
    }

    /// The authorities and how they stand; `None` before the client PKI is set up.
    pub async fn find_pki(&self) -> Result<Option<Overview>, Fault> {
        self.authority.overview(self.clock.now()).await
    }

    /// The certificates that should be renewed, those that end first first, with whom to ask; at most so many.
    pub async fn list_renewals_due(&self, most: i64) -> Result<Vec<(KnownCertificate, Vec<String>)>, Fault> {
        let due = store::certificate::find_due(&self.db, self.clock.now(), most).await?;
        let mut found = Vec::with_capacity(due.len());
        for known in due {
            let client = store::client::find(&self.db, &known.client).await?;
            found.push((known, client.map(|client| client.metadata.contacts).unwrap_or_default()));
        }
        Ok(found)
    }

    /// Asks for a certificate.
    pub async fn request_certificate(
        &self,
        caller: &Caller,
        asked: Asked,
    ) -> Result<CertificateRequest, Failure> {
        self.authority.request(self.acting(caller, "certificate.request")?, asked).await
    }

    /// Finds a request for a certificate.
    pub async fn find_certificate_request(&self, id: Uuid) -> Result<CertificateRequest, Failure> {
        self.authority.find_request(id).await
    }

    /// Finds a page of requests for certificates.
    pub async fn list_certificate_requests(
        &self,
        page: &Page<Uuid>,
    ) -> Result<Vec<CertificateRequest>, Fault> {
        self.authority.list_requests(page).await
    }

    /// Approves a request for a certificate that somebody else has made.
    pub async fn approve_certificate(&self, caller: &Caller, id: Uuid) -> Result<IssuedCertificate, Failure> {
        let mut acting = self.acting(caller, "certificate.approve")?;
        let allowed = privilege::may_approve(&caller.actor, self.authority.terms().eyes);
        // What is not there is not there for anybody.
        if let Err(refusal) = allowed
            && store::certificate_request::find(&self.db, id).await?.is_some()
        {
            acting.event.target = Some(id.to_string());
            return self.refuse(acting.event, refusal.into()).await;
        }
        self.authority.approve(acting, id).await
    }

    /// Denies a request for a certificate.
    pub async fn deny_certificate(&self, caller: &Caller, id: Uuid) -> Result<CertificateRequest, Failure> {
        self.authority.deny(self.acting(caller, "certificate.deny")?, id).await
    }

    /// Revokes a certificate.
    pub async fn revoke_certificate(
        &self,
        caller: &Caller,
        thumbprint: Thumbprint,
        reason: RevocationReason,
    ) -> Result<KnownCertificate, Failure> {
        self.authority.revoke(self.acting(caller, "certificate.revoke")?, thumbprint, reason).await
    }

    fn acting(&self, caller: &Caller, action: &str) -> Result<Acting, Fault> {
        let actor = caller.actor.clone();
        Ok(Acting {
            by: actor.known_as(),
            event: self.event(caller, action)?,
            gate: Box::new(move |tx| Box::pin(async move { privilege::still_stands(&actor, tx).await })),
        })
    }
}
