//! The userinfo endpoint (OpenID Connect Core, 5.3).

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::clients::evidence::Evidence;
use crate::ledger::{Attempt, Entry, Ledger};
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::protocol::error::{Doing, ErrorCode, Failure, Reason, Refusal};
use crate::protocol::secret::Secret;
use crate::scope::narrow::holds;
use crate::store::{self, Db};
use crate::tokens::access_token::AccessTokens;
use crate::tokens::bearer::{self, Constraint};

/// The userinfo endpoint.
#[derive(Clone)]
pub struct UserinfoEndpoint {
    /// Reads tokens.
    pub tokens: AccessTokens,
    /// The door to reading.
    pub db: Db,
    /// The door through which state changes.
    pub ledger: Ledger,
    /// The database's time.
    pub clock: Clock,
}

impl UserinfoEndpoint {
    /// Tells who the person of an access token is, as far as the token's scopes go. Any access token of this
    /// server that carries `openid` will do. A refusal is recorded; an answer tells nothing new.
    pub async fn respond(
        &self,
        evidence: &Evidence,
        in_body: Option<Secret>,
        entropy: &Entropy,
    ) -> Result<Map<String, Value>, Failure> {
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
    ) -> Result<Map<String, Value>, Failure> {
        let now = entry.now();
        let live = match (&evidence.authorization, &in_body) {
            (Some(_), Some(_)) => {
                let told = "the access token is shown in more than one place";
                return Err(Refusal::invalid_request(told, "several_tokens").into());
            }
            (_, Some(text)) => {
                bearer::believe_text(&self.tokens, text, evidence, (Constraint::AsIssued, now)).await?
            }
            (_, None) => bearer::believe(&self.tokens, evidence, Constraint::AsIssued, now).await?,
        };
        entry.event_mut().name_client(&live.client);
        let token = live.token;
        let event = entry.event_mut();
        event.token = Some(token.id);
        let (Some(person), true) = (&token.person, holds(&token.scope, "openid")) else {
            let told = "the access token was not granted openid";
            let reason = Reason::new("openid_not_granted");
            return Err(Refusal::new(ErrorCode::InsufficientScope, told, reason).into());
        };
        event.person = Some(token.subject.clone());
        let mut claims = Map::from_iter([("sub".to_owned(), json!(token.subject))]);
        if let Some(fhir_user) = &person.fhir_user {
            claims.insert("fhirUser".to_owned(), json!(fhir_user));
        }
        if holds(&token.scope, "profile") {
            self.add_profile(&token.subject, &mut claims).await?;
        }
        Ok(claims)
    }

    /// The claims of the scope `profile` that this server knows (OpenID Connect Core, 5.4).
    async fn add_profile(&self, subject: &str, claims: &mut Map<String, Value>) -> Result<(), Failure> {
        let subject = Uuid::parse_str(subject).doing("reading a subject")?;
        let Some(person) = store::person::find(&self.db, &subject).await? else { return Ok(()) };
        claims.insert("preferred_username".to_owned(), json!(person.username.as_str()));
        if let Some(name) = person.name {
            claims.insert("name".to_owned(), json!(name));
        }
        Ok(())
    }
}
