//! Where payers report what they have decided: from then on nothing about it is granted or alive. A decision is of the
//! FHIR server that the reporter's token is for, and touches nothing that is granted for others.

use serde_json::{Map, Value};

use crate::clients::evidence::Evidence;
use crate::ledger::{Attempt, Entry, Ledger};
use crate::model::ended_authorization::EndedAuthorization;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::policy::DECISION_WRITE;
use crate::protocol::authorization_details::prior_authorization::{Decision, TYPE};
use crate::protocol::error::{Doing, ErrorCode, Failure, FieldProblem, Reason, Refusal};
use crate::protocol::resource_metadata::ResourceKind;
use crate::scope::narrow::holds;
use crate::store::{self, Db};
use crate::tokens::access_token::{AccessTokens, LiveToken};
use crate::tokens::bearer::{self, Constraint};

/// The endpoint.
#[derive(Clone)]
pub struct DecisionEndpoint {
    /// Reads tokens.
    pub tokens: AccessTokens,
    /// The door to reading.
    pub db: Db,
    /// The door through which state changes.
    pub ledger: Ledger,
    /// The database's time.
    pub clock: Clock,
}

impl DecisionEndpoint {
    /// Ends what a payer has decided. Reported again, it has ended all the same.
    pub async fn respond(
        &self,
        evidence: &Evidence,
        body: Result<Map<String, Value>, Refusal>,
        entropy: &Entropy,
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        let id = entropy.id(now).doing("naming an entry")?;
        let mut entry = Entry::begin(id, now, "authorization.end", evidence.origin.clone());
        let outcome = self.end(&mut entry, evidence, body).await;
        self.ledger.settle(entry, outcome).await
    }

    async fn end(
        &self,
        entry: &mut Entry,
        evidence: &Evidence,
        body: Result<Map<String, Value>, Refusal>,
    ) -> Result<(), Failure> {
        let now = entry.now();
        let live = bearer::believe(&self.tokens, entry, evidence, Constraint::AsIssued).await?;
        entry.prove_client(&live.client);
        entry.event_mut().token = Some(live.token.id);
        entry.event_mut().audience = Some(live.token.audience.clone());
        self.may_report(&live).await?;
        let decision = Decision::parse(&body?).map_err(wrong)?;
        let event = entry.event_mut();
        event.patient = Some(decision.patient.clone());
        event.detail = Some(format!("authorization_details: {TYPE}"));
        entry.attempt(Attempt::EndAuthorization(Box::new(EndedAuthorization {
            audience: live.token.audience,
            kind: TYPE.to_owned(),
            identities: decision.identities(),
            reported_by: live.client.id,
            at: now,
        })));
        Ok(())
    }

    /// Refuses a token that is not that of a payer's FHIR server.
    async fn may_report(&self, live: &LiveToken) -> Result<(), Failure> {
        let refused = |told, reason| {
            Failure::from(Refusal::new(ErrorCode::InsufficientScope, told, Reason::new(reason)))
        };
        if live.token.person.is_some() || !holds(&live.token.scope, DECISION_WRITE) {
            let told = "the access token was not granted authorization_decision.write to a back-end";
            return Err(refused(told, "decision_scope_missing"));
        }
        let found = store::resource::find_by_url(&self.db, &live.token.audience).await?;
        if found.is_some_and(|resource| resource.metadata.kind == ResourceKind::Fhir) {
            return Ok(());
        }
        Err(refused("the access token is for no FHIR server of this server", "decision_for_no_fhir_server"))
    }
}

fn wrong(problems: Vec<FieldProblem>) -> Refusal {
    let detail = problems.iter().map(|problem| problem.field.as_str()).collect::<Vec<_>>().join(" ");
    Refusal::invalid_request("the decision cannot be read", "decision_malformed")
        .detail(detail)
        .fields(problems)
}
