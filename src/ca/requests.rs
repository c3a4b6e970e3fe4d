//! Requests for certificates: made by one, approved or denied by another.

use uuid::Uuid;

use crate::ledger::{Done, Work};
use crate::model::certificate_request::{CertificateRequest, Decision};
use crate::model::client::Client;
use crate::model::page::Page;
use crate::model::renewal::is_but_replaced;
use crate::moment::Timestamp;
use crate::pki::signing_request::{SigningRequest, SigningRequestError};
use crate::pki::thumbprint::Thumbprint;
use crate::protocol::error::{Doing, ErrorCode, Failure, Fault, FieldProblem, Reason, Refusal};
use crate::protocol::ids::ClientId;
use crate::store::{self, Tx};

use super::revoked_key::request_refused;
use super::suitable::suits;
use super::{Acting, CertificateAuthority, IssuedCertificate, Issuing, not_found, unacceptable};

/// How many requests for one client may wait for a decision.
const MOST_PENDING: usize = 5;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// For which client.
    pub client: ClientId,
    /// PKCS #10, in PEM or DER.
    pub csr: Vec<u8>,
    /// The certificate by which the client has proved who it is, where it asks by one.
    pub asked_with: Option<Thumbprint>,
}

impl CertificateAuthority {
    /// Keeps a request until somebody decides. Asking again with the same request is asking once.
    pub async fn request(&self, acting: Acting, asked: Asked) -> Result<CertificateRequest, Failure> {
        let Acting { by, mut event, gate } = acting;
        event.target = Some(asked.client.to_string());
        let request = match self.requested(&by, &asked, event.at).await {
            Ok(request) => request,
            Err(failure) => return self.refuse(event, failure).await,
        };
        let (issuer, now) = (self.terms.issuer.clone(), event.at);
        self.ledger
            .transact(event, move |tx, event| -> Work<'_, CertificateRequest> {
                Box::pin(async move {
                    gate(tx).await?;
                    suits(&locked(tx, &request.client).await?, &issuer)?;
                    let pending =
                        store::certificate_request::find_pending_of(tx, &request.client, now).await?;
                    if let Some(same) = pending.iter().find(|known| known.csr == request.csr) {
                        return Ok(Done::Unchanged(same.clone()));
                    }
                    if pending.len() >= MOST_PENDING {
                        let told = "too many requests for this client wait already: have them decided first";
                        let reason = Reason::new("too_many_requests");
                        return Err(Refusal::new(ErrorCode::Conflict, told, reason).into());
                    }
                    store::certificate_request::insert(tx, &request).await?;
                    event.detail = Some(request.id.to_string());
                    Ok(Done::Changed(request))
                })
            })
            .await
    }

    /// A request as it was sent, if there is a PKI, it can be read, and its key may have a certificate.
    pub async fn readable(&self, csr: &[u8]) -> Result<SigningRequest, Failure> {
        self.needed().await?;
        let request = SigningRequest::parse(csr).map_err(wrong_request)?;
        if self.is_key_revoked(&request).await? { Err(request_refused().into()) } else { Ok(request) }
    }

    async fn requested(
        &self,
        by: &str,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<CertificateRequest, Failure> {
        let csr = self.readable(&asked.csr).await?;
        Ok(CertificateRequest {
            id: self.entropy.id(now).doing("naming a request for a certificate")?,
            client: asked.client.clone(),
            csr: csr.der().to_vec(),
            requested_by: by.to_owned(),
            requested_at: now,
            expires_at: now + self.terms.request,
            decision: None,
            asked_with: asked.asked_with.map(|shown| shown.as_base64url()),
        })
    }

    /// Finds a request.
    pub async fn find_request(&self, id: Uuid) -> Result<CertificateRequest, Failure> {
        let found = store::certificate_request::find(&self.db, id).await?;
        found.ok_or_else(|| not_found("certificate_request_unknown").into())
    }

    /// Finds a page of requests in the order in which they came.
    pub async fn list_requests(&self, page: &Page<Uuid>) -> Result<Vec<CertificateRequest>, Fault> {
        store::certificate_request::find_page(&self.db, page).await
    }

    /// Issues what was asked for, when somebody else than who asked finds it good.
    pub async fn approve(&self, acting: Acting, id: Uuid) -> Result<IssuedCertificate, Failure> {
        let Acting { by, mut event, gate } = acting;
        event.target = Some(id.to_string());
        let now = event.at;
        // Signing may take its time, in which nothing is locked. What was signed counts once it is kept.
        let issued = match self.prepared(&by, id, now).await {
            Ok(issued) => issued,
            Err(failure) => return self.refuse(event, failure).await,
        };
        let (own, eyes) = (self.terms.issuer.clone(), self.terms.eyes);
        self.ledger
            .transact(event, move |tx, event| -> Work<'_, IssuedCertificate> {
                Box::pin(async move {
                    let client = locked(tx, &issued.known.client).await?;
                    gate(tx).await?;
                    let request = store::certificate_request::find_locked(tx, id).await?;
                    let request = request.ok_or_else(|| not_found("certificate_request_unknown"))?;
                    request.approvable(&by, eyes, now)?;
                    suits(&client, &own)?;
                    let thumbprint = issued.known.thumbprint.as_base64url();
                    // From here on revocations wait, so that none comes between.
                    issued.stands(tx).await?;
                    asker_stands(tx, &request).await?;
                    issued.key_stands(tx, ErrorCode::Conflict).await?;
                    issued.keep(tx).await?;
                    if let Some(shown) = &request.asked_with {
                        store::certificate::mark_asked_with(tx, &issued.known.thumbprint, shown).await?;
                    }
                    event.detail = Some(format!("{thumbprint} for {}", client.id));
                    decide(tx, id, Decision { by, at: now, thumbprint: Some(thumbprint) }).await?;
                    Ok(Done::Changed(issued))
                })
            })
            .await
    }

    /// Signs what a request asks for, if it may be approved as it stands now.
    async fn prepared(&self, by: &str, id: Uuid, now: Timestamp) -> Result<IssuedCertificate, Failure> {
        let request = self.find_request(id).await?;
        request.approvable(by, self.terms.eyes, now)?;
        let csr = SigningRequest::parse(&request.csr).doing("reading a request for a certificate")?;
        self.issue(Issuing { client: request.client, request: csr, renews: None }, now).await
    }

    /// Says no to a request.
    pub async fn deny(&self, acting: Acting, id: Uuid) -> Result<CertificateRequest, Failure> {
        let Acting { by, mut event, gate } = acting;
        event.target = Some(id.to_string());
        let now = event.at;
        self.ledger
            .transact(event, move |tx, event| -> Work<'_, CertificateRequest> {
                Box::pin(async move {
                    gate(tx).await?;
                    let request = store::certificate_request::find_locked(tx, id).await?;
                    let request = request.ok_or_else(|| not_found("certificate_request_unknown"))?;
                    request.deniable(now)?;
                    event.detail = Some(format!("for {}", request.client));
                    let decision = Decision { by, at: now, thumbprint: None };
                    decide(tx, id, decision.clone()).await?;
                    Ok(Done::Changed(CertificateRequest { decision: Some(decision), ..request }))
                })
            })
            .await
    }
}

