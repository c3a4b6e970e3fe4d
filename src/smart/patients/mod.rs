//! The patients whose record a person may open. There are two places where they are found: the relationships that
//! administrators register here, and, for clinicians, the FHIR server itself.

mod bundle;
mod registered;
mod search;

use crate::model::person::{Person, Role, is_fhir_id};
use crate::model::relationship::Tie;
use crate::model::standing::Standing;
use crate::moment::Timestamp;
use crate::protocol::error::{Failure, Fault};
use crate::protocol::resource_metadata::{PatientSource, ResourceMetadata};
use crate::store::{self, Db};

use search::Question;

pub use search::Search;

/// The most that are shown at once.
pub const MOST: usize = 20;

/// What a person is to a patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The patient.
    Own,
    /// Somebody who acts for the patient.
    Proxy,
    /// Somebody who treats the patient.
    CareTeam,
    /// Somebody whom the FHIR server lets find the patient.
    Found,
}

/// A patient whose record a person may open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatientEntry {
    /// The id of the Patient.
    pub id: String,
    /// What the patient is called.
    pub name: String,
    /// When the patient was born, as FHIR writes it.
    pub birth_date: Option<String>,
    /// A number by which people know the patient.
    pub identifier: Option<String>,
    /// What the person is to the patient.
    pub relation: Relation,
}

/// A visit of a patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncounterEntry {
    /// The id of the Encounter.
    pub id: String,
    /// What it was.
    pub title: String,
    /// When it was, as FHIR writes it.
    pub date: Option<String>,
}

/// Some of the patients of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The patients, the person's own first.
    pub entries: Vec<PatientEntry>,
    /// Whether there are more, or may be.
    pub is_cut: bool,
    /// How many the FHIR server has found, if it was asked.
    pub asked: Option<usize>,
}

/// Whether the record of a patient at a FHIR server is a person's own, or that of somebody for whom they act.
pub async fn is_close(db: &Db, person: &Standing, (audience, patient): (&str, &str)) -> Result<bool, Fault> {
    if person.may_act_for(patient, audience) {
        return Ok(true);
    }
    let known = store::relationship::find(db, &person.subject, (audience, patient)).await?;
    Ok(known.is_some_and(|known| match known.tie {
        Tie::Own | Tie::Proxy => true,
        Tie::CareTeam => false,
    }))
}

/// A person at a FHIR server.
pub type Who<'a> = (&'a Person, &'a ResourceMetadata);

/// Finds the patients whose record a person may open. Cloning is cheap.
#[derive(Clone)]
pub struct PatientDirectory {
    db: Db,
    search: Search,
}

impl PatientDirectory {
    /// A directory over the relationships that are registered here, and a way to ask FHIR servers.
    #[must_use]
    pub const fn new(db: Db, search: Search) -> Self {
        Self { db, search }
    }

    /// Finds the patients of a person of whom all words say something. Without words they are the first of all;
    /// whoever may open every record of a FHIR server is not shown any of them unasked.
    pub async fn search(&self, who: Who<'_>, words: &str, now: Timestamp) -> Result<Page, Failure> {
        let mut page = registered::search(&self.db, who, words).await?;
        let parameters = search::parameters(words);
        let found = match reach(who) {
            Reach::Nobody => Page::default(),
            Reach::Everybody if parameters.is_empty() => Page { is_cut: true, ..Page::default() },
            reach @ (Reach::Everybody | Reach::Of(..)) => {
                self.search.patients(who.1, &reach.with(parameters), now).await?
            }
        };
        for entry in found.entries {
            if page.entries.iter().all(|known| known.id != entry.id) {
                page.entries.push(entry);
            }
        }
        page.asked = found.asked;
        page.is_cut |= found.is_cut || page.entries.len() > MOST;
        page.entries.truncate(MOST);
        Ok(page)
    }

    /// Whether a record is a person's own, or that of somebody for whom they act, and not of one whom they treat.
    pub async fn is_close(&self, person: &Standing, at: (&str, &str)) -> Result<bool, Fault> {
        is_close(&self.db, person, at).await
    }

