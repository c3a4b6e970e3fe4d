//! What a FHIR server answers to a search. Everything is somebody else's: what does not fit is left out, and what
//! is too long is cut.

use serde_json::Value;
use url::Url;

use crate::model::person::is_fhir_id;

use super::{EncounterEntry, MOST, Page, PatientEntry, Relation};

/// The longest name or title that is shown, in signs.
const LONGEST: usize = 120;
/// The longest identifier that is shown, in signs.
const LONGEST_IDENTIFIER: usize = 40;

/// The patients of a Bundle; `None` when it is none.
pub(super) fn patients(bundle: &Value) -> Option<Page> {
    let mut entries: Vec<PatientEntry> = Vec::new();
    for patient in matches(bundle, "Patient")? {
        let Some(id) = id(patient).filter(|id| entries.iter().all(|known| known.id != *id)) else { continue };
        entries.push(PatientEntry {
            id: id.to_owned(),
            name: name(patient),
            birth_date: text(patient, "birthDate").filter(|date| is_date(date)).map(str::to_owned),
            identifier: identifier(patient),
            relation: Relation::Found,
        });
    }
    let is_cut = entries.len() > MOST || has_next(bundle);
    entries.truncate(MOST);
    Some(Page { asked: Some(entries.len()), entries, is_cut })
}

/// Whether a Bundle says that a parameter was understood: a server tells in `self` what it has processed, and leaves
/// out what it has overlooked (FHIR R4, search, 3.1.1.1.3). The reference may have become an absolute one.
pub(super) fn has_kept(bundle: &Value, base: &str, (name, reference): (&str, &str)) -> bool {
    let base = base.trim_end_matches('/');
    let links = bundle.get("link").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let own = links.iter().find(|link| text(link, "relation") == Some("self"));
    let own = own.and_then(|link| text(link, "url"));
    let Some(own) = own.and_then(|url| Url::parse(&format!("{base}/")).ok()?.join(url).ok()) else {
        return false;
    };
    let absolute = format!("{base}/{reference}");
    own.query_pairs().any(|(known, value)| known == name && (value == reference || value == absolute))
}

/// The visits of a patient in a Bundle of the server at a base URL; `None` when it is none.
pub(super) fn encounters(bundle: &Value, base: &str, patient: &str) -> Option<Vec<EncounterEntry>> {
    let own = format!("Patient/{patient}");
    let absolute = format!("{}/{own}", base.trim_end_matches('/'));
    let is_own = |encounter: &&Value| {
        let reference = encounter.pointer("/subject/reference").and_then(Value::as_str).unwrap_or_default();
        // A patient of another server is somebody else, whatever the id.
        reference == own || reference == absolute
    };
    let entry = |encounter: &Value| {
        let date = encounter.pointer("/period/start").and_then(Value::as_str);
        let date = date.map(|start| start.split('T').next().unwrap_or_default());
        Some(EncounterEntry {
            id: id(encounter)?.to_owned(),
            title: title(encounter),
            date: date.filter(|date| is_date(date)).map(str::to_owned),
        })
    };
    Some(matches(bundle, "Encounter")?.filter(is_own).filter_map(entry).take(MOST).collect())
}

/// The resources of a kind that a search found.
fn matches<'a>(bundle: &'a Value, kind: &'static str) -> Option<impl Iterator<Item = &'a Value>> {
    if text(bundle, "resourceType") != Some("Bundle") {
        return None;
    }
    let entries = match bundle.get("entry") {
        None => &[],
        Some(entries) => entries.as_array()?.as_slice(),
    };
    let matches = entries.iter().filter(|entry| {
        let mode = entry.pointer("/search/mode").and_then(Value::as_str);
        mode.is_none_or(|mode| mode == "match")
    });
    let resources = matches.filter_map(|entry| entry.get("resource"));
    Some(resources.filter(move |resource| text(resource, "resourceType") == Some(kind)).take(MOST + 1))
}

fn has_next(bundle: &Value) -> bool {
    let links = bundle.get("link").and_then(Value::as_array);
    links.is_some_and(|links| links.iter().any(|link| text(link, "relation") == Some("next")))
}

fn id(resource: &Value) -> Option<&str> {
    text(resource, "id").filter(|id| is_fhir_id(id))
}

