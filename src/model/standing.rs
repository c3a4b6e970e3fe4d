//! What of a person matters to what was issued in their name.

use uuid::Uuid;

use crate::moment::Timestamp;

use super::delegation::{Delegation, Voucher};
use super::person::{Person, PersonStatus, Role, own_patient_at, resource_at};

/// A person as tokens need to know them, read anew at each use.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The person's `sub`.
    pub subject: Uuid,
    /// The organization they act for.
    pub organization: String,
    /// What they may be.
    pub roles: Vec<Role>,
    /// The FHIR resource that is this person.
    pub fhir_user: Option<String>,
    /// Whether they may act at all.
    pub status: PersonStatus,
    /// What began before is dead.
    pub not_before: Timestamp,
    /// The version of what is known of them.
    pub version: i64,
    /// The patient of what is judged, when the person is registered as acting for that patient now, at the FHIR
    /// server that it is for.
    pub acts_for: Option<String>,
}

impl Standing {
    /// Whether what matters to a decision is as it was.
    #[must_use]
    pub fn is_as(&self, other: &Self) -> bool {
        let facts = |standing: &Self| {
            (
                standing.organization.clone(),
                standing.roles.clone(),
                standing.fhir_user.clone(),
                standing.status,
            )
        };
        facts(self) == facts(other)
    }

    /// Whether the person may still act in the record of a patient: it is their own, or they are registered as
    /// acting for its patient.
    #[must_use]
    pub fn may_act_for(&self, patient: &str, audience: &str) -> bool {
        self.fhir_user.as_deref().and_then(|user| own_patient_at(user, audience)) == Some(patient)
            || self.acts_for.as_deref() == Some(patient)
    }

    /// Whether the person is known at a FHIR server by a resource there.
    #[must_use]
    pub fn is_user_at(&self, audience: &str) -> bool {
        self.fhir_user.as_deref().is_some_and(|user| resource_at(user, audience).is_some())
    }

    /// Whether what began at a time in this person's name is still good.
    #[must_use]
    pub fn keeps_alive(&self, since: Timestamp) -> bool {
        self.status == PersonStatus::Active && self.not_before <= since
    }
}

impl Standing {
    /// Why what the person has let a client do is no good any more, if it is not. Everything descends from
    /// the sign-in, so what ends sessions ends it too, whenever the code was issued.
    #[must_use]
    pub fn objection(&self, delegation: &Delegation) -> Option<&'static str> {
        if !self.keeps_alive(delegation.sign_in.at) {
            return Some("person_disabled");
        }
        let patient = delegation.context.patient.as_ref()?;
        let may = match delegation.voucher {
            Voucher::Relationship => self.may_act_for(patient, &delegation.audience),
            // The EHR, or the directory, vouched for it, to somebody who treats patients.
            Voucher::Launch | Voucher::Directory => self.roles.contains(&Role::Clinician),
        };
        (!may).then_some("patient_beyond_person")
    }
}

impl From<&Person> for Standing {
    fn from(person: &Person) -> Self {
        Self {
            subject: person.subject,
            organization: person.organization.clone(),
            roles: person.roles.clone(),
            fhir_user: person.fhir_user.clone(),
            status: person.status,
            not_before: person.not_before,
            version: person.version,
            acts_for: None,
        }
    }
}