    /// Finds one patient, if the person may open the record.
    pub async fn find(
        &self,
        who: Who<'_>,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<PatientEntry>, Failure> {
        if !is_fhir_id(id) {
            return Ok(None);
        }
        if let Some(entry) = registered::find(&self.db, who, id).await? {
            return Ok(Some(entry));
        }
        let reach = reach(who);
        if matches!(reach, Reach::Nobody) {
            return Ok(None);
        }
        let named = vec![("_id".to_owned(), id.to_owned())];
        let page = self.search.patients(who.1, &reach.with(named), now).await?;
        Ok(page.entries.into_iter().find(|entry| entry.id == id))
    }

    /// Finds the visits of a patient whose record the person may open, the newest first.
    pub async fn encounters(
        &self,
        who: Who<'_>,
        patient: &str,
        now: Timestamp,
    ) -> Result<Vec<EncounterEntry>, Failure> {
        match self.find(who, patient, now).await? {
            Some(found) => self.visits(who, &found, now).await,
            None => Ok(Vec::new()),
        }
    }

    /// Finds the visits of a patient who was found for the person, the newest first.
    pub async fn visits(
        &self,
        who: Who<'_>,
        PatientEntry { id: patient, .. }: &PatientEntry,
        now: Timestamp,
    ) -> Result<Vec<EncounterEntry>, Failure> {
        let registered = registered::encounters(&self.db, who, patient).await?;
        if !registered.is_empty() || matches!(reach(who), Reach::Nobody) {
            return Ok(registered);
        }
        Ok(self.search.encounters(who.1, (patient, None), now).await?)
    }

    /// Finds one visit of a patient whose record the person may open.
    pub async fn encounter(
        &self,
        who: Who<'_>,
        (patient, id): (&str, &str),
        now: Timestamp,
    ) -> Result<Option<EncounterEntry>, Failure> {
        if !is_fhir_id(id) || self.find(who, patient, now).await?.is_none() {
            return Ok(None);
        }
        let mut found = registered::encounters(&self.db, who, patient).await?;
        if found.is_empty() && !matches!(reach(who), Reach::Nobody) {
            found = self.search.encounters(who.1, (patient, Some(id)), now).await?;
        }
        Ok(found.into_iter().find(|entry| entry.id == id))
    }
}

/// Whom a person finds by searching the FHIR server.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reach {
    /// Nobody.
    Nobody,
    /// The patients of this practitioner, by a search parameter.
    Of(String, String),
    /// Everybody.
    Everybody,
}

impl Reach {
    /// A search that reaches no further.
    fn with(self, parameters: Vec<(String, String)>) -> Question {
        let restriction = match self {
            Self::Of(name, reference) => Some((name, reference)),
            Self::Nobody | Self::Everybody => None,
        };
        Question { parameters, restriction }
    }
}

/// Clinicians search, at a FHIR server that is registered so. Whoever has no resource there can have no patients
/// of their own.
fn reach((person, resource): Who<'_>) -> Reach {
    match &resource.patients {
        PatientSource::Search { restricted_by } if person.has_role(Role::Clinician) => match restricted_by {
            None => Reach::Everybody,
            Some(parameter) => match reference(person, &resource.url) {
                Some(reference) => Reach::Of(parameter.clone(), reference),
                None => Reach::Nobody,
            },
        },
        PatientSource::Search { .. } | PatientSource::Registered => Reach::Nobody,
    }
}

/// The person's resource as the FHIR server writes references to it.
fn reference(person: &Person, url: &str) -> Option<String> {
    let user = person.fhir_user.as_deref()?;
    let own = user.strip_prefix(url.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
    Some(own.unwrap_or(user).to_owned())
}

impl From<Tie> for Relation {
    fn from(tie: Tie) -> Self {
        match tie {
            Tie::Own => Self::Own,
            Tie::Proxy => Self::Proxy,
            Tie::CareTeam => Self::CareTeam,
        }
    }
}
