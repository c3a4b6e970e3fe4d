//! A client renews its certificate itself: whoever holds the key of one that is good is given the next (RFC 7030, 4.2.2).

use time::Duration;

use crate::ledger::{Done, Work};
use crate::model::audit_event::AuditEvent;
use crate::model::certificate::{CertificateOrigin, KnownCertificate};
use crate::moment::Timestamp;
use crate::pki::certificate::Certificate;
use crate::pki::requested_names::RequestedNames;
use crate::pki::signing_request::SigningRequest;
use crate::pki::thumbprint::Thumbprint;
use crate::protocol::error::{ErrorCode, Failure, Fault, Reason, Refusal};
use crate::store;

use super::requests::locked;
use super::revoked_key::shown_key_stands;
use super::suitable::suits;
use super::{Acting, CertificateAuthority, Gate, IssuedCertificate, Issuing};

/// How many certificates a client may renew within a day. Each is good for months.
const RENEWALS_A_DAY: i64 = 10;

/// A renewal.
#[derive(Clone, Debug)]
pub struct Renewing {
    /// The certificate that its holder has shown.
    pub known: KnownCertificate,
    /// The request, whose key is certified: the same or another.
    pub request: SigningRequest,
}

impl CertificateAuthority {
    /// Issues the certificate that takes the place of one; the same request again is answered with the same certificate.
    pub async fn renew(&self, acting: Acting, renewing: Renewing) -> Result<IssuedCertificate, Failure> {
        let Acting { mut event, gate, .. } = acting;
        let Renewing { known, request } = renewing;
        let now = event.at;
        event.target = Some(known.thumbprint.as_base64url());
        if let Err(refusal) = renewable(&known, &request, now) {
            return self.refuse(event, refusal.into()).await;
        }
        if let Err(failure) = self.keys_stand(&known, &request).await {
            return self.refuse(event, failure).await;
        }
        if let Some(same) = self.renewed_so(&known, &request, now).await? {
            return self.answered_again((event, gate), known.thumbprint, same).await;
        }
        let issuing = Issuing { client: known.client.clone(), request, renews: Some(known.thumbprint) };
        let issued = match self.issue(issuing, now).await {
            Ok(issued) => issued,
            Err(failure) => return self.refuse(event, failure).await,
        };
        let server = self.terms.issuer.clone();
        self.ledger
            .transact(event, move |tx, event| -> Work<'_, IssuedCertificate> {
                Box::pin(async move {
                    let client = locked(tx, &known.client).await?;
                    gate(tx).await?;
                    suits(&client, &server)?;
                    issued.stands(tx).await?;
                    if store::certificate::is_revoked_locked(tx, &known.thumbprint).await? {
                        return Err(revoked().into());
                    }
                    shown_key_stands(tx, &known).await?;
                    let since = now - Duration::DAY;
                    let many = store::certificate::count_renewed(tx, &client.id, since).await?;
                    if many >= RENEWALS_A_DAY {
                        return Err(too_many().into());
                    }
                    issued.key_stands(tx, ErrorCode::AccessDenied).await?;
                    issued.keep(tx).await?;
                    event.detail =
                        Some(format!("{} for {}", issued.known.thumbprint.as_base64url(), client.id));
                    Ok(Done::Changed(issued))
                })
            })
            .await
    }

    /// Answers with what was issued before, and records that: the client has asked again.
    async fn answered_again(
        &self,
        (mut event, gate): (AuditEvent, Gate),
        renewed: Thumbprint,
        same: IssuedCertificate,
    ) -> Result<IssuedCertificate, Failure> {
        let issued = same.known.thumbprint;
        event.detail = Some(format!("{} for {}, again", issued.as_base64url(), same.known.client));
        self.ledger
            .transact(event, move |tx, _| -> Work<'_, IssuedCertificate> {
                Box::pin(async move {
                    gate(tx).await?;
                    // Before any certificate is locked, as where certificates are revoked.
                    if store::authority::is_revoked_locked(tx, &same.known.issuer).await? {
                        return Err(revoked().into());
                    }
                    for thumbprint in [renewed, issued] {
                        if store::certificate::is_revoked_locked(tx, &thumbprint).await? {
                            return Err(revoked().into());
                        }
                    }
                    Ok(Done::Changed(same))
                })
            })
            .await
    }

    /// The certificate that was issued for the same key in the place of the same one: the answer was lost.
    async fn renewed_so(
        &self,
        known: &KnownCertificate,
        request: &SigningRequest,
        now: Timestamp,
    ) -> Result<Option<IssuedCertificate>, Fault> {
        let Some(authorities) = self.authorities().await? else { return Ok(None) };
        let renewals = store::certificate::find_renewals(&self.db, &known.thumbprint).await?;
        let same = renewals.into_iter().find(|next| {
            let stands = next.revocation.is_none() && now <= next.not_after;
            stands
                && Certificate::parse(&next.der)
                    .is_ok_and(|leaf| leaf.public_key_info() == request.public_key_info())
        });
        Ok(same.and_then(|known| {
            let chain = authorities.chain_of(&known.issuer)?;
            Some(IssuedCertificate { known, chain })
        }))
    }
}

/// Whether a certificate is one that can be renewed, and the request one for it: with its very names.
fn renewable(known: &KnownCertificate, request: &SigningRequest, now: Timestamp) -> Result<(), Refusal> {
    let denied = |told, reason| Err(Refusal::new(ErrorCode::AccessDenied, told, Reason::new(reason)));
    if known.origin != CertificateOrigin::Issued {
        return denied("only a certificate of this server's own PKI can be renewed here", "not_of_this_pki");
    }
    if known.revocation.is_some() {
        return Err(revoked());
    }
    if now < known.not_before || known.not_after < now {
        return denied("the certificate has expired: ask for a new one", "certificate_expired");
    }
    let asked = RequestedNames::of_request(request.der());
    if asked.is_none() || asked != RequestedNames::of_certificate(&known.der) {
        let told =
            "subject and subjectAltName of the request must be those of the certificate that is renewed";
        return Err(Refusal::invalid_request(told, "csr_names_differ"));
    }
    Ok(())
}

const fn revoked() -> Refusal {
    let told = "the certificate has been revoked: ask for a new one";
    Refusal::new(ErrorCode::AccessDenied, told, Reason::new("certificate_revoked"))
}

const fn too_many() -> Refusal {
    let told = "too many certificates of this client were renewed within a day";
    Refusal::new(ErrorCode::TooManyAttempts, told, Reason::new("renewals_used_up"))
}
