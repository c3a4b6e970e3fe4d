//! The userinfo endpoint (OpenID Connect Core, 5.3).

use serde_json::{Map, Value, json};

use crate::clients::evidence::Evidence;
use crate::keys::keyring::KeyRing;
use crate::ledger::{Attempt, Entry, Ledger};
use crate::model::access_token::AccessToken;
use crate::model::client::Client;
use crate::model::identity::{FHIR_USER, Identity};
use crate::moment::Timestamp;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::protocol::error::{Doing, ErrorCode, Failure, Fault, Reason, Refusal};
use crate::protocol::secret::Secret;
use crate::scope::narrow::holds;
use crate::store::{self, Db};
use crate::tokens::access_token::{AccessTokens, Descent, LiveToken};
use crate::tokens::bearer::{self, Constraint};
use crate::tokens::id_token::absolute;

/// The `typ` of signed answers: none is taken for an id token (RFC 8725, 3.11).
const TYPE: &str = "userinfo+jwt";

/// What is told of a person.
#[derive(Debug)]
pub enum Told {
    /// As claims.
    Plain(Map<String, Value>),
    /// As claims that are signed, for a client that is registered for that (OpenID Connect Core, 5.3.2).
    Signed(String),
}

/// The userinfo endpoint.
#[derive(Clone)]
pub struct UserinfoEndpoint {
    /// Reads tokens.
    pub tokens: AccessTokens,
    /// Signs answers.
    pub keys: KeyRing,
    /// The name of this server.
    pub issuer: String,
    /// The door to reading.
    pub db: Db,
    /// The door through which state changes.
    pub ledger: Ledger,
    /// The database's time.
    pub clock: Clock,
}

impl UserinfoEndpoint {
    /// Tells who the person of an access token is, as far as was granted. Any access token of this server that
    /// carries `openid` will do. A refusal is recorded; an answer tells nothing new.
    pub async fn respond(
        &self,
        evidence: &Evidence,
        in_body: Option<Secret>,
        entropy: &Entropy,
    ) -> Result<Told, Failure> {
        let now = self.clock.now();
        let id = entropy.id(now).doing("naming an entry")?;
        let mut entry = Entry::begin(id, now, "userinfo.read", evidence.origin.clone());
        let outcome = self.look_up(&mut entry, evidence, in_body).await;
        if outcome.is_ok() {
            entry.attempt(Attempt::RecordNothing);
        }
        self.ledger.settle(entry, outcome).await
    }

    async fn look_up(
        &self,
        entry: &mut Entry,
        evidence: &Evidence,
        in_body: Option<Secret>,
    ) -> Result<Told, Failure> {
        let now = entry.now();
        let live = match (&evidence.authorization, &in_body) {
            (Some(_), Some(_)) => {
                let told = "the access token is shown in more than one place";
                return Err(Refusal::invalid_request(told, "several_tokens").into());
            }
            (_, Some(text)) => {
                bearer::believe_text(&self.tokens, entry, text, evidence, Constraint::AsIssued).await?
            }
            (_, None) => bearer::believe(&self.tokens, entry, evidence, Constraint::AsIssued).await?,
        };
        let LiveToken { token, client, descent } = live;
        let event = entry.event_mut();
        event.name_client(&client);
        event.token = Some(token.id);
        let (Some(descent), true) = (descent, holds(&token.scope, "openid")) else {
            let told = "the access token was not granted openid";
            let reason = Reason::new("openid_not_granted");
            return Err(Refusal::new(ErrorCode::InsufficientScope, told, reason).into());
        };
        event.person = Some(descent.person.subject.to_string());
        let claims = self.claims((&client, &token), &descent).await?;
        Ok(self.told(&client, claims, now).await?)
    }

    /// The claims that the scopes ask for, and those that were asked for one by one (OpenID Connect Core, 5.4, 5.5).
    async fn claims(
        &self,
        (client, token): (&Client, &AccessToken),
        descent: &Descent,
    ) -> Result<Map<String, Value>, Fault> {
        let mut claims = Map::from_iter([("sub".to_owned(), json!(token.subject))]);
        let wanted = descent.delegation.particulars.claims.for_userinfo(&token.scope, &client.metadata.scope);
        if wanted.contains(FHIR_USER)
            && let Some(known) = &descent.person.fhir_user
        {
            let resource = self.tokens.find_resource(&token.audience).await?;
            let resource = resource.as_ref().map(|resource| &resource.metadata);
            claims.insert(FHIR_USER.to_owned(), json!(absolute(known, resource)));
        }
        if wanted.iter().any(|claim| *claim != FHIR_USER)
            && let Some(person) = store::person::find(&self.db, &descent.person.subject).await?
        {
            claims.extend(Identity::from(&person).tell(wanted));
        }
        Ok(claims)
    }

    /// The claims as the client is registered to be told them.
    async fn told(
        &self,
        client: &Client,
        mut claims: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Told, Fault> {
        let Some(algorithm) = client.metadata.userinfo_signed_response_alg else {
            return Ok(Told::Plain(claims));
        };
        claims.insert("iss".to_owned(), json!(self.issuer));
        claims.insert("aud".to_owned(), json!(client.id.as_str()));
        self.keys.sign(algorithm, TYPE, &claims, now).await.map(Told::Signed)
    }
}
