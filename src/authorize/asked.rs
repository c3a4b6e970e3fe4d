//! Who asks for what, however it was said: in the query, in a signed request object (RFC 9101), or beforehand
//! (RFC 9126).

use uuid::Uuid;

use crate::jose::jws::{JwsError, UnverifiedJws};
use crate::jose::thumbprint::sha256;
use crate::ledger::Entry;
use crate::model::client::Client;
use crate::model::pushed_request;
use crate::moment::Timestamp;
use crate::protocol::client_metadata::Profile;
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};
use crate::protocol::ids::ClientId;
use crate::protocol::params::{self, Params, Tolerant};
use crate::protocol::redirect_uri::{self, Callback};
use crate::protocol::request_object::{self, Rules};
use crate::store;

use super::AuthorizationFlow;
use super::answer::ReturnAddress;

/// How the `request_uri` of a pushed request begins (RFC 9126, 2.2).
pub(super) const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// A request, and what is proved of it before any answer may be sent.
pub(super) struct Asked {
    /// Who asks.
    pub(super) client: Client,
    /// Where the answer goes.
    pub(super) callback: Callback,
    /// What is asked: of several ways to say it, the one that counts.
    pub(super) request: Tolerant,
    /// How it was said.
    pub(super) way: Way,
}

/// How a request was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In the query or a form.
    Plain,
    /// In a signed request object.
    Signed,
    /// Beforehand.
    Pushed(Uuid),
}

impl Way {
    /// The pushed request.
    pub(super) const fn pushed(self) -> Option<Uuid> {
        match self {
            Self::Pushed(id) => Some(id),
            Self::Plain | Self::Signed => None,
        }
    }
}

/// What is wrong before it is proved what is asked, and where it is told: at a callback, if one was proved.
pub(super) struct Astray {
    /// The callback.
    pub(super) address: Option<Box<ReturnAddress>>,
    /// What is wrong.
    pub(super) failure: Failure,
}

impl From<Failure> for Astray {
    fn from(failure: Failure) -> Self {
        Self { address: None, failure }
    }
}

impl From<Refusal> for Astray {
    fn from(refusal: Refusal) -> Self {
        Failure::from(refusal).into()
    }
}

impl AuthorizationFlow {
    /// Proves who asks and where the answer may go. Until then nothing is sent anywhere (RFC 6749, 4.1.2.1).
    pub(super) async fn proved(&self, entry: &mut Entry, said: Tolerant) -> Result<Asked, Astray> {
        if ["client_id", "redirect_uri", "request", "request_uri"]
            .iter()
            .any(|name| said.repeated.contains(*name))
        {
            let told = "The app that sent you here named itself, its address or its request twice.";
            return Err(Refusal::invalid_request(told, "repeated_parameter").into());
        }
        let client = self.client_named(entry, &said.params).await?;
        let (request, way) = match (said.params.optional("request"), said.params.optional("request_uri")) {
            (None, None) => (said, Way::Plain),
            (Some(_), Some(_)) => {
                let told = "The app that sent you here has sent its request twice.";
                return Err(Refusal::invalid_request(told, "request_and_request_uri").into());
            }
            (None, Some(uri)) if uri.starts_with(PREFIX) => self.announced(entry, &client, uri).await?,
            (None, Some(_)) => {
                // What a client keeps elsewhere is not fetched: nobody steers this server's requests.
                let told = "request_uri must be one that this server gave out: push the request";
                let code = ErrorCode::RequestUriNotSupported;
                let refusal = Refusal::new(code, told, Reason::new("request_uri"));
                return Err(self.astray((&client, &said), refusal.into(), entry.now()));
            }
            (Some(object), None) => match self.opened(&client, object, entry).await {
                Ok(opened) => (opened, Way::Signed),
                Err(failure) => return Err(self.astray((&client, &said), failure, entry.now())),
            },
        };
        let asked = request.params.optional("redirect_uri");
        let asked = asked.ok_or_else(|| lost("redirect_uri_missing"))?;
        let callback = redirect_uri::matched(&client.metadata.redirect_uris, asked)
            .ok_or_else(|| lost("redirect_uri_not_registered").detail(asked.chars().take(200).collect()))?;
        Ok(Asked { client, callback, request, way })
    }

