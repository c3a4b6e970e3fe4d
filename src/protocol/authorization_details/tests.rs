//! What is read, what is refused, and that narrowing never widens.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::json;

use super::prior_authorization::{Decision, PriorAuthorization};
use super::schema::Schema;
use super::*;

fn details(value: &Value) -> AuthorizationDetails {
    AuthorizationDetails::parse(&value.to_string()).unwrap()
}

fn right() -> Value {
    json!({"type": "prior_authorization", "patient": "Patient/p-7", "coverage": "Coverage/c-1",
        "order": "ServiceRequest/s-1", "actions": ["$submit", "$inquire"]})
}

#[test]
fn rr_01_what_is_no_array_of_typed_objects_is_refused() {
    let deep = format!("{}1{}", r#"[{"type":"a","x":"#.to_owned() + &"[".repeat(7), "]".repeat(7) + "}]");
    let many = format!("[{}]", vec![r#"{"type":"a","n":1}"#; 21].join(","));
    let long = format!(r#"[{{"type":"{}"}}]"#, "a".repeat(LONGEST));
    let rows = [
        "",
        "x",
        "{}",
        "[]",
        "null",
        r#"{"type":"a"}"#,
        r#"["a"]"#,
        "[[]]",
        "[{}]",
        r#"[{"type":1}]"#,
        r#"[{"type":null}]"#,
        r#"[{"type":"a"}] x"#,
        r#"[{"type":"a","type":"b"}]"#,
        r#"[{"type":"a","x":{"y":1,"y":2}}]"#,
        "[{\"type\":\"a\",\"x\":\"\\u0000\"}]",
        r#"[{"type":"a","x":1e999}]"#,
        r#"[{"type":"a"},]"#,
        &deep,
        &many,
        &long,
    ];
    for text in rows {
        let refusal = AuthorizationDetails::parse(text).unwrap_err();
        assert_eq!(refusal.code(), ErrorCode::InvalidAuthorizationDetails, "{text:.80}");
    }
    assert_eq!(details(&json!([{"type": "a"}, {"type": "a"}])).iter().count(), 1, "each once");
}

#[test]
fn what_is_kept_is_read_back_as_it_was() {
    let all = details(&json!([right(), {"type": "x", "n": 1.5, "in": {"a": [true, null, -3]}}]));
    assert_eq!(AuthorizationDetails::of_stored(all.to_json()), Some(all.clone()));
    assert_eq!(
        serde_json::from_value::<AuthorizationDetails>(serde_json::to_value(&all).unwrap()).unwrap(),
        all
    );
    assert_eq!(format!("{all:?}"), "[prior_authorization, x]", "nothing of a patient");
    assert_eq!(AuthorizationDetails::of_stored(json!({})), None);
}

#[test]
fn rr_01_a_prior_authorization_names_a_patient_a_coverage_one_subject_and_what_is_done() {
    let parse = |value: &Value| PriorAuthorization::parse(value.as_object().unwrap());
    let read = parse(&right()).unwrap();
    assert_eq!((read.patient.as_str(), read.actions.len()), ("p-7", 2));
    for (change, field) in [
        (json!({"patient": null}), "patient"),
        (json!({"patient": "Group/1"}), "patient"),
        (json!({"patient": 7}), "patient"),
        (json!({"patient": "a b"}), "patient"),
        (json!({"coverage": "c-1"}), "coverage"),
        (json!({"coverage": "https://fhir.example/Coverage/1"}), "coverage"),
        (json!({"order": "Patient/1"}), "order"),
        (json!({"claim": "Claim/1"}), "order"),
        (json!({"claim": "ServiceRequest/1", "order": "ServiceRequest/1"}), "claim"),
        (json!({"order": null}), "claim"),
        (json!({"actions": []}), "actions"),
        (json!({"actions": ["$submit", "read"]}), "actions[1]"),
        (json!({"actions": "$submit"}), "actions"),
        (json!({"locations": null}), "locations"),
        (json!({"locations": "https://fhir.example"}), "locations"),
        (json!({"purpose": "x"}), "purpose"),
    ] {
        let mut value = right();
        for (name, member) in change.as_object().unwrap() {
            value[name] = member.clone();
        }
        let problems = parse(&value).unwrap_err();
        assert!(problems.iter().any(|problem| problem.field == field), "{change}: {problems:?}");
    }
    for missing in ["patient", "coverage", "order", "actions"] {
        let mut value = right();
        value.as_object_mut().unwrap().remove(missing);
        assert!(parse(&value).is_err(), "{missing}");
    }
}

#[test]
fn a_decision_ends_the_requests_of_its_patient_and_subject_alone() {
    let identity = |change: &Value| {
        let mut value = right();
        for (name, member) in change.as_object().unwrap() {
            value[name] = member.clone();
        }
        PriorAuthorization::parse(value.as_object().unwrap()).unwrap().identity()
    };
    let decision = json!({"type": "prior_authorization", "patient": "p-7", "order": "ServiceRequest/s-1"});
    let ended = Decision::parse(decision.as_object().unwrap()).unwrap().identities();
    assert_eq!(ended, [identity(&json!({}))], "however the patient is written");
    assert_eq!(ended, [identity(&json!({"coverage": "Coverage/other", "actions": ["$inquire"]}))]);
    for other in [json!({"patient": "p-8"}), json!({"order": "ServiceRequest/s-2"})] {
        assert_ne!(ended, [identity(&other)], "{other}");
    }
    let both = json!({"type": "prior_authorization", "patient": "p-7", "order": "ServiceRequest/s-1", "claim": "Claim/1"});
    assert_eq!(Decision::parse(both.as_object().unwrap()).unwrap().identities().len(), 2);
    for wrong in [
        json!({}),
        json!({"type": "x", "patient": "p", "claim": "Claim/1"}),
        json!({"type": "prior_authorization", "patient": "p"}),
        json!({"type": "prior_authorization", "claim": "Claim/1"}),
        json!({"type": "prior_authorization", "patient": "p", "claim": "Claim/1", "outcome": "approved"}),
    ] {
        assert!(Decision::parse(wrong.as_object().unwrap()).is_err(), "{wrong}");
    }
}

#[test]
fn e01_less_is_covered_and_nothing_else() {
    let held = details(&json!([{"type": "t", "actions": ["a", "b"], "x": {"y": [1, 2]}}, {"type": "u"}]));
    for (asked, is_covered) in [
        (json!([{"type": "t", "actions": ["b"], "x": {"y": [1, 2]}}]), true),
        (json!([{"type": "u"}, {"type": "t", "actions": ["b", "a"], "x": {"y": [1, 2]}}]), true),
        (json!([{"type": "t", "actions": ["c"], "x": {"y": [1, 2]}}]), false),
        (json!([{"type": "t", "actions": [], "x": {"y": [1, 2]}}]), false),
        (json!([{"type": "t", "x": {"y": [1, 2]}}]), false),
        (json!([{"type": "t", "actions": ["a"], "x": {"y": [1]}}]), false),
        (json!([{"type": "t", "actions": "a", "x": {"y": [1, 2]}}]), false),
        (json!([{"type": "u", "actions": ["a"]}]), false),
        (json!([{"type": "v"}]), false),
    ] {
        assert_eq!(held.covers(&details(&asked)), is_covered, "{asked}");
    }
}

fn schema(members: &Value) -> Result<Schema, String> {
    let mut text = json!({"type": "object", "additionalProperties": false, "required": ["type", "n"],
        "properties": {"type": {"const": "t"}, "n": {"type": "integer", "maximum": 3}}});
    for (name, member) in members.as_object().unwrap() {
        text[name] = member.clone();
    }
    Schema::parse(&text)
}

#[test]
fn rr_01_a_registered_type_is_judged_by_its_schema() {
    let schema = schema(&json!({})).unwrap();
    for (detail, is_right) in [
        (json!({"type": "t", "n": 3}), true),
        (json!({"type": "t", "n": 4}), false),
        (json!({"type": "t", "n": "3"}), false),
        (json!({"type": "t"}), false),
        (json!({"type": "t", "n": 1, "more": 1}), false),
    ] {
        assert_eq!(schema.accepts(detail.as_object().unwrap()), is_right, "{detail}");
    }
}

#[test]
fn a_schema_is_bounded_and_looks_nowhere_else() {
    let mut doubled = json!({"d0": {"type": "string"}});
    for n in 1..=20 {
        let below = json!({"$ref": format!("#/$defs/d{}", n - 1)});
        doubled[format!("d{n}")] = json!({"allOf": [below, below]});
    }
    let mut deep = json!(true);
    for _ in 0..30 {
        deep = json!({"not": deep});
    }
    let rows = [
        (json!({"$ref": "https://elsewhere.example/schema"}), "must refer to nothing"),
        (json!({"$ref": "#"}), "must refer to nothing"),
        (json!({"$dynamicRef": "#x"}), "must not use"),
        (json!({"$id": "https://elsewhere.example/"}), "must not use"),
        (json!({"$schema": "http://json-schema.org/draft-07/schema#"}), "dialect"),
        (json!({"$ref": "#/$defs/none"}), "must define"),
        (json!({"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}}), "to itself"),
        (json!({"$ref": "#/$defs/d20", "$defs": doubled}), "parts"),
        (json!({"not": deep}), "nested"),
        (json!({"properties": {"type": {"pattern": "a".repeat(257)}}}), "pattern"),
        (json!({"properties": {"type": {"pattern": "(a"}}}), "no schema"),
        (json!({"properties": {"type": {"pattern": "(?=a)b"}}}), "no schema"),
        (json!({"properties": {"type": {"pattern": "((a{100}){100}){100}"}}}), "no schema"),
        (json!({"properties": {"type": {"maxLength": "x"}}}), "no schema"),
        (json!({"properties": {"n": {}}}), "must have type"),
        (json!({"additionalProperties": true}), "additionalProperties"),
        (json!({"type": "string"}), "object"),
        (json!({"description": "x".repeat(40_000)}), "bytes"),
    ];
    for (members, says) in rows {
        let error = schema(&members).unwrap_err();
        assert!(error.contains(says), "{says}: {error:.200}");
    }
    let local =
        json!({"$defs": {"few": {"maxItems": 2}}, "properties": {"type": {}, "n": {"$ref": "#/$defs/few"}}});
    assert!(schema(&local).is_ok());
}

#[test]
fn details_are_told_in_words() {
    let all = details(&json!([right(), {"type": "x", "n": 1, "who": "Lee"}]));
    let told: Vec<words::Told> = all.iter().map(|detail| words::told(detail, Some("Shared notes"))).collect();
    assert!(told[0].says.contains("patient p-7") && told[0].says.contains("ends when"), "{told:?}");
    assert_eq!((told[1].title.as_str(), told[1].says.as_str()), ("Shared notes", "n: 1; who: Lee"));
}

fn any_detail() -> impl Strategy<Value = Value> {
    let lists = subsequence(vec!["actions", "locations", "datatypes"], 0..=3);
    let items = || subsequence(vec!["a", "b", "c"], 0..=3);
    (select(vec!["t", "u"]), lists, [items(), items(), items()], select(vec![0, 1])).prop_map(
        |(kind, lists, items, n)| {
            let mut detail = json!({"type": kind, "n": n});
            for (list, items) in lists.iter().zip(items) {
                detail[*list] = json!(items);
            }
            detail
        },
    )
}

fn any_details() -> impl Strategy<Value = AuthorizationDetails> {
    proptest::collection::vec(any_detail(), 1..5).prop_map(|all| details(&Value::Array(all)))
}

/// Every single thing that details allow: one item of each list. An empty or absent list allows a thing of its own.
fn things(all: &AuthorizationDetails) -> std::collections::BTreeSet<String> {
    let mut found = std::collections::BTreeSet::new();
    for detail in all.iter() {
        let mut combinations = vec![format!("{} {}", detail.kind(), detail.members()["n"])];
        for list in ["actions", "locations", "datatypes"] {
            let items: Vec<String> = match detail.members().get(list).and_then(Value::as_array) {
                None => vec!["absent".to_owned()],
                Some(items) if items.is_empty() => vec!["empty".to_owned()],
                Some(items) => items.iter().map(Value::to_string).collect(),
            };
            combinations = combinations
                .iter()
                .flat_map(|begun| items.iter().map(move |item| format!("{begun} {item}")))
                .collect();
        }
        found.extend(combinations);
    }
    found
}

proptest! {
    #[test]
    fn e01_narrowing_never_widens(held in any_details(), asked in any_details(), third in any_details()) {
        prop_assert!(held.covers(&held));
        let within = asked.within(&held);
        prop_assert!(held.covers(&within));
        prop_assert!(things(&within).is_subset(&things(&held)));
        if held.covers(&asked) {
            prop_assert!(things(&asked).is_subset(&things(&held)));
            prop_assert_eq!(&within, &asked);
            if asked.covers(&third) {
                prop_assert!(held.covers(&third), "what is narrowed twice is narrowed");
            }
        }
        let sum = held.and(&asked);
        prop_assert!(sum.covers(&held) && sum.covers(&asked));
        prop_assert_eq!(things(&sum), things(&held).union(&things(&asked)).cloned().collect());
    }

    #[test]
    fn no_text_breaks_the_reader(text in ".{0,200}") {
        drop(AuthorizationDetails::parse(&text));
    }
}
