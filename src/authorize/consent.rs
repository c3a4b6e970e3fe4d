//! The person decides what the client may do.

use std::collections::HashSet;

use uuid::Uuid;

use crate::ledger::{Attempt, Entry};
use crate::model::consent::Consent;
use crate::model::interaction::Progress;
use crate::policy;
use crate::protocol::error::{Failure, Refusal};
use crate::protocol::params::PageForm;
use crate::protocol::resource_metadata::ResourceKind;
use crate::scope::set::ScopeSet;

use super::browser::{self, Form, Visit};
use super::case::{Case, Present};
use super::dispatcher::Next;
use super::offer::Offer;
use super::{AuthorizationFlow, GoOn, Place, Trouble, Turn};

/// The question what a client may do.
#[derive(Debug)]
pub struct ConsentView {
    /// The name of the app that asks.
    pub client_name: String,
    /// The organization that answers for it.
    pub organization: String,
    /// Where the answer goes.
    pub target: String,
    /// Who is asked, by the name to call them.
    pub person: String,
    /// Who is asked, by the name they sign in with.
    pub username: String,
    /// The FHIR server, by its title.
    pub resource: Option<String>,
    /// The patient in context.
    pub patient: Option<String>,
    /// What could be granted.
    pub scope: ScopeSet,
    /// The interaction.
    pub interaction: Uuid,
    /// The token of the form.
    pub csrf: String,
}

/// What the person answered.
enum Answer {
    /// These scopes, as far as they are offered.
    Allow(HashSet<String>),
    /// Nothing.
    Deny,
}

impl AuthorizationFlow {
    /// The question, where it comes next.
    pub async fn consent_view(&self, id: &str, visit: &Visit) -> Result<Turn<ConsentView>, Trouble> {
        let mut entry =
            self.entry("authorize.respond", &visit.origin).map_err(|fault| Trouble::Page(fault.into()))?;
        let case = match self.case(&mut entry, id, visit).await {
            Ok(case) => case,
            Err(failure) => return Err(Trouble::Page(self.refuse(entry, failure).await)),
        };
        // Whatever else comes next, a refusal included, is the dispatcher's to tell.
        match self.next(&mut entry, &case).await {
            Ok(Next::Consent(present, offer)) => Ok(Turn::Page(self.question(&case, present, *offer))),
            Ok(Next::Login | Next::Respond(..) | Next::Over) | Err(Failure::Refusal(_)) => {
                Ok(Turn::GoOn(GoOn::to(Place::Dispatcher, case.interaction.id)))
            }
            Err(failure) => Err(Trouble::Client(Box::new(case.address), failure)),
        }
    }

    /// Keeps what the person decided.
    pub async fn decide(&self, form: &PageForm, visit: &Visit) -> Result<GoOn, Failure> {
        let action = match form.optional("decision") {
            Some("allow") => "consent.give",
            _ => "consent.refuse",
        };
        let mut entry = self.entry(action, &visit.origin)?;
        let outcome = self.take(&mut entry, form, visit).await;
        self.ledger.settle(entry, outcome).await
    }

    /// Reads the form and decides what is kept of it.
    async fn take(&self, entry: &mut Entry, form: &PageForm, visit: &Visit) -> Result<GoOn, Failure> {
        let text = form.optional("interaction").unwrap_or_default();
        let id: Uuid = text.parse().map_err(|_| browser::forged("form_without_interaction"))?;
        let last = self.last_signed_in(visit).await?;
        let session = last.ok_or_else(|| browser::forged("form_without_session"))?.0.id;
        self.marks.check(visit, Form::Consent(id, session), form.optional("csrf"))?;
        let answer = answer(form)?;
        let case = self.case(entry, text, visit).await?;
        match case.interaction.progress {
            Progress::SignedIn { session: of } if of == session => {}
            // An answer counts once, and for the sign-in that the question was shown to.
            Progress::Begun
            | Progress::SignedIn { .. }
            | Progress::Allowed { .. }
            | Progress::Denied { .. }
            | Progress::Finished => return Err(browser::forged("decided_before").into()),
        }
        let go_on = GoOn::to(Place::Dispatcher, id);
        let Some(present) = &case.present else {
            // The session has ended while the question was read: nothing is decided, and sign-in comes next.
            entry.attempt(Attempt::RecordNothing);
            return Ok(go_on);
        };
        let consent = match answer {
            Answer::Allow(ticked) => self.agreed(entry, (&case, present), &ticked).await?,
            Answer::Deny => None,
        };
        if consent.is_none() {
            "consent.refuse".clone_into(&mut entry.event_mut().action);
        }
        entry.attempt(Attempt::Decide { at: (id, session), consent: consent.map(Box::new) });
        Ok(go_on)
    }

    /// What was ticked of what is offered; what else the form may say has no meaning. Nothing ticked is a no.
    async fn agreed(
        &self,
        entry: &mut Entry,
        (case, present): (&Case, &Present),
        ticked: &HashSet<String>,
    ) -> Result<Option<Consent>, Failure> {
        let offer = self.offer(entry, (case, present)).await?;
        let ticked = offer.scope.iter().filter(|token| ticked.contains(token.as_str())).cloned();
        let ticked = ScopeSet::from_tokens(ticked);
        // Some scopes mean nothing without others that may now be missing.
        let granted = policy::offer(&case.client, Some(&offer.person), &ticked, &offer.resource);
        let Ok(scope) = granted else { return Ok(None) };
        let consent = Consent {
            id: self.id(entry.now())?,
            subject: present.person.subject,
            client: case.client.id.clone(),
            audience: offer.resource.url.clone(),
            patient: offer.patient_for(&scope),
            scope,
            given_at: entry.now().max(present.person.not_before),
        };
        let event = entry.event_mut();
        event.scopes_granted = Some(consent.scope.to_string());
        event.patient.clone_from(&consent.patient);
        Ok(Some(consent))
    }

    fn question(&self, case: &Case, present: &Present, offer: Offer) -> ConsentView {
        let interaction = case.interaction.id;
        let patient = offer.patient_for(&offer.scope);
        let Offer { scope, resource, .. } = offer;
        ConsentView {
            client_name: case.client.metadata.client_name.clone(),
            organization: case.client.metadata.organization.clone(),
            target: case.interaction.callback.origin(),
            person: present.person.label().to_owned(),
            username: present.person.username.to_string(),
            resource: (resource.kind == ResourceKind::Fhir).then_some(resource.title),
            patient,
            scope,
            interaction,
            csrf: self.marks.csrf(Form::Consent(interaction, present.session.id), &case.browser),
        }
    }
}

fn answer(form: &PageForm) -> Result<Answer, Refusal> {
    match form.optional("decision") {
        Some("allow") => Ok(Answer::Allow(form.repeated("scope").iter().cloned().collect())),
        Some("deny") => Ok(Answer::Deny),
        Some(_) | None => {
            Err(Refusal::invalid_request("Choose whether to allow access.", "decision_unknown"))
        }
    }
}
