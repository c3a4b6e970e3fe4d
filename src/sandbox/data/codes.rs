//! The codes of the records, each with its name in the tables.

use serde_json::{Value, json};

/// LOINC.
pub const LOINC: &str = "http://loinc.org";
/// SNOMED CT.
pub const SNOMED: &str = "http://snomed.info/sct";
/// Units of measure.
pub const UCUM: &str = "http://unitsofmeasure.org";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
const CVX: &str = "http://hl7.org/fhir/sid/cvx";
const CONDITION: &str = "http://terminology.hl7.org/CodeSystem/condition-category";
const OBSERVATION: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const US_CORE: &str = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category";

/// Name, system, code, display.
type Row = (&'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const CODES: [Row; 43] = [
    ("a1c",          LOINC,  "4548-4",  "Hemoglobin A1c/Hemoglobin.total in Blood"),
    ("glucose",      LOINC,  "2339-0",  "Glucose [Mass/volume] in Blood"),
    ("hemoglobin",   LOINC,  "718-7",   "Hemoglobin [Mass/volume] in Blood"),
    ("cholesterol",  LOINC,  "2093-3",  "Cholesterol [Mass/volume] in Serum or Plasma"),
    ("creatinine",   LOINC,  "2160-0",  "Creatinine [Mass/volume] in Serum or Plasma"),
    ("weight",       LOINC,  "29463-7", "Body weight"),
    ("height",       LOINC,  "8302-2",  "Body height"),
    ("pulse",        LOINC,  "8867-4",  "Heart rate"),
    ("temperature",  LOINC,  "8310-5",  "Body temperature"),
    ("pressure",     LOINC,  "85354-9", "Blood pressure panel with all children optional"),
    ("systolic",     LOINC,  "8480-6",  "Systolic blood pressure"),
    ("diastolic",    LOINC,  "8462-4",  "Diastolic blood pressure"),
    ("phq9",         LOINC,  "44261-6", "Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]"),
    ("gad7",         LOINC,  "70274-6", "Generalized anxiety disorder 7 item (GAD-7) total score [Reported.PHQ]"),
    ("tobacco",      LOINC,  "72166-2", "Tobacco smoking status"),
    ("food",         LOINC,  "88122-7", "(I/We) worried whether (my/our) food would run out before (I/we) got money to buy more"),
    ("never",        SNOMED, "266919005", "Never smoked tobacco"),
    ("former",       SNOMED, "8517006", "Ex-smoker"),
    ("often",        LOINC,  "LA28397-0", "Often true"),
    ("never-true",   LOINC,  "LA28398-8", "Never true"),
    ("diabetes",     SNOMED, "44054006", "Diabetes mellitus type 2"),
    ("hypertension", SNOMED, "38341003", "Hypertensive disorder"),
    ("asthma",       SNOMED, "195967001", "Asthma"),
    ("depression",   SNOMED, "35489007", "Depressive disorder"),
    ("sinusitis",    SNOMED, "444814009", "Viral sinusitis"),
    ("otitis",       SNOMED, "65363002", "Otitis media"),
    ("hunger",       SNOMED, "733423003", "Food insecurity"),
    ("penicillin",   SNOMED, "91936005", "Allergy to penicillin"),
    ("peanut",       SNOMED, "91935009", "Allergy to peanut"),
    ("metformin",    RXNORM, "860975", "24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet"),
    ("lisinopril",   RXNORM, "314076", "lisinopril 10 MG Oral Tablet"),
    ("amoxicillin",  RXNORM, "308182", "amoxicillin 250 MG Oral Capsule"),
    ("sertraline",   RXNORM, "312938", "sertraline 100 MG Oral Tablet"),
    ("influenza",    CVX,    "140", "Influenza, seasonal, injectable, preservative free"),
    ("mmr",          CVX,    "03", "MMR"),
    ("tdap",         CVX,    "115", "Tdap"),
    ("appendectomy", SNOMED, "80146002", "Appendectomy"),
    ("colonoscopy",  SNOMED, "73761001", "Colonoscopy"),
    ("blood-count",  LOINC,  "58410-2", "CBC panel - Blood by Automated count"),
    ("metabolic",    LOINC,  "24323-8", "Comprehensive metabolic 2000 panel - Serum or Plasma"),
    ("progress",     LOINC,  "11506-3", "Progress note"),
    ("discharge",    LOINC,  "18842-5", "Discharge summary"),
    ("checkup",      SNOMED, "185349003", "Encounter for check up"),
];

#[rustfmt::skip]
const CATEGORIES: [Row; 9] = [
    ("problem",   CONDITION,   "problem-list-item", "Problem List Item"),
    ("diagnosis", CONDITION,   "encounter-diagnosis", "Encounter Diagnosis"),
    ("concern",   "http://hl7.org/fhir/us/core/CodeSystem/condition-category", "health-concern", "Health Concern"),
    ("lab",       OBSERVATION, "laboratory", "Laboratory"),
    ("vital",     OBSERVATION, "vital-signs", "Vital Signs"),
    ("survey",    OBSERVATION, "survey", "Survey"),
    ("social",    OBSERVATION, "social-history", "Social History"),
    ("sdoh",      US_CORE,     "sdoh", "SDOH"),
    ("note",      "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category", "clinical-note", "Clinical Note"),
];

/// A code by its name in the tables.
pub fn code(name: &str) -> Value {
    concept(&CODES, name)
}

/// A category by its name in the tables.
pub fn category(name: &str) -> Value {
    concept(&CATEGORIES, name)
}

/// A code with no more than its system.
pub fn plain(system: &str, code: &str) -> Value {
    json!({"coding": [{"system": system, "code": code}]})
}

fn concept(rows: &[Row], name: &str) -> Value {
    match rows.iter().find(|row| row.0 == name) {
        Some((_, system, code, display)) => json!({
            "coding": [{"system": system, "code": code, "display": display}], "text": display}),
        None => json!({"text": name}),
    }
}
