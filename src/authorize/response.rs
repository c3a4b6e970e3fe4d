//! The answer to the client: a code, or why there is none (RFC 6749, 4.1.2; RFC 9207).

use std::sync::Arc;

use uuid::Uuid;

use crate::jose::thumbprint::sha256;
use crate::ledger::{Attempt, Condition, Entry};
use crate::model::client::Client;
use crate::model::code::Code;
use crate::model::consent::Consent;
use crate::model::delegation::Delegation;
use crate::model::launch::Handover;
use crate::policy;
use crate::protocol::error::{Doing, ErrorCode, Failure, Fault, Reason, Refusal};
use crate::protocol::redirect_uri::{self, Callback};
use crate::protocol::secret::Secret;
use crate::scope::lattice::shortest;
use crate::scope::narrow::{covers_all, narrow};
use crate::store;

use super::AuthorizationFlow;
use super::case::{Case, Present};
use super::offer::Offer;

/// How a code begins, so that scanners of code and logs know it.
pub const PREFIX: &str = "hac_";

/// Where the answer goes: a callback that was proved, and what every answer to it carries.
#[derive(Clone)]
pub struct ReturnAddress {
    callback: Callback,
    state: Option<String>,
    issuer: Arc<str>,
}

impl std::fmt::Debug for ReturnAddress {
    /// The state may be a secret of the client.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReturnAddress").field("callback", &self.callback).finish_non_exhaustive()
    }
}

/// The answer that carries a code.
pub struct Granted {
    address: ReturnAddress,
    code: Secret,
}

impl Granted {
    /// Where the browser goes.
    #[must_use]
    pub fn location(&self) -> String {
        self.address.with(&[("code", self.code.expose())])
    }
}

impl ReturnAddress {
    pub(super) const fn new(callback: Callback, state: Option<String>, issuer: Arc<str>) -> Self {
        Self { callback, state, issuer }
    }

    /// Where the browser goes when there is no code. What was our fault is told as that and no more.
    #[must_use]
    pub fn error(&self, failure: &Failure) -> String {
        let (error, told) = match failure {
            Failure::Refusal(refusal) => (refusal.code().word(), refusal.told()),
            Failure::Fault(fault) if fault.is_overload() => {
                ("temporarily_unavailable", "there is too much to do at the moment: try again")
            }
            Failure::Fault(_) => ("server_error", "the request could not be answered: try again"),
        };
        self.with(&[("error", error), ("error_description", told)])
    }

    /// Every answer names its issuer (RFC 9207, 2) and repeats the state byte for byte.
    fn with(&self, answer: &[(&str, &str)]) -> String {
        let state = self.state.iter().map(|state| ("state", state.as_str()));
        let all: Vec<(&str, &str)> =
            answer.iter().copied().chain(state).chain([("iss", self.issuer.as_ref())]).collect();
        self.callback.with(&all)
    }
}

