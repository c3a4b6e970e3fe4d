//! The search parameters of each type (FHIR R4, searchparameter-registry), as far as they are served. Scopes
//! with search parameters are read by the same table: what is not here narrows a scope to nothing.

/// How a parameter is compared (FHIR R4, search).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Codes and identifiers, with their system or without.
    Token,
    /// Another resource.
    Reference,
    /// The beginnings of words, whatever their case and accents.
    Words,
    /// A date, or a part of one, with a prefix or without.
    Date,
}

impl Kind {
    /// The word of the standard.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Reference => "reference",
            Self::Words => "string",
            Self::Date => "date",
        }
    }
}

/// A search parameter.
#[derive(Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// How it is compared.
    pub kind: Kind,
    /// The types that have it; none means all.
    types: &'static [&'static str],
    /// Where its values stand.
    pub paths: &'static [&'static str],
    /// The type that a bare identifier refers to.
    pub target: Option<&'static str>,
}

const fn of(
    name: &'static str,
    kind: Kind,
    types: &'static [&'static str],
    paths: &'static [&'static str],
) -> Parameter {
    Parameter { name, kind, types, paths, target: None }
}

impl Parameter {
    const fn to(self, target: &'static str) -> Self {
        Self { target: Some(target), ..self }
    }
}

const WITH_SUBJECT: &[&str] = &[
    "CarePlan",
    "CareTeam",
    "Condition",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "MedicationRequest",
    "Observation",
    "Procedure",
];
const WITH_PATIENT: &[&str] = &["AllergyIntolerance", "Claim", "ClaimResponse", "Immunization"];
const WITH_CATEGORY: &[&str] = &[
    "AllergyIntolerance",
    "CarePlan",
    "CareTeam",
    "Condition",
    "DiagnosticReport",
    "DocumentReference",
    "Observation",
    "Procedure",
];
const WITH_CODE: &[&str] =
    &["AllergyIntolerance", "Condition", "DiagnosticReport", "Observation", "Procedure"];
const WITH_STATUS: &[&str] = &[
    "CarePlan",
    "CareTeam",
    "Claim",
    "ClaimResponse",
    "Coverage",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "Immunization",
    "MedicationRequest",
    "Observation",
    "Procedure",
];
const IN_ENCOUNTER: &[&str] =
    &["CarePlan", "Condition", "DiagnosticReport", "MedicationRequest", "Observation", "Procedure"];
const NAMED: &[&str] = &["Patient", "Practitioner"];

use Kind::{Date, Reference, Token, Words};

/// All of them.
static PARAMETERS: [Parameter; 36] = [
    of("_id", Token, &[], &["id"]),
    of("identifier", Token, &[], &["identifier"]),
    of("patient", Reference, WITH_SUBJECT, &["subject"]).to("Patient"),
    of("subject", Reference, WITH_SUBJECT, &["subject"]).to("Patient"),
    of("patient", Reference, WITH_PATIENT, &["patient"]).to("Patient"),
    of("patient", Reference, &["Coverage"], &["beneficiary"]).to("Patient"),
    of("beneficiary", Reference, &["Coverage"], &["beneficiary"]).to("Patient"),
    of("name", Words, NAMED, &["name.family", "name.given", "name.text"]),
    of("family", Words, NAMED, &["name.family"]),
    of("given", Words, NAMED, &["name.given"]),
    of("gender", Token, NAMED, &["gender"]),
    of("birthdate", Date, &["Patient"], &["birthDate"]),
    of("general-practitioner", Reference, &["Patient"], &["generalPractitioner"]).to("Practitioner"),
    of("name", Words, &["Organization"], &["name"]),
    of("category", Token, WITH_CATEGORY, &["category"]),
    of("code", Token, WITH_CODE, &["code"]),
    of("code", Token, &["MedicationRequest"], &["medicationCodeableConcept"]),
    of("vaccine-code", Token, &["Immunization"], &["vaccineCode"]),
    of("type", Token, &["Encounter", "DocumentReference", "Coverage"], &["type"]),
    of("class", Token, &["Encounter"], &["class"]),
    of("status", Token, WITH_STATUS, &["status"]),
    of("clinical-status", Token, &["AllergyIntolerance", "Condition"], &["clinicalStatus"]),
    of("verification-status", Token, &["AllergyIntolerance", "Condition"], &["verificationStatus"]),
    of("intent", Token, &["CarePlan", "MedicationRequest"], &["intent"]),
    of("use", Token, &["Claim", "ClaimResponse"], &["use"]),
    of("encounter", Reference, IN_ENCOUNTER, &["encounter"]).to("Encounter"),
    of("encounter", Reference, &["DocumentReference"], &["context.encounter"]).to("Encounter"),
    of("participant", Reference, &["Encounter"], &["participant.individual"]).to("Practitioner"),
    of("request", Reference, &["ClaimResponse"], &["request"]).to("Claim"),
    of("date", Date, &["CarePlan", "Encounter"], &["period.start"]),
    of("date", Date, &["DiagnosticReport", "Observation"], &["effectiveDateTime"]),
    of("date", Date, &["AllergyIntolerance"], &["recordedDate"]),
    of("date", Date, &["DocumentReference"], &["date"]),
    of("date", Date, &["Immunization"], &["occurrenceDateTime"]),
    of("date", Date, &["Procedure"], &["performedDateTime"]),
    of("recorded-date", Date, &["Condition"], &["recordedDate"]),
];

/// The parameters of a type.
pub fn of_type(kind: &str) -> impl Iterator<Item = &'static Parameter> {
    PARAMETERS.iter().filter(move |parameter| parameter.types.is_empty() || parameter.types.contains(&kind))
}

/// One of them by its name.
#[must_use]
pub fn find(kind: &str, name: &str) -> Option<&'static Parameter> {
    of_type(kind).find(|parameter| parameter.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::compartment::TYPES;

    #[test]
    fn no_type_has_a_parameter_twice_and_every_named_type_is_served() {
        for (kind, _) in TYPES {
            let mut names: Vec<_> = of_type(kind).map(|parameter| parameter.name).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{kind}: {names:?}");
        }
        for named in PARAMETERS.iter().flat_map(|parameter| parameter.types) {
            assert!(TYPES.iter().any(|(kind, _)| kind == named), "{named}");
        }
    }
}
