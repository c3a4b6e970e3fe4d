//! The answer to the client: a code, or why there is none (RFC 6749, 4.1.2; RFC 9207).

use uuid::Uuid;

use crate::jose::thumbprint::sha256;
use crate::ledger::{Attempt, Condition, Entry};
use crate::model::client::Client;
use crate::model::code::Code;
use crate::model::consent::Consent;
use crate::model::delegation::{Delegation, Particulars};
use crate::model::interaction::Destination;
use crate::model::launch::Handover;
use crate::policy;
use crate::protocol::error::{Doing, ErrorCode, Failure, Fault, Reason, Refusal};

use crate::scope::lattice::shortest;
use crate::scope::narrow::{covers_all, narrow};
use crate::store;

use super::AuthorizationFlow;
use super::answer::Answer;
use super::case::{Case, Present};
use super::claims;
use super::offer::{Offer, extent_of};

/// How a code begins, so that scanners of code and logs know it.
pub const PREFIX: &str = "hac_";

/// The answer that carries a code: it is sent once all is written.
pub struct Granted(Answer);

impl Granted {
    /// How it travels.
    #[must_use]
    pub fn into_answer(self) -> Answer {
        self.0
    }
}

impl AuthorizationFlow {
    /// Issues the code, and ends the interaction: once, whoever asks again.
    pub(super) async fn issue(
        &self,
        entry: &mut Entry,
        (case, present): (&Case, &Present),
        (consent, offer): (&Consent, &Offer),
    ) -> Result<Granted, Failure> {
        let now = entry.now();
        let (Destination::Callback(callback), Some(address)) = (&case.interaction.destination, &case.address)
        else {
            return Err(Fault::new("issuing a code", "there is no callback").into());
        };
        let text = format!("{PREFIX}{}", self.entropy.token().doing("making a code")?);
        let answer = address.granted(&text, &self.signing).await?;
        let code = Code {
            digest: sha256(text.as_bytes()),
            delegation: self.delegated(entry, (case, present), (consent, offer))?,
            session_ended_at: None,
            callback: callback.clone(),
            challenge: case.interaction.request.challenge.clone(),
            nonce: case.interaction.request.nonce.clone(),
            issued_at: now,
            expires_at: now + self.lives.code,
            state: crate::model::code::CodeState::Fresh,
        };
        entry.attempt(Attempt::IssueCode {
            interaction: case.interaction.id,
            pushed: case.interaction.request.pushed,
            code: Box::new(code),
            consent: consent.by_policy.then(|| Box::new(consent.clone())),
        });
        Ok(Granted(answer))
    }

    /// What the client may do by a decision, as far as it could still be granted; the entry says so.
    pub(super) fn delegated(
        &self,
        entry: &mut Entry,
        (case, present): (&Case, &Present),
        (consent, offer): (&Consent, &Offer),
    ) -> Result<Delegation, Failure> {
        if consent.subject != present.person.subject || consent.client != case.client.id {
            return Err(Fault::new("issuing a code", "the decision is of somebody else").into());
        }
        if consent.withdrawn_at.is_some() {
            return Err(denied("consent_withdrawn").into());
        }
        let scope = shortest(&narrow(&offer.scope, &consent.scope).granted);
        let details = offer.details.within(&consent.details);
        if scope.is_empty() && details.is_empty() {
            return Err(denied("nothing_left_to_grant").into());
        }
        if offer.missing.is_some()
            || consent.audience != offer.resource.url
            || consent.patient != offer.patient_for(&consent.scope, &consent.details)
        {
            return Err(denied("consent_for_something_else").into());
        }
        let delegation = Delegation {
            client: case.client.id.clone(),
            subject: present.person.subject,
            consent: consent.id,
            audience: offer.resource.url.clone(),
            context: offer.context_for(&scope, &details),
            voucher: offer.voucher,
            scope,
            sign_in: present.session.sign_in(),
            particulars: Particulars {
                dpop_jkt: case.interaction.request.dpop_jkt.clone(),
                claims: claims::kept(&case.interaction.request.claims, (offer, consent)),
                authorization_details: details,
            },
        };
        let event = entry.event_mut();
        event.scopes_granted = Some(delegation.scope.to_string());
        event.patient.clone_from(&delegation.context.patient);
        event.detail = case.interaction.launch.as_ref().map(launched_by);
        if consent.by_policy {
            event.rule = Some("clinician_consent".to_owned());
        }
        entry.decided_under(self.unless_changed(case, (offer, consent), &delegation));
        Ok(delegation)
    }

    /// The decision that an answer rests on.
    pub(super) async fn decision(&self, id: Uuid) -> Result<Consent, Fault> {
        let found = store::consent::find(&self.db, id).await?;
        found.ok_or_else(|| Fault::new("answering an authorization request", "its decision is not there"))
    }

    /// Judges the registration once more, should it change before the code is written.
    fn unless_changed(
        &self,
        case: &Case,
        (offer, consent): (&Offer, &Consent),
        delegation: &Delegation,
    ) -> Condition {
        let (destination, scope) = (case.interaction.destination.clone(), delegation.scope.clone());
        let details = delegation.particulars.authorization_details.clone();
        let (offer, asked) = (offer.clone(), extent_of(&case.interaction.request));
        let (agreed, wanted) =
            (delegation.particulars.claims.agreed.clone(), case.interaction.request.claims.clone());
        let own = self.own.userinfo.url.clone();
        let (by_policy, is_claimed) = (consent.by_policy, destination.is_claimed());
        Condition::on(&case.client, move |changed: &Client| {
            let is_registered = destination.is_of(&changed.metadata) && changed.provenance.is_approved();
            let resource = offer.resource.url.as_str();
            let has_resource =
                resource == own || changed.metadata.resources.iter().any(|url| url == resource);
            let now = policy::offer(changed, Some(&offer.person), asked, &offer.resource);
            let still = now.is_ok_and(|now| covers_all(&now.scope, &scope) && now.details.covers(&details));
            let claims = claims::beyond((changed, &offer.person), &wanted, (&scope, &offer.resource));
            let still = still && agreed.iter().all(|claim| claims.contains(claim));
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
