//! What a person has decided is kept for the device, which asks for it by itself.

use crate::authorize::browser::Visit;
use crate::authorize::case::{Case, Present};
use crate::authorize::dispatcher::{Dispatched, Ending};
use crate::authorize::offer::Offer;
use crate::authorize::{AuthorizationFlow, GoOn, Place, Trouble, Turn};
use crate::ledger::{Answering, Attempt, Entry};
use crate::model::consent::Consent;
use crate::model::device_code::DeviceState;
use crate::model::interaction::{Progress, Waiting};
use crate::protocol::error::{ErrorCode, Failure, Fault};
use crate::store;

/// The word that the device was answered.
#[derive(Debug)]
pub struct AnsweredView {
    /// The name of the client.
    pub client_name: String,
    /// What it was answered.
    pub answered: Answered,
}

/// What a device was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It has access.
    Allowed,
    /// It has none.
    Refused,
}

impl AuthorizationFlow {
    /// Keeps the answer for the device, and shows the person that there is nothing more to do here.
    pub(in crate::authorize) async fn answer_device(
        &self,
        mut entry: Entry,
        (case, device): (&Case, &Waiting),
        ending: Result<Option<Ending<'_>>, Failure>,
    ) -> Result<Dispatched, Trouble> {
        let done = Dispatched::GoOn(GoOn::to(Place::Device, case.interaction.id));
        let asked = self.asked_for(device).await.map_err(|fault| Trouble::Page(fault.into()))?;
        let outcome = match ending {
            Ok(None) => return Ok(done),
            Ok(Some((present, offer, consent))) => {
                "device.approve".clone_into(&mut entry.event_mut().action);
                let approved = self.approve(&mut entry, (case, device), (present, &offer, &consent));
                entry.event_mut().detail = asked;
                approved
            }
            Err(Failure::Refusal(refusal)) if refusal.code() == ErrorCode::AccessDenied => {
                let Some(session) = case.interaction.session() else {
                    return Err(Trouble::Page(self.refuse(entry, refusal.into()).await));
                };
                // What an app would be told at its callback, the device is told when it asks.
                let event = entry.event_mut();
                "device.refuse".clone_into(&mut event.action);
                let why = [Some(refusal.reason().code().to_owned()), asked];
                event.detail = Some(why.into_iter().flatten().collect::<Vec<_>>().join("; "));
                entry.attempt(Attempt::AnswerDevice(Answering {
                    at: (case.interaction.id, session),
                    device: device.digest,
                    delegation: None,
                }));
                Ok(())
            }
            Err(failure) => Err(failure),
        };
        self.ledger.settle(entry, outcome).await.map(|()| done).map_err(Trouble::Page)
    }

    /// When and from where the device asked.
    async fn asked_for(&self, device: &Waiting) -> Result<Option<String>, Fault> {
        let found = store::device_code::find(&self.db, &device.digest).await?;
        Ok(found.map(|found| found.asked()))
    }

    fn approve(
        &self,
        entry: &mut Entry,
        (case, device): (&Case, &Waiting),
        (present, offer, consent): (&Present, &Offer, &Consent),
    ) -> Result<(), Failure> {
        let delegation = self.delegated(entry, (case, present), (consent, offer))?;
        entry.attempt(Attempt::AnswerDevice(Answering {
            at: (case.interaction.id, present.session.id),
            device: device.digest,
            delegation: Some(Box::new(delegation)),
        }));
        Ok(())
    }

    /// What the device was answered, once it was.
    pub async fn answered_view(&self, id: &str, visit: &Visit) -> Result<Turn<AnsweredView>, Failure> {
        let mut entry = self.entry("authorize.respond", &visit.origin)?;
        let case = match self.case(&mut entry, id, visit).await {
            Ok(case) => case,
            Err(failure) => return Err(self.refuse(entry, failure).await),
        };
        let go_on = Turn::GoOn(GoOn::to(Place::Dispatcher, case.interaction.id));
        let Some(device) = case.interaction.destination.device() else { return Ok(go_on) };
        match case.interaction.progress {
            Progress::Finished => {}
            Progress::Begun
            | Progress::SignedIn { .. }
            | Progress::Allowed { .. }
            | Progress::Denied { .. } => return Ok(go_on),
        }
        let found = store::device_code::find(&self.db, &device.digest).await?;
        let answered = match found.map(|found| found.state) {
            Some(DeviceState::Approved(_) | DeviceState::Redeemed { .. }) => Answered::Allowed,
            Some(DeviceState::Denied | DeviceState::Pending) | None => Answered::Refused,
        };
        Ok(Turn::Page(AnsweredView { client_name: case.client.metadata.client_name, answered }))
    }
}
