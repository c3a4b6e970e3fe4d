//! Who pays: coverages, claims and the payer's answers.

use serde_json::{Value, json};

use super::codes::plain;
use super::people::{self, ORGANIZATION};

const PAYER: &str = "Organization/blue";

/// Of every patient with a record a coverage, a claim and the answer to it.
pub fn records() -> Vec<Value> {
    people::with_record().flat_map(|patient| [coverage(patient), claim(patient), response(patient)]).collect()
}

fn coverage(patient: &str) -> Value {
    json!({
        "resourceType": "Coverage", "id": format!("{patient}-coverage"), "status": "active",
        "beneficiary": reference("Patient", patient), "payor": [{"reference": PAYER}],
        "subscriberId": format!("B-{patient}"),
        "type": plain("http://terminology.hl7.org/CodeSystem/v3-ActCode", "HIP"),
        "period": {"start": "2023-01-01"},
    })
}

fn claim(patient: &str) -> Value {
    let system = |name: &str| format!("http://terminology.hl7.org/CodeSystem/{name}");
    let product = plain("http://www.ama-assn.org/go/cpt", "99213");
    let price = json!({"value": 120, "currency": "USD"});
    json!({
        "resourceType": "Claim", "id": format!("{patient}-claim"), "status": "active", "use": "claim",
        "type": plain(&system("claim-type"), "professional"), "patient": reference("Patient", patient),
        "created": "2024-03-06", "provider": reference("Organization", ORGANIZATION),
        "insurer": {"reference": PAYER}, "priority": plain(&system("processpriority"), "normal"),
        "insurance": [{"sequence": 1, "focal": true, "coverage": {"reference": format!("Coverage/{patient}-coverage")}}],
        "item": [{"sequence": 1, "productOrService": product, "net": price}], "total": price,
    })
}

fn response(patient: &str) -> Value {
    let benefit = plain("http://terminology.hl7.org/CodeSystem/adjudication", "benefit");
    let amount = json!({"value": 96, "currency": "USD"});
    json!({
        "resourceType": "ClaimResponse", "id": format!("{patient}-response"), "status": "active", "use": "claim",
        "type": plain("http://terminology.hl7.org/CodeSystem/claim-type", "professional"),
        "patient": reference("Patient", patient), "created": "2024-03-09", "insurer": {"reference": PAYER},
        "request": {"reference": format!("Claim/{patient}-claim")}, "outcome": "complete",
        "item": [{"itemSequence": 1, "adjudication": [{"category": benefit, "amount": amount}]}],
    })
}

fn reference(kind: &str, id: &str) -> Value {
    json!({"reference": format!("{kind}/{id}")})
}
