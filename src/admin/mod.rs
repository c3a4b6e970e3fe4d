//! What administrators do: registrations, people, keys, the audit trail. The admin API and the terminal call
//! the same functions.

pub mod actor;
pub mod alerts;
pub mod audit;
pub mod back_ends;
pub mod certificates;
mod client_keys;
pub mod clients;
pub mod communities;
pub mod details_types;
pub mod explain;
mod fapi;
pub mod forecast;
pub mod health;
pub mod initial_tokens;
mod inquiry;
pub mod issuance;
pub mod keys;
pub mod passwords;
mod patients;
mod supposition;
pub mod openid;
pub mod privilege;
pub mod profile;
mod proxied;
pub mod registration;
pub mod resources;
pub mod rewrap;
pub mod scopes;
pub mod statement_issuers;
pub mod token_certificates;
pub mod trusted_issuers;
pub mod users;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::ca::CertificateAuthority;
use crate::clients::evidence::Evidence;
use crate::clients::secrets::SecretDigester;
use crate::config::features::Features;
use crate::config::outbound::Outbound as Rules;
use crate::grants::OwnResources;
use crate::keys::custody::Custody;
use crate::keys::rotation::Schedule;
use crate::ledger::{Attempt, Entry, Ledger};
use crate::model::audit_event::{AuditEvent, Origin};
use crate::model::client::Client;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::platform::outbound::Outbound;
use crate::platform::passwords::PasswordHasher;
use crate::platform::seal::Sealer;
use crate::policy::Lifetimes;
use crate::protocol::error::{Doing, ErrorCode, Failure, Fault, Reason, Refusal};
use crate::store::Db;
use crate::tokens::access_token::{AccessTokens, LiveToken};
use crate::trust::Communities;

use actor::Caller;

/// What coming to the admin API is recorded as, when it comes to nothing.
pub const ACCESS: &str = "admin.access";

/// What administration needs. Cloning is cheap.
#[derive(Clone)]
pub struct Administration {
    /// The door to reading.
    pub db: Db,
    /// The door through which state changes.
    pub ledger: Ledger,
    /// The database's time.
    pub clock: Clock,
    /// Chance.
    pub entropy: Entropy,
    /// Hashes people's passwords.
    pub passwords: PasswordHasher,
    /// Digests client secrets.
    pub secrets: Arc<SecretDigester>,
    /// Keeps private keys.
    pub custody: Custody,
    /// The built-in client PKI.
    pub authority: CertificateAuthority,
    /// Seals what must be read back.
    pub sealer: Arc<Sealer>,
    /// Whom the server believes to vouch for clients.
    pub communities: Communities,
    /// What may be fetched.
    pub rules: Arc<Rules>,
    /// The one door out.
    pub outbound: Outbound,
    /// What is offered only where it is wanted.
    pub features: Features,
    /// When keys are replaced.
    pub schedule: Schedule,
    /// The certificates that were read from files.
    pub in_force: certificates::InForce,
    /// The certificates that stand in the token of the HSM.
    pub in_token: token_certificates::InToken,
    /// What was found when readiness was last examined.
    pub readiness: health::Readiness,
    /// The `aud` of the admin API, which clients may be registered for like any resource server.
    pub audience: String,
    /// The resource servers that this server is itself.
    pub own: OwnResources,
    /// How long the server lets access tokens live.
    pub lifetimes: Lifetimes,
}

impl Administration {
    /// The audit record of something an administrator does.
    pub fn event(&self, caller: &Caller, action: &str) -> Result<AuditEvent, Fault> {
        let now = self.clock.now();
        let id = self.entropy.id(now).doing("naming an entry")?;
        let mut event = AuditEvent::begin(id, now, action, caller.origin.clone());
        caller.actor.name(&mut event);
        Ok(event)
    }

    /// Believes the token of a request for a scope's route, and uses up the proof that came with it. A refusal is
    /// recorded.
    pub async fn admit(
        &self,
        tokens: &AccessTokens,
        evidence: &Evidence,
        scope: &'static str,
    ) -> Result<LiveToken, Failure> {
        let now = self.clock.now();
        let id = self.entropy.id(now).doing("naming an entry")?;
        let mut entry = Entry::begin(id, now, ACCESS, evidence.origin.clone());
        entry.event_mut().rule = Some(scope.to_owned());
        let outcome = actor::believe(tokens, &mut entry, &self.audience, evidence).await;
        if let Ok(live) = &outcome {
            entry.event_mut().name_client(&live.client);
            entry.attempt(Attempt::RecordNothing);
        }
        self.ledger.settle(entry, outcome).await
    }

    /// Records a refusal of what never came to be decided; the answer is the failure to tell.
    pub async fn record_refused(&self, origin: &Origin, what: Refused<'_>, failure: Failure) -> Failure {
        let Refused { action, rule, client } = what;
        let now = self.clock.now();
        let id = match self.entropy.id(now).doing("naming an entry") {
            Ok(id) => id,
            Err(fault) => return fault.into(),
        };
        let mut entry = Entry::begin(id, now, action, origin.clone());
        entry.event_mut().rule = rule.map(str::to_owned);
        if let Some(client) = client {
            entry.prove_client(client);
        }
        let denied: Result<std::convert::Infallible, Failure> = Err(failure);
        match self.ledger.settle(entry, denied).await {
            Err(failure) => failure,
        }
    }
}

/// What was refused before it came to be decided.
#[derive(Clone, Copy)]
pub struct Refused<'a> {
    /// What was asked.
    pub action: &'static str,
    /// The rule or scope that stood against it.
    pub rule: Option<&'static str>,
    /// Who asked, when that is proved.
    pub client: Option<&'a Client>,
}

/// The refusal of what does not exist.
const fn not_found(reason: &'static str) -> Refusal {
    Refusal::new(ErrorCode::NotFound, "there is nothing of that name", Reason::new(reason))
}

/// Refuses a change that was made for another version of what it changes.
fn expect_version(expected: Option<i64>, found: i64) -> Result<(), Refusal> {
    if expected.is_some_and(|expected| expected != found) {
        let told = "it has changed since it was read: read it again";
        return Err(Refusal::new(ErrorCode::PreconditionFailed, told, Reason::new("version_changed")));
    }
    Ok(())
}

/// Merges a patch into a document (RFC 7396): `null` removes a member.
fn merge(document: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match (document.get_mut(&name), value) {
            (_, Value::Null) => drop(document.remove(&name)),
            (Some(Value::Object(inner)), Value::Object(patch)) => merge(inner, patch),
            (_, value) => drop(document.insert(name, value)),
        }
    }
}