/// The name that is used, or else the first: its text, or its parts.
fn name(patient: &Value) -> String {
    let names = patient.get("name").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let by_use = |used: &str| names.iter().find(|name| text(name, "use") == Some(used));
    let chosen = by_use("official").or_else(|| by_use("usual")).or_else(|| names.first());
    let Some(chosen) = chosen else { return String::new() };
    if let Some(text) = text(chosen, "text") {
        return cut(text, LONGEST);
    }
    let given = chosen.get("given").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let parts: Vec<&str> = given.iter().filter_map(Value::as_str).chain(text(chosen, "family")).collect();
    cut(&parts.join(" "), LONGEST)
}

/// The number of the medical record, or else the first number.
fn identifier(patient: &Value) -> Option<String> {
    let all = patient.get("identifier").and_then(Value::as_array)?;
    let is_record = |identifier: &&Value| {
        let codings = identifier.pointer("/type/coding").and_then(Value::as_array);
        codings.is_some_and(|codings| codings.iter().any(|coding| text(coding, "code") == Some("MR")))
    };
    let chosen =
        all.iter().find(is_record).or_else(|| all.iter().find(|one| text(one, "value").is_some()))?;
    text(chosen, "value").map(|value| cut(value, LONGEST_IDENTIFIER))
}

fn title(encounter: &Value) -> String {
    let paths = [
        "/type/0/text",
        "/type/0/coding/0/display",
        "/reasonCode/0/text",
        "/reasonCode/0/coding/0/display",
        "/class/display",
    ];
    let found = paths.iter().find_map(|path| encounter.pointer(path).and_then(Value::as_str));
    found.map_or_else(|| "Visit".to_owned(), |title| cut(title, LONGEST))
}

fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A day, a month or a year.
fn is_date(text: &str) -> bool {
    matches!(text.len(), 4 | 7 | 10)
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

fn cut(text: &str, most: usize) -> String {
    let mut signs = text.chars();
    let mut kept: String = signs.by_ref().take(most).collect();
    if signs.next().is_some() {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BASE: &str = "https://fhir.example/r4";

    #[test]
    fn a_visit_is_of_the_patient_at_this_server_alone() {
        let references = [
            "Patient/p",
            "https://fhir.example/r4/Patient/p",
            "https://other.example/Patient/p",
            "https://fhir.example/r4/x/Patient/p",
            "https://fhir.example/Patient/p",
            "/Patient/p",
            "Patient/q",
            "",
        ];
        let visit = |(at, reference): (usize, &&str)| {
            json!({"resource": {"resourceType": "Encounter",
            "id": format!("e-{at}"), "subject": {"reference": reference}}})
        };
        let entries: Vec<Value> = references.iter().enumerate().map(visit).collect();
        let bundle = json!({"resourceType": "Bundle", "entry": entries});
        for base in [BASE, "https://fhir.example/r4/"] {
            let found = encounters(&bundle, base, "p").unwrap();
            let ids: Vec<&str> = found.iter().map(|visit| visit.id.as_str()).collect();
            assert_eq!(ids, ["e-0", "e-1"], "{base}");
        }
    }

    #[test]
    fn a_restriction_is_kept_if_the_server_says_so() {
        let kept = |link: Value| {
            let bundle = json!({"resourceType": "Bundle", "link": link});
            has_kept(&bundle, BASE, ("general-practitioner", "Practitioner/lee"))
        };
        let own = |url: &str| json!([{"relation": "next", "url": "x"}, {"relation": "self", "url": url}]);
        for url in [
            "https://fhir.example/r4/Patient?name=a&general-practitioner=Practitioner/lee",
            "https://fhir.example/r4/Patient?general-practitioner=Practitioner%2Flee&_count=21",
            "Patient?general-practitioner=https%3A%2F%2Ffhir.example%2Fr4%2FPractitioner%2Flee",
        ] {
            assert!(kept(own(url)), "{url}");
        }
        for url in [
            "https://fhir.example/r4/Patient?name=a",
            "https://fhir.example/r4/Patient?general-practitioner=Practitioner/leeds",
            "https://fhir.example/r4/Patient?general-practitioner=Practitioner/lee,Practitioner/x",
            "https://fhir.example/r4/Patient?general-practitioner:not=Practitioner/lee",
            "https://fhir.example/r4/Patient?general-practitioner=https://other.example/Practitioner/lee",
            "https://fhir.example/r4/Patient#general-practitioner=Practitioner/lee",
            "https://[",
        ] {
            assert!(!kept(own(url)), "{url}");
        }
        let next = json!([{"relation": "next", "url": "Patient?general-practitioner=Practitioner/lee"}]);
        for link in [Value::Null, json!([]), json!({"relation": "self"}), next] {
            assert!(!kept(link.clone()), "{link}");
        }
    }
}
