//! The person chooses whose record the app opens, and which visit it is about (SMART App Launch 2.2, standalone
//! launch).

use uuid::Uuid;

use crate::ledger::{Attempt, Entry};
use crate::model::interaction::{Choice, ChosenEncounter, Missing, Progress};
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};
use crate::protocol::params::PageForm;
use crate::smart::patients::{EncounterEntry, Page};

use super::browser::{self, Form, Visit};
use super::case::{Case, Present};
use super::dispatcher::Next;
use super::offer::Offer;
use super::setting::{Found, Look, choice};
use super::{AuthorizationFlow, GoOn, Place, Trouble, Turn};

/// The longest search, in signs.
const LONGEST_SEARCH: usize = 100;
/// As many patients are seen at a glance; where there are more, they can be searched.
const FEW: usize = 8;
/// The field of a form by which the person searches instead of choosing.
pub const SEARCH: &str = "search";
/// The field of a form by which the person goes no further.
const LEAVE: &str = "leave";
/// The answer that no encounter in particular is meant: the id of none.
pub const NO_ENCOUNTER: &str = "*";

/// The question whose record is to be opened.
#[derive(Debug)]
pub struct PatientView {
    /// The app and the form.
    pub asking: Asking,
    /// Who is asked, by the name to call them.
    pub person: String,
    /// The FHIR server, by its title.
    pub resource: String,
    /// Whether there is anything to search.
    pub is_searched: bool,
    /// What was searched.
    pub words: String,
    /// Who was found.
    pub page: Page,
}

/// The question which visit it is about.
#[derive(Debug)]
pub struct EncounterView {
    /// The app and the form.
    pub asking: Asking,
    /// Whose visits they are.
    pub patient: String,
    /// The visits.
    pub encounters: Vec<EncounterEntry>,
}

/// The app that a choice is made for, and the form that it is made with.
#[derive(Debug)]
pub struct Asking {
    /// The name of the app.
    pub client_name: String,
    /// The organization that answers for it.
    pub organization: String,
    /// Where the answer goes.
    pub target: String,
    /// The interaction.
    pub interaction: Uuid,
    /// The token of the form.
    pub csrf: String,
}

impl AuthorizationFlow {
    /// The question whose record is to be opened, where it comes next or was answered before.
    pub async fn patient_view(&self, id: &str, visit: &Visit) -> Result<Turn<PatientView>, Trouble> {
        let (mut entry, case) = self.begin_choice(id, visit).await?;
        // Whoever chooses again is not asked whether there is anything to choose.
        let look = case.interaction.choice.as_ref().map_or(Look::Up, |_| Look::Past(Missing::Patient));
        let outcome = self.patients_for(&mut entry, &case, (String::new(), look)).await;
        self.ledger.settle(entry, outcome).await.map_err(Trouble::Page)
    }

    /// The same question with those of whom the words of its form say something.
    pub async fn search_patients(
        &self,
        form: &PageForm,
        visit: &Visit,
    ) -> Result<Turn<PatientView>, Failure> {
        let mut entry = self.entry("patient.search", &visit.origin)?;
        let outcome = self.search(&mut entry, (form, visit)).await;
        self.ledger.settle(entry, outcome).await
    }

    async fn search(
        &self,
        entry: &mut Entry,
        sent: (&PageForm, &Visit),
    ) -> Result<Turn<PatientView>, Failure> {
        let (case, _) = self.case_of_form(entry, sent, Missing::Patient).await?;
        let words = sent.0.optional("q").unwrap_or_default().trim();
        let plain = words.chars().map(|sign| if sign.is_control() { ' ' } else { sign });
        let words = plain.take(LONGEST_SEARCH).collect();
        self.patients_for(entry, &case, (words, Look::Past(Missing::Patient))).await
    }

    /// The question with those of whom the words say something. Where a FHIR server was asked, that is recorded, but
    /// not the words: who is looked for by what is health data.
    async fn patients_for(
        &self,
        entry: &mut Entry,
        case: &Case,
        (words, look): (String, Look),
    ) -> Result<Turn<PatientView>, Failure> {
        let Some((present, offer)) = self.asked(entry, case, (Missing::Patient, look)).await? else {
            entry.attempt(Attempt::RecordNothing);
            return Ok(Turn::GoOn(GoOn::to(Place::Dispatcher, case.interaction.id)));
        };
        let page = match offer.found {
            Found::Patients(page) => page,
            Found::Nothing | Found::Visits(_) => {
                self.patients.search((&present.person, &offer.resource), &words, entry.now()).await?
            }
        };
        match page.asked {
            Some(found) => {
                let event = entry.event_mut();
                "patient.search".clone_into(&mut event.action);
                event.patient = None;
                event.detail = Some(format!("found: {found}"));
            }
            None => entry.attempt(Attempt::RecordNothing),
        }
        Ok(Turn::Page(PatientView {
            asking: self.asking(case, Form::Patient(case.interaction.id, present.session.id)),
            person: present.person.label().to_owned(),
            resource: offer.resource.title,
            is_searched: !words.is_empty() || page.is_cut || page.entries.len() > FEW,
            words,
            page,
        }))
    }

