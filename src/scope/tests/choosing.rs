//! What a person may choose of a scope (SM-S-10, SM-S-11, ON-07).

use super::{meaning, set, token};
use crate::scope::choices::{self, US_CORE};
use crate::scope::{ScopeSet, covers_all, explain};

const OBSERVATIONS: [&str; 6] = [
    "http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
    "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs",
    "http://terminology.hl7.org/CodeSystem/observation-category|procedure",
    "http://terminology.hl7.org/CodeSystem/observation-category|social-history",
    "http://hl7.org/fhir/us/core/CodeSystem/us-core-category|sdoh",
    "http://terminology.hl7.org/CodeSystem/observation-category|survey",
];

const CONDITIONS: [&str; 3] = [
    "http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item",
    "http://terminology.hl7.org/CodeSystem/condition-category|encounter-diagnosis",
    "http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern",
];

fn of(text: &str) -> Vec<String> {
    choices::of(&token(text)).iter().map(ToString::to_string).collect()
}

fn with(stem: &str, categories: &[&str]) -> Vec<String> {
    categories.iter().map(|category| format!("{stem}?category={category}")).collect()
}

#[test]
fn sm_s_10_condition_and_observation_are_chosen_by_category() {
    let smart = "http://smarthealthit.org/fhir/scopes/patient/Condition.rs";
    for (scope, choices) in [
        ("patient/Observation.rs", with("patient/Observation.rs", &OBSERVATIONS)),
        ("patient/Condition.rs", with("patient/Condition.rs", &CONDITIONS)),
        // What was asked to be done, in the notation that can say it.
        ("patient/Observation.r", with("patient/Observation.r", &OBSERVATIONS)),
        ("patient/Condition.cu", with("patient/Condition.cu", &CONDITIONS)),
        ("patient/Observation.read", with("patient/Observation.rs", &OBSERVATIONS)),
        ("patient/Condition.*", with("patient/Condition.cruds", &CONDITIONS)),
        (smart, with(smart, &CONDITIONS)),
        (
            "http://smarthealthit.org/fhir/scopes/patient/Condition.read",
            with("patient/Condition.rs", &CONDITIONS),
        ),
    ] {
        let (mut found, mut choices) = (of(scope), choices);
        found.sort();
        choices.sort();
        assert_eq!(found, choices, "{scope}");
    }
}

#[test]
fn sm_s_11_the_whole_record_is_chosen_by_resource_type() {
    let types = |ending: &str| US_CORE.map(|name| format!("patient/{name}.{ending}"));
    for (scope, choices) in [
        ("patient/*.rs", types("rs")),
        ("patient/*.cruds", types("cruds")),
        ("patient/*.read", types("read")),
    ] {
        assert_eq!(of(scope), choices, "{scope}");
    }
    let all = choices::all(&token("patient/*.read"));
    assert_eq!(all.len(), US_CORE.len() + OBSERVATIONS.len() + CONDITIONS.len());
    let laboratory = format!("patient/Observation.rs?category={}", OBSERVATIONS[0]);
    assert!(all.contains(&token(&laboratory)) && all.contains(&token("patient/Condition.read")));
}

#[test]
fn nothing_else_has_choices() {
    for scope in [
        "patient/Goal.rs",
        "patient/Observation.rs?category=laboratory",
        "patient/Condition.rs?clinical-status=active",
        "patient/*.rs?_security=N",
        "user/Observation.rs",
        "user/*.rs",
        "system/*.rs",
        "openid",
        "launch/patient",
        "offline_access",
        "patient/Observation.sr",
        "patient/Observation",
    ] {
        assert_eq!(of(scope), Vec::<String>::new(), "{scope}");
    }
}

#[test]
fn a_choice_is_less_than_its_scope_and_not_its_sibling() {
    for scope in ["patient/*.cruds", "patient/Observation.read", "patient/Condition.rs"] {
        let all = choices::all(&token(scope));
        let whole = set(scope);
        for choice in &all {
            let one = ScopeSet::from_tokens([choice.clone()]);
            assert!(covers_all(&whole, &one) && !covers_all(&one, &whole), "{choice} of {scope}");
        }
        let siblings = choices::of(&token(scope));
        for (place, one) in siblings.iter().enumerate() {
            let apart = siblings.iter().skip(place + 1).all(|other| {
                let (one, other) = (meaning(one.as_str()), meaning(other.as_str()));
                !one.covers(&other) && !other.covers(&one)
            });
            assert!(apart, "{one} of {scope}");
        }
    }
}

#[test]
fn on_07_every_choice_has_a_name_of_its_own() {
    let told: Vec<_> = choices::all(&token("patient/*.rs")).iter().map(explain).collect();
    for (place, one) in told.iter().enumerate() {
        assert!(!one.title.is_empty() && !one.subject.is_empty() && one.caution.is_none(), "{one:?}");
        assert!(!one.detail.contains("category") && one.detail.contains(&one.subject), "{one:?}");
        assert!(told.iter().skip(place + 1).all(|other| other.title != one.title), "{}", one.title);
    }
    for title in ["Laboratory results", "Vital signs", "Clinical tests", "Problem list", "Health concerns"] {
        assert!(told.iter().any(|one| one.title == title), "{title}");
    }
}
