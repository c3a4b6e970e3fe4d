//! The patient compartment (FHIR R4, compartmentdefinition-patient): whose record a resource belongs to.

use serde_json::{Map, Value};

/// A resource, as JSON.
pub type Resource = Map<String, Value>;

/// The types that are served, with the member that names the patient; `None` for those outside the
/// compartment. A patient is in their own compartment by their identifier.
pub const TYPES: [(&str, Option<&str>); 17] = [
    ("AllergyIntolerance", Some("patient")),
    ("CarePlan", Some("subject")),
    ("CareTeam", Some("subject")),
    ("Claim", Some("patient")),
    ("ClaimResponse", Some("patient")),
    ("Condition", Some("subject")),
    ("Coverage", Some("beneficiary")),
    ("DiagnosticReport", Some("subject")),
    ("DocumentReference", Some("subject")),
    ("Encounter", Some("subject")),
    ("Immunization", Some("patient")),
    ("MedicationRequest", Some("subject")),
    ("Observation", Some("subject")),
    ("Organization", None),
    ("Patient", Some("id")),
    ("Practitioner", None),
    ("Procedure", Some("subject")),
];

/// The name of a type as it is served.
#[must_use]
pub fn served(kind: &str) -> Option<&'static str> {
    TYPES.iter().map(|(name, _)| *name).find(|name| *name == kind)
}

/// Whether resources of a type belong to patients.
#[must_use]
pub fn is_of_patients(kind: &str) -> bool {
    member(kind).is_some()
}

fn member(kind: &str) -> Option<&'static str> {
    TYPES.iter().find(|(name, _)| *name == kind).and_then(|(_, member)| *member)
}

/// The identifier of the patient whose record a resource belongs to. A reference to another server, or to a
/// version, belongs to nobody here.
#[must_use]
pub fn owner(resource: &Resource) -> Option<&str> {
    let kind = kind_of(resource);
    let named = resource.get(member(kind)?)?;
    if kind == "Patient" {
        return named.as_str();
    }
    let id = named.get("reference")?.as_str()?.strip_prefix("Patient/")?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

/// The type of a resource.
#[must_use]
pub fn kind_of(resource: &Resource) -> &str {
    resource.get("resourceType").and_then(Value::as_str).unwrap_or_default()
}

/// The identifier of a resource.
#[must_use]
pub fn id_of(resource: &Resource) -> &str {
    resource.get("id").and_then(Value::as_str).unwrap_or_default()
}
