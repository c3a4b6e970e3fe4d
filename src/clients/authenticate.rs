//! Evidence in, an authenticated client out. The registered method is looked up and the request is
//! held to it; the request never chooses (RFC 6749, 2.3).

use std::sync::Arc;

use crate::ledger::Entry;
use crate::model::client::Client;
use crate::pki::thumbprint::Thumbprint;
use crate::policy::Strength;
use crate::protocol::auth_header::AuthHeader;
use crate::protocol::error::{Failure, Refusal};
use crate::protocol::ids::ClientId;
use crate::protocol::params::Params;
use crate::protocol::secret::Secret;
use crate::store::{self, Db};
use crate::trust::Communities;

use super::assertion::{self, AssertionRules, ClientAssertion};
use super::evidence::Evidence;
use super::key_source::KeySource;
use super::methods::{self, Carrier};
use super::secrets::SecretDigester;

/// What the methods need to judge credentials.
#[derive(Clone)]
pub struct Authenticator {
    /// The door to reading.
    pub db: Db,
    /// Where public keys come from.
    pub keys: KeySource,
    /// Whom the server trusts to issue client certificates.
    pub communities: Communities,
    /// How secrets are digested.
    pub secrets: Arc<SecretDigester>,
    /// What an assertion must say.
    pub rules: Arc<AssertionRules>,
}

/// A client whose registered method has been satisfied. Only [`Authenticator::authenticate`] makes one.
#[derive(Debug)]
pub struct AuthenticatedClient {
    record: Client,
    carrier: Carrier,
    strength: Strength,
    certificate: Option<Thumbprint>,
}

impl AuthenticatedClient {
    /// The registration.
    #[must_use]
    pub const fn record(&self) -> &Client {
        &self.record
    }

    /// Where its credential travelled.
    #[must_use]
    pub const fn carrier(&self) -> Carrier {
        self.carrier
    }

    /// How well it has proved who it is.
    #[must_use]
    pub const fn strength(&self) -> Strength {
        self.strength
    }

    /// The certificate that it has proved who it is with, where that was its credential.
    #[must_use]
    pub const fn certificate(&self) -> Option<Thumbprint> {
        self.certificate
    }
}

/// What a method is given to judge.
pub struct AuthCx<'a> {
    /// The entry of the request, which takes the proofs.
    pub entry: &'a mut Entry,
    /// What judging needs.
    pub with: &'a Authenticator,
    /// What the request has shown.
    pub shown: &'a Shown<'a>,
    /// The certificate of the connection.
    pub evidence: &'a Evidence,
}

/// The one credential that a request carries, apart from its certificate.
pub enum Shown<'a> {
    /// None: the certificate of the connection may be one.
    Nothing,
    /// A secret in the `Authorization` header.
    Header(&'a Secret),
    /// A secret in the body.
    Body(Secret),
    /// A signed assertion.
    Assertion(ClientAssertion<'a>),
}

impl Shown<'_> {
    const fn fits(&self, carrier: Carrier) -> bool {
        matches!(
            (self, carrier),
            (Self::Nothing, Carrier::Nowhere | Carrier::Certificate)
                | (Self::Header(_), Carrier::Header)
                | (Self::Body(_), Carrier::Body)
                | (Self::Assertion(_), Carrier::Assertion)
        )
    }
}

