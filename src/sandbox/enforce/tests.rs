//! Tables: what a token of these scopes may do with these resources.

use serde_json::{Map, Value, json};

use super::*;

const LAB: &str = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory";

/// A token of a person with these scopes, for a patient if one is given.
fn of_person(scope: &str, patient: Option<&str>) -> Extent {
    let person = json!({"grant_id": "01890a5d-ac96-774b-bcce-b302099a8058", "auth_time": 1, "amr": ["pwd"]});
    extent(scope, &[person, patient.map_or(json!({}), |patient| json!({"patient": patient}))])
}

fn extent(scope: &str, more: &[Value]) -> Extent {
    let mut claims = json!({"iss": "https://as", "sub": "c", "aud": "https://fhir", "client_id": "c",
        "scope": scope, "jti": "01890a5d-ac96-774b-bcce-b302099a8057", "iat": 1, "exp": 2});
    for (name, value) in more.iter().flat_map(|more| more.as_object().unwrap()) {
        claims[name] = value.clone();
    }
    Extent::of(&AccessToken::parse(claims.as_object().unwrap()).unwrap())
}

fn resource(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn observation(patient: &str, category: &str) -> Map<String, Value> {
    let (system, code) = category.split_once('|').unwrap_or(("urn:other", category));
    resource(&json!({"resourceType": "Observation", "id": "o", "status": "final",
        "subject": {"reference": patient}, "category": [{"coding": [{"system": system, "code": code}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]}}))
}

#[test]
fn a_patient_scope_reaches_the_record_of_the_one_patient_and_no_other() {
    let own = of_person("patient/*.cruds", Some("p"));
    for (reference, reached) in [
        ("Patient/p", true),
        ("Patient/q", false),
        ("Patient/p/_history/1", false),
        ("https://elsewhere.example/Patient/p", false),
        ("p", false),
        ("Group/p", false),
        ("", false),
    ] {
        for deed in [Deed::Create, Deed::Read, Deed::Update, Deed::Delete, Deed::Search] {
            assert_eq!(own.admits(deed, &observation(reference, "x")), reached, "{reference} {deed:?}");
        }
    }
    for (value, reached) in [
        (json!({"resourceType": "Patient", "id": "p"}), true),
        (json!({"resourceType": "Patient", "id": "q"}), false),
        (json!({"resourceType": "Patient", "id": "q", "subject": {"reference": "Patient/p"}}), false),
        (json!({"resourceType": "Coverage", "id": "c", "beneficiary": {"reference": "Patient/p"}}), true),
        (json!({"resourceType": "Coverage", "id": "c", "subject": {"reference": "Patient/p"}}), false),
        (json!({"resourceType": "Immunization", "id": "i", "patient": {"reference": "Patient/p"}}), true),
        (json!({"resourceType": "Observation", "id": "o"}), false),
        (json!({"resourceType": "Observation", "id": "o", "subject": "Patient/p"}), false),
        (json!({"resourceType": "Practitioner", "id": "a"}), true),
    ] {
        assert_eq!(own.admits(Deed::Read, &resource(&value)), reached, "{value}");
    }
    let practitioner = resource(&json!({"resourceType": "Practitioner", "id": "a"}));
    for deed in [Deed::Create, Deed::Update, Deed::Delete] {
        assert!(!own.admits(deed, &practitioner), "{deed:?}");
    }
    assert_eq!(own.confined_to(Deed::Search, "Observation"), Some("p"));
    assert_eq!(own.confined_to(Deed::Search, "Practitioner"), None);
    let staff = of_person("patient/*.rs user/Observation.rs", Some("p"));
    assert_eq!(staff.confined_to(Deed::Search, "Observation"), None);
    assert_eq!(staff.confined_to(Deed::Search, "Condition"), Some("p"));
}

#[test]
fn each_letter_opens_one_deed_alone() {
    let resource = observation("Patient/p", "x");
    let deeds = [Deed::Create, Deed::Read, Deed::Update, Deed::Delete, Deed::Search];
    for (scope, letters) in [
        ("patient/Observation.r", "r"),
        ("patient/Observation.cu", "cu"),
        ("patient/Observation.rs patient/*.d", "rsd"),
        ("patient/Observation.read", "rs"),
        ("patient/Observation.*", "cruds"),
        ("patient/Condition.cruds", ""),
        ("openid launch/patient", ""),
        ("patient/Observation.sr", ""),
    ] {
        let extent = of_person(scope, Some("p"));
        for deed in deeds {
            let granted = letters.contains(deed.letter());
            assert_eq!(extent.admits(deed, &resource), granted, "{scope} {deed:?}");
            assert_eq!(extent.demand(deed, "Observation").is_ok(), granted, "{scope} {deed:?}");
        }
    }
}

#[test]
fn a_level_counts_only_in_a_token_that_can_have_it() {
    let theirs = observation("Patient/q", "x");
    let fhir_user = |of: &str| {
        json!({"fhirUser": format!("https://fhir/{of}"), "amr": ["pwd"], "auth_time": 1,
        "grant_id": "01890a5d-ac96-774b-bcce-b302099a8058", "patient": "p"})
    };
    for (name, extent, reached) in [
        ("a system", extent("system/*.rs", &[]), true),
        ("a clinician", of_person("user/*.rs", None), true),
        // Whether an app asks for fhirUser changes nothing.
        ("a clinician by name", extent("user/*.rs", &[fhir_user("Practitioner/a")]), true),
        ("a clinician who is a patient too", extent("user/*.rs", &[fhir_user("Patient/p")]), true),
        ("a person as a system", of_person("system/*.rs", Some("p")), false),
        ("a system as a person", extent("user/*.rs patient/*.rs", &[]), false),
        ("a patient's record without a patient", of_person("patient/*.rs", None), false),
        ("a patient", of_person("patient/*.rs", Some("p")), false),
        ("a clinician with a patient", of_person("patient/*.rs user/Observation.rs", Some("p")), true),
    ] {
        assert_eq!(extent.admits(Deed::Search, &theirs), reached, "{name}");
    }
}

#[test]
fn a_filter_narrows_to_what_matches_all_of_it_and_several_scopes_add_up() {
    let lab = format!("system/Observation.rs?category={LAB}");
    let both = format!("{lab}&code=http://loinc.org|4548-4");
    let other = format!("{lab}&code=http://loinc.org|1-1");
    for (scope, category, reached) in [
        (lab.as_str(), LAB, true),
        (&lab, "laboratory", false),
        (&lab, "vital-signs", false),
        ("system/Observation.rs?category=laboratory", "laboratory", true),
        (&both, LAB, true),
        (&other, LAB, false),
        (&format!("{lab} system/Observation.rs?category=survey"), "survey", true),
        (&format!("{lab} system/Observation.c"), "survey", false),
        ("system/Observation.rs?_tag=x", LAB, false),
        ("system/Observation.rs?family=x", LAB, false),
        ("system/Observation.rs?status=final,amended", LAB, true),
        ("system/*.rs?category=survey", "survey", true),
    ] {
        let extent = extent(scope, &[]);
        for deed in [Deed::Read, Deed::Search] {
            assert_eq!(
                extent.admits(deed, &observation("Patient/p", category)),
                reached,
                "{scope} {category}"
            );
        }
        assert!(extent.demand(Deed::Read, "Observation").is_ok(), "{scope}");
    }
    let patient = resource(&json!({"resourceType": "Patient", "id": "p"}));
    assert!(!extent("system/*.rs?category=survey", &[]).admits(Deed::Read, &patient));
}

#[test]
fn whoever_lacks_a_scope_is_told_one_that_would_do() {
    for (extent, scope) in [
        (of_person("patient/Patient.r", Some("p")), Some("patient/Observation.s")),
        (of_person("user/Patient.r", None), Some("user/Observation.s")),
        (extent("system/Patient.r", &[]), Some("system/Observation.s")),
        (of_person("openid", None), None),
    ] {
        let challenge = extent.demand(Deed::Search, "Observation").unwrap_err().challenge.unwrap();
        let expected = scope.map(|scope| format!(r#", scope="{scope}""#)).unwrap_or_default();
        assert_eq!(
            challenge.to_string(),
            format!(r#"Bearer realm="hilum", error="insufficient_scope"{expected}"#)
        );
    }
}