pub(super) async fn locked(tx: &mut Tx, id: &ClientId) -> Result<Client, Failure> {
    let found = store::client::find_locked(tx, id).await?;
    found.ok_or_else(|| not_found("client_unknown").into())
}

/// Refuses what was asked for with a certificate that somebody else may have had the key of. The request waits on: whoever
/// looks at it denies it, and does not take it for that of its client.
async fn asker_stands(tx: &mut Tx, request: &CertificateRequest) -> Result<(), Failure> {
    let Some(shown) = request.asked_with.as_deref().and_then(Thumbprint::parse) else { return Ok(()) };
    // What is not known was not issued here, and cannot have been revoked here.
    let revocation = store::certificate::find_revocation_locked(tx, &shown).await?;
    if revocation.is_none_or(|(_, reason)| is_but_replaced(&reason)) {
        return Ok(());
    }
    let told = "the certificate that it was asked for with was revoked: deny it; the client asks anew";
    Err(Refusal::new(ErrorCode::Conflict, told, Reason::new("certificate_revoked")).into())
}

async fn decide(tx: &mut Tx, id: Uuid, decision: Decision) -> Result<(), Failure> {
    if store::certificate_request::mark_decided(tx, id, &decision).await? {
        return Ok(());
    }
    Err(Fault::new("deciding a request", "it was decided while it was locked").into())
}

fn wrong_request(error: SigningRequestError) -> Refusal {
    let problem = FieldProblem { field: "csr".to_owned(), says: error.to_string() };
    unacceptable(error.as_str(), vec![problem])
}
