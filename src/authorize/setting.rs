//! What is in context, as far as it is known: what the EHR handed over, or what the person chose or will choose.

use crate::model::delegation::Voucher;
use crate::model::interaction::{Choice, Missing};
use crate::model::person::Role;
use crate::model::relationship::in_words;
use crate::model::standing::Standing;
use crate::moment::Timestamp;
use crate::policy;
use crate::protocol::error::{Failure, Refusal};
use crate::protocol::launch_context::{LaunchContext, needs_encounter, needs_patient};
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::scope::dialects;
use crate::scope::permission::Permission;
use crate::scope::set::ScopeSet;
use crate::smart::patients::{EncounterEntry, Page, PatientEntry, Relation, Who};

use super::AuthorizationFlow;
use super::case::{Case, Present};
use super::response::denied;

/// What is in context, as far as it is known.
pub(super) struct Setting {
    /// The context.
    pub(super) context: LaunchContext,
    /// Who says that the person may act for the patient.
    pub(super) voucher: Voucher,
    /// The patient as the person knows them.
    pub(super) label: Option<String>,
    /// What has to be chosen first.
    pub(super) missing: Option<Missing>,
    /// Among what.
    pub(super) found: Found,
}

/// Whether it is looked up what there is to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It is, to know whether anything has to be chosen.
    Up,
    /// Not for this, which the person is choosing just now.
    Past(Missing),
}

/// What was looked up, so that nobody is asked for it twice.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// The first of the patients.
    Patients(Page),
    /// The visits of the patient.
    Visits(Vec<EncounterEntry>),
}

impl Setting {
    /// The scopes but those for context that there is none of: a launch without a visit grants none.
    pub(super) fn without_what_is_not(&self, scope: &ScopeSet) -> ScopeSet {
        if self.context.encounter.is_some() || self.missing.is_some() || !needs_encounter(scope) {
            return scope.clone();
        }
        let asks_for_encounter =
            |permission: &Permission| *permission == Permission::Named("launch/encounter".to_owned());
        let kept = scope.iter().filter(|token| {
            dialects::read(token).is_none_or(|(permission, _)| !asks_for_encounter(&permission))
        });
        ScopeSet::from_tokens(kept.cloned())
    }
}

impl AuthorizationFlow {
    /// Finds out what is in context. A patient who alone can be meant is not asked for.
    pub(super) async fn setting(
        &self,
        (case, present): (&Case, &Present),
        (scope, resource): (&ScopeSet, &ResourceMetadata),
        look: Look,
        now: Timestamp,
    ) -> Result<Setting, Failure> {
        let launch = case.interaction.launch.as_ref();
        let mut setting = Setting {
            context: launch.map(|launch| launch.context.clone().handed_over_at(resource)).unwrap_or_default(),
            voucher: Voucher::Relationship,
            label: None,
            missing: None,
            found: Found::Nothing,
        };
        let who = (&present.person, resource);
        if let Some(patient) = &setting.context.patient {
            setting.voucher = self.vouched(who, patient, now).await?;
            setting.label = Some(patient.clone());
            return Ok(setting);
        }
        let named = case.interaction.request.authorization_details.patients().next();
        if !needs_patient(scope) && named.is_none() {
            return Ok(setting);
        }
        let by = if launch.is_some() { "context-ehr-patient" } else { "context-standalone-patient" };
        if needs_patient(scope) && !resource.has_capability(by) {
            return Err(policy::no_patient().into());
        }
        if look == Look::Past(Missing::Patient) && named.is_none() {
            setting.missing = Some(Missing::Patient);
            return Ok(setting);
        }
        let (choice, only) = if let Some(choice) = &case.interaction.choice {
            (choice.clone(), None)
        } else if let Some(named) = named {
            // The details say whom they are about (RFC 9396): nobody else is to be chosen.
            let only = self.named(who, &named, now).await?;
            (choice(&only), Some(only))
        } else {
            let page = self.patients.search(who, "", now).await?;
            let Some(only) = only(&page)?.cloned() else {
                setting.missing = Some(Missing::Patient);
                setting.found = Found::Patients(page);
                return Ok(setting);
            };
            (choice(&only), Some(only))
        };
        if launch.is_none() && needs_encounter(scope) {
            match (&choice.encounter, look) {
                (_, Look::Past(Missing::Encounter)) => setting.missing = Some(Missing::Encounter),
                (Some(chosen), _) => setting.context.encounter.clone_from(&chosen.id),
                (None, _) => {
                    let visits = self.visits_of(who, (&choice, only.as_ref()), now).await?;
                    // Without any visit there is nothing to choose.
                    if !visits.is_empty() {
                        setting.missing = Some(Missing::Encounter);
                        setting.found = Found::Visits(visits);
                    }
                }
            }
        }
        setting.context.patient = Some(choice.patient);
        setting.voucher = choice.voucher;
        setting.label = Some(choice.label);
        Ok(setting)
    }

    /// The patient whom details name, when the person may act for them.
    async fn named(&self, who: Who<'_>, patient: &str, now: Timestamp) -> Result<PatientEntry, Failure> {
        let found = self.patients.find(who, patient, now).await?;
        Ok(found.ok_or_else(|| denied("details_of_patient_beyond_person"))?)
    }

    /// The visits of the patient who was chosen, or who alone can be meant.
    async fn visits_of(
        &self,
        who: Who<'_>,
        (choice, only): (&Choice, Option<&PatientEntry>),
        now: Timestamp,
    ) -> Result<Vec<EncounterEntry>, Failure> {
        match only {
            Some(only) => self.patients.visits(who, only, now).await,
            None => self.patients.encounters(who, &choice.patient, now).await,
        }
    }

    /// Who says that a person may act for the patient of a launch: the EHR, for those who treat the patient.
    async fn vouched(&self, who: Who<'_>, patient: &str, now: Timestamp) -> Result<Voucher, Failure> {
        if self.patients.is_close(&Standing::from(who.0), (&who.1.url, patient)).await? {
            return Ok(Voucher::Relationship);
        }
        if who.0.has_role(Role::Clinician) {
            return Ok(Voucher::Launch);
        }
        match self.patients.find(who, patient, now).await? {
            Some(_) => Ok(Voucher::Relationship),
            None => Err(denied("launch_patient_beyond_person").into()),
        }
    }
}

/// The patient, when there is but one for whom the person may act; without any there is nothing to grant.
fn only(page: &Page) -> Result<Option<&PatientEntry>, Refusal> {
    match (page.entries.as_slice(), page.is_cut) {
        ([], false) => Err(policy::no_patient()),
        ([only], false) => Ok(Some(only)),
        (_, _) => Ok(None),
    }
}

/// A patient as the choice of a person. The label tells patients of one name apart.
pub(super) fn choice(entry: &PatientEntry) -> Choice {
    let PatientEntry { id, name, birth_date, identifier, relation } = entry;
    let number = identifier.as_ref().unwrap_or(id);
    Choice {
        patient: id.clone(),
        label: label(name, birth_date.as_deref(), number),
        voucher: match relation {
            Relation::Own | Relation::Proxy | Relation::CareTeam => Voucher::Relationship,
            Relation::Found => Voucher::Directory,
        },
        encounter: None,
    }
}

/// What people call a patient, with what tells patients of one name apart.
pub(super) fn label(name: &str, birth_date: Option<&str>, number: &str) -> String {
    let born = birth_date.map(|date| format!(", born {}", in_words(date))).unwrap_or_default();
    format!("{name}{born}, {number}")
}
