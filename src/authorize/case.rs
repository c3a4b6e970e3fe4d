//! An interaction with all that is known around it: the client, and who is signed in.

use uuid::Uuid;

use crate::ledger::Entry;
use crate::model::audit_event::AuditEvent;
use crate::model::client::Client;
use crate::model::interaction::{Destination, Interaction, Progress};
use crate::model::person::Person;
use crate::model::session::Session;
use crate::model::standing::Standing;
use crate::moment::Timestamp;
use crate::protocol::error::{Failure, Fault, Refusal};
use crate::store;

use super::answer::{ReturnAddress, Told};
use super::browser::Visit;
use super::response::is_for_people;
use super::{AuthorizationFlow, Trouble};

/// Who is signed in.
#[derive(Clone, Debug)]
pub(super) struct Present {
    /// The session.
    pub(super) session: Session,
    /// The person.
    pub(super) person: Person,
}

impl Present {
    /// Names the person in a record.
    pub(super) fn name(&self, event: &mut AuditEvent) {
        name_person(event, &self.person);
    }
}

/// Names a person in a record.
pub(super) fn name_person(event: &mut AuditEvent, person: &Person) {
    event.person = Some(person.subject.to_string());
    event.person_organization = Some(person.organization.clone());
}

/// An interaction of this browser, the client whose it is, and where its answer goes.
pub(super) struct Case {
    /// The interaction.
    pub(super) interaction: Interaction,
    /// The client, as it is registered now.
    pub(super) client: Client,
    /// The browser.
    pub(super) browser: [u8; 32],
    /// Who is signed in.
    pub(super) present: Option<Present>,
    /// Where the client is told, when it is told with the browser.
    pub(super) address: Option<ReturnAddress>,
}

impl Case {
    /// What went wrong: told to the client where there is a way to it, else to the person.
    pub(super) fn trouble(self, failure: Failure) -> Trouble {
        let Some(address) = self.address.filter(|_| !is_for_people(&failure)) else {
            return Trouble::Page(failure);
        };
        match self.interaction.progress {
            Progress::Allowed { .. } | Progress::Denied { .. } => Trouble::Client(Box::new(address), failure),
            Progress::Begun | Progress::SignedIn { .. } | Progress::Finished => {
                Trouble::unasked(&self.client.provenance, address, failure)
            }
        }
    }
}

impl AuthorizationFlow {
    /// Finds the interaction that a browser goes on with. What another browser began, or took too long,
    /// is refused; so is what its client may not be told of any more (RFC 9700, 4.7.1).
    pub(super) async fn case(&self, entry: &mut Entry, id: &str, visit: &Visit) -> Result<Case, Failure> {
        let browser = visit.browser.ok_or_else(|| lost("not_this_browser"))?;
        let id: Uuid = id.parse().map_err(|_| lost("interaction_unknown"))?;
        let found =
            store::interaction::find(&self.db, id).await?.ok_or_else(|| lost("interaction_unknown"))?;
        entry.event_mut().client = Some(found.client.to_string());
        if !found.belongs_to(&browser, entry.now()) {
            let reason = if found.belongs_to(&browser, found.created_at) {
                "interaction_expired"
            } else {
                "not_this_browser"
            };
            return Err(lost(reason).into());
        }
        let client = store::client::find(&self.db, &found.client).await?;
        let client = client.filter(Client::is_active).ok_or_else(|| lost("client_disabled"))?;
        entry.event_mut().name_client(&client);
        if !found.destination.is_of(&client.metadata) {
            return Err(lost("redirect_uri_not_registered").into());
        }
        entry.event_mut().scopes_asked = Some(found.request.scope.to_string());
        let present = self.present(visit, entry.now()).await?;
        if let Some(present) = &present {
            present.name(entry.event_mut());
        }
        let address = match &found.destination {
            Destination::Callback(callback) => {
                let told = Told { state: found.request.state.clone(), mode: found.request.response_mode };
                let to = (&client, callback);
                Some(ReturnAddress::new(to, told, self.issuer.clone(), entry.now()))
            }
            Destination::Device(_) => None,
        };
        Ok(Case { interaction: found, client, browser, present, address })
    }

    /// Who is signed in, in a session that is alive.
    pub(super) async fn present(&self, visit: &Visit, now: Timestamp) -> Result<Option<Present>, Fault> {
        let Some((session, person)) = self.last_signed_in(visit).await? else { return Ok(None) };
        let is_live = session.is_live(&Standing::from(&person), self.lives.idle, now);
        Ok(is_live.then_some(Present { session, person }))
    }

    /// Who signed in last in this browser, whether or not the session is still alive.
    pub(super) async fn last_signed_in(&self, visit: &Visit) -> Result<Option<(Session, Person)>, Fault> {
        let Some(digest) = &visit.session else { return Ok(None) };
        let Some(session) = store::session::find(&self.db, digest).await? else { return Ok(None) };
        let person = store::person::find(&self.db, &session.subject).await?;
        Ok(person.map(|person| (session, person)))
    }
}

/// The refusal of a link that leads nowhere.
const fn lost(reason: &'static str) -> Refusal {
    let told = "This link belongs to another browser, or it is too old. Go back to the app and begin again.";
    Refusal::invalid_request(told, reason)
}
