//! The other kinds of records: visits, medicines, reports, notes, plans.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::chart::Entry;
use super::codes::{SNOMED, category, code, plain};
use super::people::{self, ORGANIZATION};

/// The resource of a row.
pub fn resource(entry: &Entry<'_>, kind: &str) -> Value {
    match kind {
        "encounter" => encounter(entry),
        "allergy" => allergy(entry),
        "medication" => medication(entry),
        "vaccine" => vaccine(entry),
        "procedure" => procedure(entry),
        "report" => report(entry),
        "document" => document(entry),
        "plan" => plan(entry),
        _ => Value::Null,
    }
}

fn encounter(entry: &Entry<'_>) -> Value {
    json!({
        "resourceType": "Encounter", "id": entry.id, "status": "finished", "subject": entry.patient(),
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB", "display": "ambulatory"},
        "type": [code(entry.named())], "participant": [{"individual": entry.practitioner()}],
        "period": {"start": entry.moment(), "end": format!("{}T10:30:00Z", entry.day())},
        "identifier": [{"system": "https://mercy.example/visits", "value": entry.id}],
        "serviceProvider": {"reference": format!("Organization/{ORGANIZATION}")},
    })
}

fn allergy(entry: &Entry<'_>) -> Value {
    let system = |name: &str| format!("http://terminology.hl7.org/CodeSystem/allergyintolerance-{name}");
    json!({
        "resourceType": "AllergyIntolerance", "id": entry.id, "patient": entry.patient(),
        "code": code(entry.named()), "category": [entry.value()], "recordedDate": entry.day(),
        "clinicalStatus": plain(&system("clinical"), "active"),
        "verificationStatus": plain(&system("verification"), "confirmed"),
        "reaction": [{"manifestation": [{"coding": [{"system": SNOMED, "code": "247472004", "display": "Wheal"}]}]}],
    })
}

fn medication(entry: &Entry<'_>) -> Value {
    let mut request = json!({
        "resourceType": "MedicationRequest", "id": entry.id, "status": "active", "intent": "order",
        "subject": entry.patient(), "medicationCodeableConcept": code(entry.named()),
        "authoredOn": entry.day(), "requester": entry.practitioner(),
        "dosageInstruction": [{"text": entry.value()}],
    });
    if let (Some(members), Some(encounter)) = (request.as_object_mut(), entry.encounter()) {
        members.insert("encounter".to_owned(), encounter);
    }
    request
}

fn vaccine(entry: &Entry<'_>) -> Value {
    json!({
        "resourceType": "Immunization", "id": entry.id, "status": "completed", "patient": entry.patient(),
        "vaccineCode": code(entry.named()), "occurrenceDateTime": entry.day(), "primarySource": true,
    })
}

fn procedure(entry: &Entry<'_>) -> Value {
    json!({
        "resourceType": "Procedure", "id": entry.id, "status": "completed", "subject": entry.patient(),
        "code": code(entry.named()), "performedDateTime": entry.day(),
    })
}

fn report(entry: &Entry<'_>) -> Value {
    json!({
        "resourceType": "DiagnosticReport", "id": entry.id, "status": "final", "subject": entry.patient(),
        "category": [plain("http://terminology.hl7.org/CodeSystem/v2-0074", "LAB")],
        "code": code(entry.named()), "effectiveDateTime": entry.moment(), "issued": entry.moment(),
        "performer": [entry.practitioner()], "conclusion": entry.value(),
    })
}

fn document(entry: &Entry<'_>) -> Value {
    let data = STANDARD.encode(entry.value());
    let mut document = json!({
        "resourceType": "DocumentReference", "id": entry.id, "status": "current", "subject": entry.patient(),
        "type": code(entry.named()), "category": [category("note")], "date": entry.moment(),
        "author": [entry.practitioner()],
        "content": [{"attachment": {"contentType": "text/plain", "data": data}}],
    });
    if let (Some(members), Some(encounter)) = (document.as_object_mut(), entry.encounter()) {
        members.insert("context".to_owned(), json!({"encounter": [encounter]}));
    }
    document
}

fn plan(entry: &Entry<'_>) -> Value {
    json!({
        "resourceType": "CarePlan", "id": entry.id, "status": "active", "intent": "plan",
        "subject": entry.patient(), "period": {"start": entry.day()}, "description": entry.value(),
        "category": [plain("http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "assess-plan")],
        "careTeam": [{"reference": format!("CareTeam/{}", entry.team())}],
        "text": {"status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{}</div>", entry.value())},
    })
}

/// Those who treat a patient.
pub fn care_team(patient: &str) -> Value {
    let role =
        json!([{"coding": [{"system": SNOMED, "code": "446050000", "display": "Primary care physician"}]}]);
    json!({
        "resourceType": "CareTeam", "id": format!("{patient}-team"), "status": "active",
        "subject": {"reference": format!("Patient/{patient}")},
        "participant": [{"role": role, "member": people::practitioner(patient)}],
    })
}