    /// The question which visit it is about, where it comes next.
    pub async fn encounter_view(&self, id: &str, visit: &Visit) -> Result<Turn<EncounterView>, Trouble> {
        let (mut entry, case) = self.begin_choice(id, visit).await?;
        let view = async {
            let asked = self.asked(&mut entry, &case, (Missing::Encounter, Look::Up)).await?;
            let patient = |offer: &Offer| offer.person.context.patient.clone();
            let Some((present, offer, patient)) =
                asked.and_then(|(present, offer)| patient(&offer).map(|patient| (present, offer, patient)))
            else {
                return Ok(Turn::GoOn(GoOn::to(Place::Dispatcher, case.interaction.id)));
            };
            let encounters = match offer.found {
                Found::Visits(visits) => visits,
                Found::Nothing | Found::Patients(_) => {
                    let who = (&present.person, &offer.resource);
                    self.patients.encounters(who, &patient, entry.now()).await?
                }
            };
            Ok(Turn::Page(EncounterView {
                asking: self.asking(&case, Form::Encounter(case.interaction.id, present.session.id)),
                patient: offer.label.unwrap_or(patient),
                encounters,
            }))
        };
        view.await.map_err(Trouble::Page)
    }

    /// Keeps the patient that the person chose, if the person may open the record.
    pub async fn choose_patient(&self, form: &PageForm, visit: &Visit) -> Result<GoOn, Failure> {
        self.choose((form, visit), Missing::Patient).await
    }

    /// Keeps the visit that the person chose, if it is one of the patient.
    pub async fn choose_encounter(&self, form: &PageForm, visit: &Visit) -> Result<GoOn, Failure> {
        self.choose((form, visit), Missing::Encounter).await
    }

    async fn choose(&self, (form, visit): (&PageForm, &Visit), what: Missing) -> Result<GoOn, Failure> {
        let action = match (form.optional(LEAVE), what) {
            (Some(_), _) => "consent.refuse",
            (None, Missing::Patient) => "patient.choose",
            (None, Missing::Encounter) => "encounter.choose",
        };
        let mut entry = self.entry(action, &visit.origin)?;
        let outcome = self.take_choice(&mut entry, (form, visit), what).await;
        self.ledger.settle(entry, outcome).await
    }

    /// The interaction of a form, and the session that its page was shown to.
    async fn case_of_form(
        &self,
        entry: &mut Entry,
        (form, visit): (&PageForm, &Visit),
        what: Missing,
    ) -> Result<(Case, Uuid), Failure> {
        let text = form.optional("interaction").unwrap_or_default();
        let id: Uuid = text.parse().map_err(|_| browser::forged("form_without_interaction"))?;
        let last = self.last_signed_in(visit).await?;
        let session = last.ok_or_else(|| browser::forged("form_without_session"))?.0.id;
        let kind = match what {
            Missing::Patient => Form::Patient(id, session),
            Missing::Encounter => Form::Encounter(id, session),
        };
        self.marks.check(visit, kind, form.optional("csrf"))?;
        let case = self.case(entry, text, visit).await?;
        match case.interaction.progress {
            Progress::SignedIn { session: of } if of == session => Ok((case, session)),
            // A choice is for the sign-in that the question was shown to, and until the decision.
            Progress::Begun
            | Progress::SignedIn { .. }
            | Progress::Allowed { .. }
            | Progress::Denied { .. }
            | Progress::Finished => Err(browser::forged("decided_before").into()),
        }
    }

    /// Reads the form and decides what is kept of it.
    async fn take_choice(
        &self,
        entry: &mut Entry,
        (form, visit): (&PageForm, &Visit),
        what: Missing,
    ) -> Result<GoOn, Failure> {
        let (case, session) = self.case_of_form(entry, (form, visit), what).await?;
        let id = case.interaction.id;
        let go_on = GoOn::to(Place::Dispatcher, id);
        if case.present.is_none() {
            // The session has ended while the question was read: nothing is chosen, and sign-in comes next.
            entry.attempt(Attempt::RecordNothing);
            return Ok(go_on);
        }
        if form.optional(LEAVE).is_some() {
            entry.attempt(Attempt::Decide { at: (id, session), consent: None, choice: None });
            return Ok(go_on);
        }
        let Some((present, offer)) = self.asked(entry, &case, (what, Look::Past(what))).await? else {
            return Err(browser::forged("choice_not_asked").into());
        };
        let choice = match what {
            Missing::Patient => self.chosen_patient(entry, (present, &offer), form).await?,
            Missing::Encounter => self.chosen_encounter(entry, (present, &offer), form).await?,
        };
        entry.event_mut().patient = Some(choice.patient.clone());
        entry.attempt(Attempt::Choose { at: (id, session), choice: Box::new(choice) });
        Ok(go_on)
    }