impl AuthorizationFlow {
    /// Issues the code, and ends the interaction: once, whoever asks again.
    pub(super) fn issue(
        &self,
        entry: &mut Entry,
        (case, present): (&Case, &Present),
        (consent, offer): (&Consent, &Offer),
    ) -> Result<Granted, Failure> {
        let now = entry.now();
        if consent.subject != present.person.subject || consent.client != case.client.id {
            return Err(Fault::new("issuing a code", "the decision is of somebody else").into());
        }
        if consent.withdrawn_at.is_some() {
            return Err(denied("consent_withdrawn").into());
        }
        // What was decided, as far as it could still be granted.
        let scope = shortest(&narrow(&offer.scope, &consent.scope).granted);
        if scope.is_empty() {
            return Err(denied("nothing_left_to_grant").into());
        }
        if offer.missing.is_some()
            || consent.audience != offer.resource.url
            || consent.patient != offer.patient_for(&consent.scope)
        {
            return Err(denied("consent_for_something_else").into());
        }
        let text = format!("{PREFIX}{}", self.entropy.token().doing("making a code")?);
        let code = Code {
            digest: sha256(text.as_bytes()),
            delegation: Delegation {
                client: case.client.id.clone(),
                subject: present.person.subject,
                consent: consent.id,
                audience: offer.resource.url.clone(),
                context: offer.person.context.for_scope(&scope),
                voucher: offer.voucher,
                scope,
                sign_in: present.session.sign_in(),
            },
            session_ended_at: None,
            callback: case.interaction.callback.clone(),
            challenge: case.interaction.request.challenge.clone(),
            nonce: case.interaction.request.nonce.clone(),
            issued_at: now,
            expires_at: now + self.lives.code,
            state: crate::model::code::CodeState::Fresh,
        };
        let event = entry.event_mut();
        event.scopes_granted = Some(code.delegation.scope.to_string());
        event.patient.clone_from(&code.delegation.context.patient);
        entry.decided_under(self.unless_changed(case, (offer, consent), &code));
        entry.event_mut().detail = case.interaction.launch.as_ref().map(launched_by);
        if consent.by_policy {
            entry.event_mut().rule = Some("clinician_consent".to_owned());
        }
        entry.attempt(Attempt::IssueCode {
            interaction: case.interaction.id,
            code: Box::new(code),
            consent: consent.by_policy.then(|| Box::new(consent.clone())),
        });
        Ok(Granted { address: case.address.clone(), code: Secret::new(text) })
    }

    /// The decision that an answer rests on.
    pub(super) async fn decision(&self, id: Uuid) -> Result<Consent, Fault> {
        let found = store::consent::find(&self.db, id).await?;
        found.ok_or_else(|| Fault::new("answering an authorization request", "its decision is not there"))
    }

    /// Judges the registration once more, should it change before the code is written.
    fn unless_changed(&self, case: &Case, (offer, consent): (&Offer, &Consent), code: &Code) -> Condition {
        let (callback, scope) = (code.callback.clone(), code.delegation.scope.clone());
        let (offer, asked) = (offer.clone(), case.interaction.request.scope.clone());
        let own = self.own.userinfo.url.clone();
        let (by_policy, is_claimed) = (consent.by_policy, code.callback.is_claimed());
        Condition::on(&case.client, move |changed: &Client| {
            let is_registered =
                redirect_uri::matched(&changed.metadata.redirect_uris, callback.as_str()).is_some();
            let resource = offer.resource.url.as_str();
            let has_resource =
                resource == own || changed.metadata.resources.iter().any(|url| url == resource);
            let now = policy::offer(changed, Some(&offer.person), &asked, &offer.resource);
            let still = now.is_ok_and(|now| covers_all(&now, &scope));
            let still = still && (!by_policy || offer.is_given_by_policy(changed, is_claimed));
            if is_registered && has_resource && still { Ok(()) } else { Err(changed_meanwhile()) }
        })
    }
}

/// Which EHR has vouched for what is in context, for the record.
pub(super) fn launched_by(launch: &Handover) -> String {
    format!("launch {} by {}", launch.id, launch.ehr)
}

/// The refusal that the person, or what was decided since, brings about.
pub(super) const fn denied(reason: &'static str) -> Refusal {
    Refusal::new(ErrorCode::AccessDenied, "access was not given", Reason::new(reason))
}

const fn changed_meanwhile() -> Refusal {
    let told = "The registration of the app changed meanwhile. Go back to the app and begin again.";
    Refusal::new(ErrorCode::InvalidClient, told, Reason::new("registration_changed"))
}

/// Whether a refusal is for people alone: the client is not told of a form that was sent twice, nor of
/// anything once its registration is gone.
#[must_use]
pub const fn is_for_people(failure: &Failure) -> bool {
    match failure {
        Failure::Refusal(refusal) => matches!(refusal.code(), ErrorCode::Forged | ErrorCode::InvalidClient),
        Failure::Fault(_) => false,
    }
}