impl Authenticator {
    /// Authenticates the client of a request. Every refusal says the same words, whatever was wrong.
    pub async fn authenticate(
        &self,
        entry: &mut Entry,
        evidence: &Evidence,
        params: &Params,
    ) -> Result<AuthenticatedClient, Failure> {
        // The record names the client that was named, even when its credentials cannot be read.
        let named = header_name(evidence).or(params.optional("client_id")).and_then(ClientId::parse);
        entry.event_mut().client = named.map(|id| id.to_string());
        let shown = shown(evidence, params)?;
        let id = identify(evidence, params, &shown)?;
        entry.event_mut().client = Some(id.to_string());
        let Some(client) = store::client::find(&self.db, &id).await? else {
            self.judge_in_vain(&id, &shown, entry).await;
            return Err(Refusal::invalid_client("unknown_client").into());
        };
        let method = methods::find(&client.metadata.token_endpoint_auth_method)
            .ok_or_else(|| Refusal::invalid_client("method_not_available"))?;
        if !shown.fits(method.carrier()) {
            self.judge_in_vain(&id, &shown, entry).await;
            return Err(Refusal::invalid_client("not_the_registered_method").into());
        }
        let mut cx = AuthCx { entry, with: self, shown: &shown, evidence };
        method.verify(&mut cx, &client).await?;
        // Judged last: what a stopped client has shown stays used up, and takes as long to refuse.
        if !client.is_active() {
            return Err(Refusal::invalid_client("client_disabled").into());
        }
        match method.strength() {
            // Anybody can name a public client: its refusals are counted like a stranger's.
            Strength::Named => entry.event_mut().name_client(&client),
            Strength::SharedSecret | Strength::PrivateKey => entry.prove_client(&client),
        }
        let (carrier, strength) = (method.carrier(), method.strength());
        let shown = evidence.certificate.as_ref().filter(|_| carrier == Carrier::Certificate);
        let certificate = shown.map(|certificate| certificate.leaf.thumbprint());
        Ok(AuthenticatedClient { record: client, carrier, strength, certificate })
    }

    /// Does for a client that does not exist, or uses another method, what is done for one that does, so
    /// that the time of the answer does not tell.
    async fn judge_in_vain(&self, id: &ClientId, shown: &Shown<'_>, entry: &Entry) {
        match shown {
            Shown::Nothing => {}
            Shown::Header(secret) => self.match_in_vain(id, secret, entry).await,
            Shown::Body(secret) => self.match_in_vain(id, secret, entry).await,
            Shown::Assertion(assertion) => assertion.verify_in_vain(),
        }
    }

    async fn match_in_vain(&self, id: &ClientId, secret: &Secret, entry: &Entry) {
        let stored = store::client_secret::find_current(&self.db, id, entry.now()).await.unwrap_or_default();
        std::hint::black_box(self.secrets.matches(id, secret, &stored));
    }
}

/// The credential of the request; more than one is refused (RFC 6749, 2.3).
fn shown<'a>(evidence: &'a Evidence, params: &'a Params) -> Result<Shown<'a>, Refusal> {
    let header = match &evidence.authorization {
        None => None,
        Some(AuthHeader::Basic { secret, .. }) => Some(secret),
        Some(AuthHeader::Bearer(_) | AuthHeader::Dpop(_) | AuthHeader::Unreadable) => {
            return Err(Refusal::invalid_client("unreadable_authorization_header"));
        }
    };
    let body = params.optional("client_secret");
    let assertion = assertion::shown(params)?;
    match (header, body, assertion) {
        (None, None, None) => Ok(Shown::Nothing),
        (Some(secret), None, None) => Ok(Shown::Header(secret)),
        (None, Some(secret), None) => Ok(Shown::Body(Secret::new(secret.to_owned()))),
        (None, None, Some(assertion)) => Ok(Shown::Assertion(assertion)),
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
            let told = "the client authenticates in more than one way";
            Err(Refusal::invalid_request(told, "several_credentials"))
        }
    }
}

/// The client that the `Authorization` header names.
fn header_name(evidence: &Evidence) -> Option<&str> {
    match &evidence.authorization {
        Some(AuthHeader::Basic { id, .. }) => Some(id),
        Some(AuthHeader::Bearer(_) | AuthHeader::Dpop(_) | AuthHeader::Unreadable) | None => None,
    }
}

/// The client that the request names, in each of the places that name one.
fn identify(evidence: &Evidence, params: &Params, shown: &Shown<'_>) -> Result<ClientId, Refusal> {
    let header = header_name(evidence);
    let assertion = match shown {
        Shown::Assertion(assertion) => Some(assertion.client_id()?),
        Shown::Nothing | Shown::Header(_) | Shown::Body(_) => None,
    };
    let named: Vec<&str> = [header, params.optional("client_id"), assertion].into_iter().flatten().collect();
    let first = named.first().ok_or_else(|| Refusal::invalid_client("no_client_named"))?;
    if named.iter().any(|name| name != first) {
        return Err(Refusal::invalid_client("several_clients_named"));
    }
    ClientId::parse(first).ok_or_else(|| Refusal::invalid_client("unknown_client"))
}
