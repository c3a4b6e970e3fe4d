//! What people are told about scopes.

use super::token;
use crate::scope::explain::{Explanation, explain};
use crate::scope::resource_types::RESOURCE_TYPES;

const WILDCARD: &str =
    "Everything in the record, now and in future: kinds of data that are added later, too.";
const WRITES: &str = "Others will rely on what it writes.";
const DELETES: &str = "What is deleted is no longer there for others who need it.";

/// Scope, title, detail, caution.
const WORDS: &[(&str, &str, &str, Option<&str>)] = &[
    (
        "patient/Observation.rs",
        "Test results and measurements",
        "Read and search laboratory results, vital signs and other observations of the chosen patient",
        None,
    ),
    (
        "patient/Patient.r",
        "Patient details",
        "Read the name, date of birth, address and other details of the chosen patient",
        None,
    ),
    (
        "patient/Practitioner.read",
        "Doctors and other clinicians",
        "Read and search the names and contact details of clinicians that belong to the record of the chosen patient",
        None,
    ),
    (
        "user/MedicationRequest.cu",
        "Prescriptions",
        "Add and change prescriptions and orders for medicines that you may see in your work",
        Some(WRITES),
    ),
    (
        "user/Goal.cruds",
        "Health goals",
        "Read, search, add, change and delete goals of care and treatment that you may see in your work",
        Some(DELETES),
    ),
    (
        "system/Claim.s",
        "Insurance claims",
        "Search claims sent to insurers of all patients, with nobody signed in",
        None,
    ),
    (
        "patient/MolecularSequence.r",
        "Molecular sequence",
        "Read molecular sequence entries of the chosen patient",
        None,
    ),
    (
        "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
        "Laboratory results",
        "Read and search laboratory results of the chosen patient",
        None,
    ),
    (
        "patient/Observation.rs?category=vital-signs,http://terminology.hl7.org/CodeSystem/observation-category%7Csurvey",
        "Vital signs; Surveys and assessments",
        "Read and search blood pressure, weight and other vital signs; results of surveys and assessments of the chosen patient",
        None,
    ),
    (
        "patient/Condition.rs?category=http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern",
        "Health concerns",
        "Read and search health concerns of the chosen patient",
        None,
    ),
    (
        "patient/Condition.r?category=encounter-diagnosis&clinical-status=active",
        "Diagnoses made at visits",
        "Read diagnoses made at visits of the chosen patient, only where clinical-status is “active”",
        None,
    ),
    (
        "patient/Observation.rs?category=http://example.org/other|laboratory",
        "Test results and measurements",
        "Read and search laboratory results, vital signs and other observations of the chosen patient, only where category is “http://example.org/other|laboratory”",
        None,
    ),
    (
        "patient/Procedure.rs?category=laboratory&status=completed",
        "Procedures",
        "Read and search operations and other procedures of the chosen patient, only where category is “laboratory” and status is “completed”",
        None,
    ),
    (
        "openid",
        "Know that it is you",
        "Recognize you when you sign in here, without learning your password",
        None,
    ),
    (
        "fhirUser",
        "Know which record in the FHIR server is yours (or your role)",
        "Read which patient, clinician or other person you are there",
        None,
    ),
    (
        "launch/patient",
        "Know which patient this is about",
        "Be told which patient was chosen, and nothing else from the record",
        None,
    ),
    (
        "launch/encounter",
        "Know which visit this is about",
        "Be told which visit was chosen, and nothing else about it",
        None,
    ),
    (
        "launch/imagingstudy?role=prior",
        "Know which imaging study this is about",
        "Be told which imaging study was chosen, and nothing else about it",
        None,
    ),
    (
        "offline_access",
        "Keep access when you are away",
        "Even when you are not using the app, until you withdraw it",
        None,
    ),
    (
        "online_access",
        "Keep access while you are here",
        "As long as you stay signed in here, and no longer",
        None,
    ),
    ("launch.write", "launch.write", "A permission of this server: launch.write", None),
    (
        "patient/observation.rs",
        "patient/observation.rs",
        "A permission of this server: patient/observation.rs",
        None,
    ),
    ("%", "%", "A permission of this server: %", None),
];

fn explained(text: &str) -> Explanation {
    explain(&token(text))
}

#[test]
fn a_scope_is_told_in_plain_words() {
    for (scope, title, detail, caution) in WORDS {
        let told = explained(scope);
        let found = (told.title.as_str(), told.detail.as_str(), told.caution.as_deref());
        assert_eq!(found, (*title, *detail, *caution), "{scope}");
    }
}

#[test]
fn sm_s_03_notation_does_not_change_what_is_told() {
    for [one, other] in [
        ["patient/Observation.read", "patient/Observation.rs"],
        ["user/Condition.write", "user/Condition.cud"],
        ["patient/*.*", "patient/*.cruds"],
        ["http://smarthealthit.org/fhir/scopes/patient/Observation.read", "patient/Observation.rs"],
        ["http://smarthealthit.org/fhir/scopes/launch/patient", "launch/patient"],
        ["http://openid.net/specs/openid-connect-core-1_0#offline_access", "offline_access"],
    ] {
        assert_eq!(explained(one), explained(other), "{one}");
    }
}

#[test]
fn sm_s_07_a_wildcard_is_told_to_hold_what_is_added_later() {
    assert_eq!(explained("patient/*.rs").caution.as_deref(), Some(WILDCARD));
    assert_eq!(explained("patient/*.rs").title, "The whole record");
    assert_eq!(
        explained("patient/*.rs").detail,
        "Read and search everything in the record of the chosen patient"
    );
    assert_eq!(explained("user/*.cruds").caution, Some(format!("{WILDCARD} {DELETES}")));
    assert_eq!(explained("user/*.cruds").title, "All records");
    let labelled = explained("patient/*.rs?_security=http://example.org/labels|N");
    assert_eq!(
        labelled.caution.as_deref(),
        Some("All kinds of data that match, now and in future: kinds that are added later, too.")
    );
    assert!(labelled.detail.ends_with(", only where _security is “http://example.org/labels|N”"));
}

#[test]
fn sm_s_10_each_category_of_condition_and_observation_has_a_name() {
    for (resource, codes) in [
        ("Condition", &["encounter-diagnosis", "problem-list-item", "health-concern"][..]),
        ("Observation", &["procedure", "laboratory", "social-history", "sdoh", "survey", "vital-signs"]),
    ] {
        let whole = explained(&format!("patient/{resource}.rs")).title;
        for code in codes {
            let told = explained(&format!("patient/{resource}.rs?category={code}"));
            assert_ne!(told.title, whole, "{code}");
            assert!(!told.detail.contains("category"), "{}", told.detail);
        }
    }
}

#[test]
fn whatever_writes_comes_with_a_caution_and_what_reads_does_not() {
    for (letters, caution) in
        [("c", true), ("u", true), ("d", true), ("cud", true), ("r", false), ("rs", false)]
    {
        let told = explained(&format!("user/Task.{letters}"));
        assert_eq!(told.caution.is_some(), caution, "{letters}");
    }
}

#[test]
fn every_resource_type_has_words_of_its_own() {
    let mut titles = std::collections::HashSet::new();
    for name in RESOURCE_TYPES {
        let told = explained(&format!("patient/{name}.rs"));
        assert!(titles.insert(told.title.clone()), "{name}: {}", told.title);
        let first = told.title.chars().next().expect("a title");
        assert!(first.is_uppercase(), "{name}: {}", told.title);
        assert!(!told.title.chars().skip(1).any(char::is_uppercase), "{name}: {}", told.title);
    }
}
