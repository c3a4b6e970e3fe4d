//! Introspection (RFC 7662; SMART App Launch 2.2): tokens of any client, for a resource server that
//! is their audience; everything else is inactive, in the same words. The answer is JSON, or signed (RFC 9701).

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::clients::authenticate::Authenticator;
use crate::grants::details::note;
use crate::keys::keyring::{KeyRing, Look};
use crate::ledger::{Attempt, Entry, Ledger};
use crate::model::access_token::AccessToken;
use crate::model::binding::Binding;
use crate::model::client::Client;
use crate::moment::{Timestamp, seconds};
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::policy::Strength;
use crate::protocol::auth_header::AuthHeader;
use crate::protocol::error::{Doing, ErrorCode, Failure, Fault, Reason, Refusal};

use super::access_token::AccessTokens;
use super::bearer::{self, Constraint};
use super::request::Request;

/// The `typ` of signed answers, so that they are taken for nothing else (RFC 9701, 5; RFC 8725, 3.11).
const TYPE: &str = "token-introspection+jwt";

/// The introspection endpoint.
#[derive(Clone)]
pub struct IntrospectionEndpoint {
    /// Judges credentials.
    pub authenticator: Authenticator,
    /// Reads tokens.
    pub tokens: AccessTokens,
    /// The keys that answers are signed with.
    pub keys: KeyRing,
    /// The name of this server.
    pub issuer: Arc<str>,
    /// The door through which state changes.
    pub ledger: Ledger,
    /// The database's time.
    pub clock: Clock,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON (RFC 7662, 2.2).
    Json,
    /// A signed JWT (RFC 9701, 5).
    Jwt,
}

/// An answer.
pub enum Told {
    /// As JSON.
    Json(Map<String, Value>),
    /// As a signed JWT.
    Jwt(String),
}

impl IntrospectionEndpoint {
    /// Answers with what the token says, or that it is not active.
    pub async fn respond(&self, request: &Request, form: Form, entropy: &Entropy) -> Result<Told, Failure> {
        let now = self.clock.now();
        let id = entropy.id(now).doing("naming an entry")?;
        let mut entry = Entry::begin(id, now, "token.introspect", request.evidence.origin.clone());
        let outcome = self.answer(&mut entry, request, form).await;
        match outcome {
            // Asked for somebody else's token: told nothing, and recorded.
            Ok((answer, Found::Foreign(refusal))) => {
                self.ledger.settle_in_silence(entry, refusal).await.map(|()| answer)
            }
            Ok((answer, Found::Inactive)) => {
                entry.attempt(Attempt::RecordNothing);
                self.ledger.settle(entry, Ok(answer)).await
            }
            Ok((answer, Found::Active(_))) => self.ledger.settle(entry, Ok(answer)).await,
            Err(failure) => self.ledger.settle(entry, Err(failure)).await,
        }
    }

    /// What is found, and the answer that tells it; nothing is written before there is one.
    async fn answer(
        &self,
        entry: &mut Entry,
        request: &Request,
        form: Form,
    ) -> Result<(Told, Found), Failure> {
        let asker = self.asker(entry, request).await?;
        let found = self.look_up(entry, &asker, request).await?;
        let said = match &found {
            Found::Active(token) => describe(token),
            Found::Inactive | Found::Foreign(_) => inactive(),
        };
        let answer = match form {
            Form::Json => Told::Json(said),
            Form::Jwt => Told::Jwt(self.sign(&asker.client, said, entry.now()).await?),
        };
        Ok((answer, found))
    }

    /// Signs an answer for whoever asks. What the token says stands apart: with its `exp` and `sub` at the top, the
    /// answer could be taken for an access token (RFC 9701, 5).
    async fn sign(&self, asker: &Client, said: Map<String, Value>, now: Timestamp) -> Result<String, Fault> {
        let claims = Map::from_iter([
            ("iss".to_owned(), json!(self.issuer.as_ref())),
            ("aud".to_owned(), json!(asker.id.as_str())),
            ("iat".to_owned(), json!(seconds(now))),
            ("token_introspection".to_owned(), Value::Object(said)),
        ]);
        let algorithm = asker.metadata.signed_with(asker.metadata.introspection_signed_response_alg);
        self.keys.sign(algorithm, TYPE, &claims, now).await
    }