    /// The client that a request names.
    async fn client_named(&self, entry: &mut Entry, said: &Params) -> Result<Client, Failure> {
        let named = said.optional("client_id").ok_or_else(|| unknown("client_id_missing"))?;
        let id = ClientId::parse(named).ok_or_else(|| unknown("unknown_client"))?;
        entry.event_mut().client = Some(id.to_string());
        let client = store::client::find(&self.db, &id).await?.ok_or_else(|| unknown("unknown_client"))?;
        entry.event_mut().name_client(&client);
        if !client.is_active() {
            return Err(unknown("client_disabled").into());
        }
        Ok(client)
    }

    /// What the client has said beforehand: that alone counts, whatever stands beside it now.
    async fn announced(&self, entry: &Entry, client: &Client, uri: &str) -> Result<(Tolerant, Way), Failure> {
        let found = store::pushed_request::find(&self.db, &sha256(uri.as_bytes())).await?;
        let pushed = found.ok_or_else(|| pushed_request::not_valid("pushed_request_unknown"))?;
        pushed.take_up(&client.id, entry.now())?;
        Ok((params::parse_tolerant(pushed.parameters.as_bytes())?, Way::Pushed(pushed.id)))
    }

    /// What a signed request object says: that alone counts (RFC 9101, 6.3).
    pub(super) async fn opened(
        &self,
        client: &Client,
        object: &str,
        entry: &Entry,
    ) -> Result<Tolerant, Failure> {
        let refused = |reason, error: JwsError| request_object::not_valid(reason).detail(error.to_string());
        // An encrypted one has five parts, and is none of those that can be read (J17).
        let unverified =
            UnverifiedJws::parse(object).map_err(|error| refused("request_object_malformed", error))?;
        let header = unverified.header();
        let typed = header.typ.is_none() || header.is_type("JWT") || header.is_type(request_object::TYPE);
        if !typed {
            return Err(request_object::not_valid("request_object_typ").into());
        }
        let registered = client.metadata.request_object_signing_alg;
        if registered.is_some_and(|registered| registered != header.alg)
            || (client.metadata.profile == Profile::Fapi2 && !header.alg.is_of_fapi())
        {
            return Err(request_object::not_valid("request_object_alg").into());
        }
        let key = self.authenticator.keys.signer(client, header).await;
        let key = key.ok_or_else(|| request_object::not_valid("request_object_key_unknown"))?;
        let claims = unverified.verify(&key).map_err(|error| refused("request_object_signature", error))?;
        let rules = Rules {
            issuer: &self.issuer,
            client: client.id.as_str(),
            profile: client.metadata.profile,
            skew: time::Duration::seconds(self.authenticator.rules.skew),
        };
        request_object::examine(&claims, &rules, entry.now())?;
        Ok(request_object::parameters(claims)?)
    }

    /// What is wrong with a request object is told at the callback that stands beside it, if that is registered.
    fn astray(&self, (client, said): (&Client, &Tolerant), failure: Failure, at: Timestamp) -> Astray {
        let beside = said.params.optional("redirect_uri");
        // Nobody has had a say yet (RFC 9700, 4.11.2).
        let beside = beside.filter(|_| client.provenance.is_approved());
        let callback = beside.and_then(|uri| redirect_uri::matched(&client.metadata.redirect_uris, uri));
        let address = callback.map(|callback| Box::new(self.return_address((client, &callback), said, at)));
        Astray { address, failure }
    }
}

/// The client is not known, or stopped; which of them is not told.
const fn unknown(reason: &'static str) -> Refusal {
    let told = "The app that sent you here is not known to this server.";
    Refusal::invalid_request(told, reason)
}

const fn lost(reason: &'static str) -> Refusal {
    let told = "The app that sent you here did not name an address that is registered for it. You are not sent there.";
    Refusal::invalid_request(told, reason)
}
