//! `simpleenroll`: a client asks for a certificate (RFC 7030, 4.2.1).

use crate::ca::{Acting, Asked, Before, key_refused};
use crate::clients::authenticate::AuthenticatedClient;
use crate::ledger::Entry;
use crate::model::certificate_request::Eyes;
use crate::model::client::Client;
use crate::pki::signing_request::SigningRequest;
use crate::pki::thumbprint::Thumbprint;
use crate::policy::Strength;
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};
use crate::protocol::ids::ClientId;
use crate::protocol::params::Params;

use super::asking::{Asking, named};
use super::{Enrolled, EnrollmentEndpoint, issued, still_stands};

/// In how many seconds a request that waits for a person is worth sending again.
const AGAIN_AFTER: i64 = 300;

/// What such a request is recorded as.
const ACTION: &str = "certificate.enroll";

impl EnrollmentEndpoint {
    /// Asks for a certificate, or again for the answer.
    pub async fn enroll(&self, asking: Asking) -> Result<Enrolled, Failure> {
        let mut entry = self.entry(ACTION, &asking.evidence.origin)?;
        let (client, certificate, request) = match self.asked(&mut entry, &asking).await {
            Ok(asked) => asked,
            Err(failure) => return self.settled(entry, Err(failure)).await,
        };
        let ca = &self.administration.authority;
        match ca.asked_before(&client.id, &request, entry.now()).await? {
            Before::Issued(known) => self.settled(entry, issued(&known.der)).await,
            Before::Pending => self.settled(entry, Ok(pending())).await,
            Before::Denied => self.settled(entry, Err(denied().into())).await,
            Before::Revoked => self.settled(entry, Err(key_refused(ErrorCode::AccessDenied).into())).await,
            Before::Nothing => self.ask(&entry, (&client, certificate), request).await,
        }
    }

    /// Who asks, and for what: nothing is written yet.
    async fn asked(
        &self,
        entry: &mut Entry,
        asking: &Asking,
    ) -> Result<(Client, Option<Thumbprint>, SigningRequest), Failure> {
        let request = asking.request();
        let client = self.authenticated(entry, asking, request.as_ref()).await?;
        Ok((client.record().clone(), client.certificate(), request?))
    }

    /// The client, by the method that it is registered for: its secret as HTTP Basic, or its certificate, where the
    /// request names it, as a form does elsewhere. An assertion has no place here (RFC 7030, 3.2.3).
    async fn authenticated(
        &self,
        entry: &mut Entry,
        asking: &Asking,
        request: Result<&SigningRequest, &Refusal>,
    ) -> Result<AuthenticatedClient, Failure> {
        let evidence = &asking.evidence;
        let name = match (&evidence.authorization, &evidence.certificate, request) {
            (Some(_), _, _) => None,
            (None, None, _) => return Err(Refusal::invalid_client("credential_missing").into()),
            (None, Some(_), Ok(request)) => Some(named(request).ok_or_else(nameless)?),
            // Nobody is named by what cannot be read.
            (None, Some(_), Err(refusal)) => return Err(refusal.clone().into()),
        };
        let params = match name.as_deref().and_then(ClientId::parse) {
            Some(id) => Params::parse_form(format!("client_id={id}").as_bytes())?,
            None => Params::parse_form(b"")?,
        };
        let client = self.authenticator.authenticate(entry, evidence, &params).await?;
        match client.strength() {
            Strength::SharedSecret | Strength::PrivateKey => Ok(client),
            Strength::Named => Err(Refusal::invalid_client("public_client").into()),
        }
    }

    async fn ask(
        &self,
        entry: &Entry,
        (client, asked_with): (&Client, Option<Thumbprint>),
        request: SigningRequest,
    ) -> Result<Enrolled, Failure> {
        let ca = &self.administration.authority;
        let asked = Asked { client: client.id.clone(), csr: request.der().to_vec(), asked_with };
        let kept = ca.request(Self::acting(entry, client), asked).await?;
        match ca.terms().eyes {
            Eyes::Four => Ok(pending()),
            Eyes::Two => {
                let again = self.entry(ACTION, &entry.event().origin)?;
                let certificate = ca.approve(Self::acting(&again, client), kept.id).await?;
                issued(&certificate.known.der)
            }
        }
    }

    /// The client, acting for itself.
    pub(super) fn acting(entry: &Entry, client: &Client) -> Acting {
        let mut event = entry.event().clone();
        event.name_client(client);
        Acting { by: format!("client:{}", client.id), event, gate: still_stands(client) }
    }
}

const fn nameless() -> Refusal {
    let told = "the subject of the request must name the client: CN is its client_id";
    Refusal::invalid_request(told, "csr_names_no_client")
}

const fn pending() -> Enrolled {
    Enrolled::Pending { again_after: AGAIN_AFTER }
}

const fn denied() -> Refusal {
    let told =
        "an administrator has denied this request: ask the operator why before asking with another key";
    Refusal::new(ErrorCode::AccessDenied, told, Reason::new("request_denied"))
}