    async fn look_up(&self, entry: &mut Entry, asker: &Asker, request: &Request) -> Result<Found, Failure> {
        let text = request.params.require("token")?;
        let now = entry.now();
        let Some(live) = self.tokens.read_live(text, now, Look::Surely).await? else {
            return Ok(Found::Inactive);
        };
        let token = live.token;
        let event = entry.event_mut();
        event.token = Some(token.id);
        event.audience = Some(token.audience.clone());
        event.target = Some(token.client.to_string());
        if !self.speaks_for(asker, &token.audience).await? {
            let reason = Reason::new("introspection_for_another_resource");
            return Ok(Found::Foreign(Refusal::new(ErrorCode::InsufficientScope, "not active", reason)));
        }
        event.scopes_granted = Some(token.scope.to_string());
        note(event, &token.details);
        if let Some(person) = &token.person {
            event.person = live.descent.map(|descent| descent.person.subject.to_string());
            event.patient.clone_from(&person.context.patient);
        }
        entry.attempt(Attempt::NoteIntrospection {
            id: token.id,
            grant: token.person.as_ref().map(|person| person.grant),
            audience: token.audience.clone(),
            expires_at: token.expires_at,
        });
        Ok(Found::Active(Box::new(token)))
    }

    /// Who asks: a client by its own method, in the name of every resource server that it speaks for; or by
    /// a living token, in the name of the one that the token is for, so that a resource server cannot ask
    /// in another's name with a token it was shown.
    async fn asker(&self, entry: &mut Entry, request: &Request) -> Result<Asker, Failure> {
        let Request { params, evidence } = request;
        if !matches!(evidence.authorization, Some(AuthHeader::Bearer(_) | AuthHeader::Dpop(_))) {
            let client = self.authenticator.authenticate(entry, evidence, params).await?;
            return match client.strength() {
                Strength::Named => Err(Refusal::invalid_client("public_client").into()),
                Strength::SharedSecret | Strength::PrivateKey => {
                    Ok(Asker { client: client.record().clone(), only: None })
                }
            };
        }
        let other = ["client_assertion", "client_secret", "access_token"];
        if other.iter().any(|name| params.optional(name).is_some()) {
            let told = "the caller shows more than one credential";
            return Err(Refusal::invalid_request(told, "several_credentials").into());
        }
        let live = bearer::believe(&self.tokens, entry, evidence, Constraint::AsIssued).await?;
        entry.prove_client(&live.client);
        Ok(Asker { client: live.client, only: Some(live.token.audience) })
    }

    /// Whether the asker speaks for a resource server: its own registration says so, or the resource server's.
    async fn speaks_for(&self, asker: &Asker, audience: &str) -> Result<bool, Failure> {
        if asker.only.as_ref().is_some_and(|only| only != audience) {
            return Ok(false);
        }
        // One that anybody could pass himself off as speaks for nobody.
        if asker.client.metadata.token_endpoint_auth_method == "none" {
            return Ok(false);
        }
        if asker.client.metadata.introspects.iter().any(|url| url == audience) {
            return Ok(true);
        }
        let resource = self.tokens.find_resource(audience).await?;
        Ok(resource.is_some_and(|found| found.metadata.introspection_clients.contains(&asker.client.id)))
    }
}

/// Who asks.
struct Asker {
    client: Client,
    /// The one audience it may ask about, when it shows a token for that.
    only: Option<String>,
}

/// What was found.
enum Found {
    /// A living token of the caller's resource server.
    Active(Box<AccessToken>),
    /// Nothing that lives.
    Inactive,
    /// A living token of another resource server.
    Foreign(Refusal),
}

fn inactive() -> Map<String, Value> {
    Map::from_iter([("active".to_owned(), json!(false))])
}

/// The claims of a living token (RFC 7662, 2.2), with `cnf` for one that is bound (RFC 8705, 3.2; RFC 9449, 6.2).
fn describe(token: &AccessToken) -> Map<String, Value> {
    let mut answer = token.claims();
    answer.insert("active".to_owned(), json!(true));
    answer.insert("token_type".to_owned(), json!(Binding::token_type(token.binding.as_ref())));
    answer
}