    /// The patient of a form. Whatever the page offered, it is asked again whether the person may open the record.
    async fn chosen_patient(
        &self,
        entry: &Entry,
        (present, offer): (&Present, &Offer),
        form: &PageForm,
    ) -> Result<Choice, Failure> {
        let id = form.optional("patient").ok_or_else(|| nothing_chosen("Choose a patient."))?;
        let found = self.patients.find((&present.person, &offer.resource), id, entry.now()).await?;
        let told = "You may not open the record of this patient. Go back and choose another.";
        let found = found.ok_or_else(|| beyond(told, "patient_not_permitted", id))?;
        Ok(choice(&found))
    }

    /// The encounter of a form, which must be one of the patient.
    async fn chosen_encounter(
        &self,
        entry: &Entry,
        (present, offer): (&Present, &Offer),
        form: &PageForm,
    ) -> Result<Choice, Failure> {
        let id = form.optional("encounter").ok_or_else(|| nothing_chosen("Choose a visit, or none."))?;
        let patient = offer.person.context.patient.clone();
        let patient = patient.ok_or_else(|| browser::forged("choice_not_asked"))?;
        let chosen = if id == NO_ENCOUNTER {
            None
        } else {
            let who = (&present.person, &offer.resource);
            let found = self.patients.encounter(who, (&patient, id), entry.now()).await?;
            let told = "This is no visit of the patient. Go back and choose another.";
            Some(found.ok_or_else(|| beyond(told, "encounter_not_permitted", id))?.id)
        };
        Ok(Choice {
            label: offer.label.clone().unwrap_or_else(|| patient.clone()),
            patient,
            voucher: offer.voucher,
            encounter: Some(ChosenEncounter { id: chosen }),
        })
    }

    async fn begin_choice(&self, id: &str, visit: &Visit) -> Result<(Entry, Case), Trouble> {
        let mut entry =
            self.entry("authorize.respond", &visit.origin).map_err(|fault| Trouble::Page(fault.into()))?;
        match self.case(&mut entry, id, visit).await {
            Ok(case) => Ok((entry, case)),
            Err(failure) => Err(Trouble::Page(self.refuse(entry, failure).await)),
        }
    }

    /// Who is asked and what for, when this is to be chosen, or was and nothing is decided yet. Whatever else comes
    /// next, a refusal included, is the dispatcher's to tell.
    async fn asked<'a>(
        &self,
        entry: &mut Entry,
        case: &'a Case,
        (what, look): (Missing, Look),
    ) -> Result<Option<(&'a Present, Offer)>, Failure> {
        if !matches!(case.interaction.progress, Progress::SignedIn { .. }) {
            return Ok(None);
        }
        let has_chosen = case.interaction.choice.as_ref().is_some_and(|choice| match what {
            Missing::Patient => true,
            Missing::Encounter => choice.encounter.is_some(),
        });
        match self.next(entry, case, look).await {
            Ok(Next::Choose(missing, present, offer)) if missing == what || has_chosen => {
                Ok(Some((present, *offer)))
            }
            Ok(Next::Consent(present, offer)) if has_chosen => Ok(Some((present, *offer))),
            Ok(Next::Login | Next::Choose(..) | Next::Consent(..) | Next::Respond(..) | Next::Over)
            | Err(Failure::Refusal(_)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    fn asking(&self, case: &Case, form: Form) -> Asking {
        Asking {
            client_name: case.client.metadata.client_name.clone(),
            organization: case.client.metadata.organization.clone(),
            target: case.interaction.destination.origin(),
            interaction: case.interaction.id,
            csrf: self.marks.csrf(form, &case.browser),
        }
    }
}

const fn nothing_chosen(told: &'static str) -> Refusal {
    Refusal::invalid_request(told, "nothing_chosen")
}

/// The refusal of what a form names and its page did not offer; the record says what it was.
fn beyond(told: &'static str, reason: &'static str, id: &str) -> Refusal {
    let named: String = id.chars().filter(|sign| !sign.is_control()).take(64).collect();
    Refusal::new(ErrorCode::InsufficientScope, told, Reason::new(reason)).detail(named)
}
