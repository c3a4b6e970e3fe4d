//! Asks what comes next, and sends the browser there.

use crate::ledger::Entry;
use crate::model::consent::Consent;
use crate::model::interaction::{Circumstances, Missing, Progress, Step};
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};

use super::browser::Visit;
use super::case::{Case, Present};
use super::claims;
use super::endpoint::login_required;
use super::offer::Offer;
use super::response::{Granted, denied};
use super::setting::Look;
use super::{AuthorizationFlow, GoOn, Place, Trouble};

/// What became of a request to the dispatcher.
pub enum Dispatched {
    /// A step comes next.
    GoOn(GoOn),
    /// The client gets its code.
    Granted(Granted),
}

/// Who decided, about what, and how.
pub(super) type Ending<'a> = (&'a Present, Box<Offer>, Box<Consent>);

/// What comes next, with what it needs.
pub(super) enum Next<'a> {
    /// The person signs in.
    Login,
    /// The person chooses what to work on.
    Choose(Missing, &'a Present, Box<Offer>),
    /// The person decides about an offer.
    Consent(&'a Present, Box<Offer>),
    /// The answer is sent, by a decision.
    Respond(&'a Present, Box<Offer>, Box<Consent>),
    /// Nothing: it is over.
    Over,
}

impl AuthorizationFlow {
    /// Goes on with an interaction.
    pub async fn go_on(&self, id: &str, visit: &Visit) -> Result<Dispatched, Trouble> {
        let mut entry =
            self.entry("authorize.respond", &visit.origin).map_err(|fault| Trouble::Page(fault.into()))?;
        let case = match self.case(&mut entry, id, visit).await {
            Ok(case) => case,
            Err(failure) => return Err(Trouble::Page(self.refuse(entry, failure).await)),
        };
        let go_on = |place| Ok(Dispatched::GoOn(GoOn::to(place, case.interaction.id)));
        let ending = match self.next(&mut entry, &case, Look::Up).await {
            Ok(Next::Login) => return go_on(Place::Login),
            Ok(Next::Choose(Missing::Patient, ..)) => return go_on(Place::Patient),
            Ok(Next::Choose(Missing::Encounter, ..)) => return go_on(Place::Encounter),
            Ok(Next::Consent(..)) => return go_on(Place::Consent),
            Ok(Next::Respond(present, offer, consent)) => Ok(Some((present, offer, consent))),
            Ok(Next::Over) => Ok(None),
            Err(failure) => Err(failure),
        };
        if let Some(device) = case.interaction.destination.device() {
            return self.answer_device(entry, (&case, device), ending).await;
        }
        let outcome = match ending {
            Ok(Some((present, offer, consent))) => {
                self.issue(&mut entry, (&case, present), (&consent, &offer)).await
            }
            Ok(None) => return Err(Trouble::Page(self.refuse(entry, over().into()).await)),
            Err(failure) => Err(failure),
        };
        let settled = self.ledger.settle(entry, outcome).await;
        settled.map(Dispatched::Granted).map_err(|failure| case.trouble(failure))
    }

    /// What comes next. Where no page may be shown, one that is needed is a refusal.
    pub(super) async fn next<'a>(
        &self,
        entry: &mut Entry,
        case: &'a Case,
        look: Look,
    ) -> Result<Next<'a>, Failure> {
        let prompts = case.interaction.request.prompts;
        let session = case.present.as_ref().map(|present| present.session.id);
        let mut known = Circumstances { session, missing: None, remembered: None };
        let present = match (case.interaction.next(&known), &case.present) {
            (Step::Over, _) => return Ok(Next::Over),
            (Step::Refuse, _) => return Err(denied("consent_refused").into()),
            (Step::Login, _) | (_, None) if prompts.is_none() => {
                return Err(login_required("not_signed_in").into());
            }
            (Step::Login, _) | (_, None) => return Ok(Next::Login),
            (Step::Patient | Step::Encounter | Step::Consent | Step::Respond { .. }, Some(present)) => {
                present
            }
        };
        let asked = (&case.client, &case.interaction.request);
        if !self.is_expected(asked, present, entry.now()).await? {
            return Err(login_required("another_person_signed_in").into());
        }
        claims::attains(present, &case.interaction.request)?;
        is_launched_for(case, present)?;
        let offer = Box::new(self.offer(entry, (case, present), look).await?);
        if let Some(missing) = offer.missing {
            if let Progress::Allowed { .. } = case.interaction.progress {
                // There is more to choose from than when the person decided.
                return Err(denied("consent_for_something_else").into());
            }
            return if prompts.is_none() {
                Err(has_to_choose().into())
            } else {
                Ok(Next::Choose(missing, present, offer))
            };
        }
        let remembered = self.remembered(case, &offer).await?;
        known.remembered = remembered.as_ref().map(|consent| consent.id);
        match (case.interaction.next(&known), remembered) {
            (Step::Respond { consent }, Some(remembered)) if remembered.id == consent => {
                Ok(Next::Respond(present, offer, Box::new(remembered)))
            }
            (Step::Respond { consent }, _) => {
                Ok(Next::Respond(present, offer, Box::new(self.decision(consent).await?)))
            }
            (_, _) if prompts.is_none() => {
                let told = "the person has to be asked";
                let reason = Reason::new("consent_missing");
                Err(Refusal::new(ErrorCode::ConsentRequired, told, reason).into())
            }
            (_, _) => Ok(Next::Consent(present, offer)),
        }
    }
}

/// A launch is for the person whom the EHR named, and nobody else (SMART App Launch 2.2, EHR launch).
fn is_launched_for(case: &Case, present: &Present) -> Result<(), Refusal> {
    match &case.interaction.launch {
        Some(launch) if launch.subject != present.person.subject => Err(denied("launch_of_another_person")),
        Some(_) | None => Ok(()),
    }
}

/// The refusal of a request without a page, where the person has to choose.
const fn has_to_choose() -> Refusal {
    let told = "the person has to choose a patient or an encounter";
    Refusal::new(ErrorCode::InteractionRequired, told, Reason::new("choice_missing"))
}

/// The answer has been sent: another would be for whoever kept the link.
const fn over() -> Refusal {
    let told = "The app has its answer already. Go back to the app and begin again.";
    Refusal::invalid_request(told, "interaction_over")
}
