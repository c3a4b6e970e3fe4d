//! The pushed authorization request endpoint (RFC 9126): a client says beforehand, authenticated, what it will ask.

use crate::jose::thumbprint::sha256;
use crate::ledger::{Attempt, Entry};
use crate::model::pushed_request::PushedRequest;
use crate::protocol::error::{Doing, Failure, Refusal};
use crate::protocol::params::Tolerant;
use crate::protocol::redirect_uri;
use crate::protocol::secret::Secret;
use crate::sender::{self, dpop};
use crate::tokens::request::Request;

use super::AuthorizationFlow;
use super::asked::{Asked, PREFIX, Way};

/// What authenticates a client, and is no part of what it asks.
const CREDENTIALS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

/// What the client comes back with.
#[derive(Debug)]
pub struct Pushed {
    /// The `request_uri`.
    pub request_uri: Secret,
    /// How long it is good, in seconds.
    pub expires_in: i64,
}

impl AuthorizationFlow {
    /// Keeps an authorization request for its client. It is judged as it will be when the browser comes with it.
    pub async fn push(&self, request: &Request) -> Result<Pushed, Failure> {
        let mut entry = self.entry("authorize.push", &request.evidence.origin)?;
        let outcome = self.announce(&mut entry, request).await;
        self.ledger.settle(entry, outcome).await
    }

    async fn announce(&self, entry: &mut Entry, request: &Request) -> Result<Pushed, Failure> {
        let Request { params, evidence } = request;
        let shown = sender::examine(&self.proofs, evidence, entry.now())?;
        let client = self.authenticator.authenticate(entry, evidence, params).await?;
        let binding = shown.bind(entry, &client)?;
        if params.optional("request_uri").is_some() {
            // RFC 9126, 2.1.
            return Err(Refusal::invalid_request("request_uri cannot be pushed", "request_uri_pushed").into());
        }
        let client = client.record();
        let (said, way) = match params.optional("request") {
            // RFC 9126, 3: beside a request object there is nothing but the client's credentials.
            Some(object) => (self.opened(client, object, entry).await?, Way::Signed),
            None => (Tolerant::without(params, &CREDENTIALS), Way::Plain),
        };
        let said = match dpop::code_key(said.params.optional("dpop_jkt"), binding.as_ref())? {
            Some(key) => said.with("dpop_jkt", &key)?,
            None => said,
        };
        let callback = said.params.optional("redirect_uri");
        let callback = callback.ok_or_else(|| wrong_callback("redirect_uri_missing"))?;
        let callback = redirect_uri::matched(&client.metadata.redirect_uris, callback)
            .ok_or_else(|| wrong_callback("redirect_uri_not_registered"))?;
        let parameters = said.to_form();
        let asked = Asked { client: client.clone(), callback, request: said, way };
        self.judged(entry, &asked).await?;

        let now = entry.now();
        let uri = format!("{PREFIX}{}", self.entropy.token().doing("naming a pushed request")?);
        entry.attempt(Attempt::Push(Box::new(PushedRequest {
            id: self.id(now)?,
            digest: sha256(uri.as_bytes()),
            client: asked.client.id,
            parameters,
            created_at: now,
            expires_at: now + self.lives.pushed,
            used_at: None,
        })));
        Ok(Pushed { request_uri: Secret::new(uri), expires_in: self.lives.pushed.whole_seconds() })
    }
}

const fn wrong_callback(reason: &'static str) -> Refusal {
    Refusal::invalid_request("redirect_uri is not one that is registered for this client", reason)
}
