//! `fhirContext` (SMART App Launch 2.2, launch context): references besides patient and encounter.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::protocol::fields::Fields;

/// The most that may be in context.
const MOST: usize = 50;
/// The longest text of a member, in bytes.
const LONGEST: usize = 1024;
/// What an absent role means.
const LAUNCH: &str = "launch";

/// One thing in context, as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FhirContext(Map<String, Value>);

/// Reads the member `fhirContext`.
pub(super) fn read(fields: &mut Fields<'_>) -> Vec<FhirContext> {
    let Some(value) = fields.value("fhirContext") else { return Vec::new() };
    let Some(items) = value.as_array().filter(|items| items.len() <= MOST) else {
        fields.problem("fhirContext", format!("must be a list of at most {MOST} objects"));
        return Vec::new();
    };
    let mut found = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        match FhirContext::parse(item) {
            Ok(item) => found.push(item),
            Err(says) => fields.problem(format!("fhirContext[{index}]"), says),
        }
    }
    found
}

impl FhirContext {
    /// Reads one: an object, never a text as in version 2.0.
    fn parse(value: &Value) -> Result<Self, &'static str> {
        let object =
            value.as_object().ok_or("must be an object, such as {\"reference\": \"ImagingStudy/1\"}")?;
        let text = |name: &str| object.get(name).map(|value| value.as_str().unwrap_or_default());
        let is_short = |text: &&str| !text.is_empty() && text.len() <= LONGEST;
        for name in ["reference", "canonical", "type", "role"] {
            if text(name)
                .is_some_and(|text| !is_short(&text) || text.chars().any(|c| c.is_control() || c == ' '))
            {
                return Err("has a member that is empty, too long, or no text without spaces");
            }
        }
        let known = ["reference", "canonical", "identifier", "type", "role"];
        if object.keys().any(|name| !known.contains(&name.as_str()) && !is_extension(name)) {
            return Err("has an unknown member; extensions are named by a full URI, or begin with __");
        }
        if !object.iter().all(|(name, value)| is_plain(name) && is_plain_within(value)) {
            return Err("has a text with control characters in it");
        }
        if object.get("identifier").is_some_and(|identifier| !identifier.is_object()) {
            return Err("has an identifier that is not an object");
        }
        if !["reference", "canonical", "identifier"].iter().any(|name| object.contains_key(*name)) {
            return Err("needs a reference, a canonical or an identifier");
        }
        let role = text("role").unwrap_or(LAUNCH);
        if role != LAUNCH && !is_uri(role) {
            return Err("has a role that is neither launch nor an absolute URI");
        }
        let Some(reference) = text("reference") else { return Ok(Self(object.clone())) };
        let kind =
            relative_type(reference).ok_or("has a reference that is not relative, such as ImagingStudy/1")?;
        if role == LAUNCH && ["Patient", "Encounter"].contains(&kind) {
            return Err("names a Patient or an Encounter, which have members of their own");
        }
        Ok(Self(object.clone()))
    }
}

/// Whether no text within a value, however deep, has control characters: no database keeps U+0000.
fn is_plain_within(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => is_plain(text),
        Value::Array(items) => items.iter().all(is_plain_within),
        Value::Object(object) => object.iter().all(|(name, value)| is_plain(name) && is_plain_within(value)),
    }
}

fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// The type of a relative reference; `None` for any other.
fn relative_type(reference: &str) -> Option<&str> {
    let (kind, id) = reference.split_once('/')?;
    let is_type =
        kind.starts_with(|c: char| c.is_ascii_uppercase()) && kind.bytes().all(|b| b.is_ascii_alphanumeric());
    (is_type && super::fhir_id(id).is_ok()).then_some(kind)
}

fn is_extension(name: &str) -> bool {
    name.starts_with("__") || is_uri(name)
}

fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme && !rest.is_empty() && text.len() <= LONGEST
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sm_c_03_and_04_each_is_an_object_that_says_what_it_is() {
        for good in [
            json!({"reference": "ImagingStudy/1"}),
            json!({"canonical": "http://q.example/Questionnaire/1|2"}),
            json!({"identifier": {"system": "urn:x", "value": "1"}, "type": "Order"}),
            json!({"reference": "Patient/2", "role": "https://ehr.example/roles/mother"}),
            json!({"reference": "Task/1", "role": "launch", "__note": 1, "https://ehr.example/x": {}}),
        ] {
            assert!(FhirContext::parse(&good).is_ok(), "{good}");
        }
        for bad in [
            json!("ImagingStudy/1"),
            json!({}),
            json!({"type": "ImagingStudy"}),
            json!({"reference": "https://fhir.example/ImagingStudy/1"}),
            json!({"reference": "ImagingStudy"}),
            json!({"reference": "Patient/1"}),
            json!({"reference": "Encounter/1", "role": "launch"}),
            json!({"reference": "Task/1", "role": ""}),
            json!({"reference": "Task/1", "role": "mother"}),
            json!({"reference": "Task/1", "note": 1}),
            json!({"identifier": "1"}),
            json!({"reference": 7}),
            json!({"identifier": {"value": "a\u{0}b"}}),
            json!({"identifier": {"type": {"coding": [{"a\u{0}": 1}]}}}),
            json!({"reference": "Task/1", "__note": ["a", {"b": "\u{1b}[2J"}]}),
            json!({"reference": "Task/1", "__no\u{0}te": 1}),
            json!({"reference": "Task/1", "https://ehr.example/x\u{85}": 1}),
        ] {
            assert!(FhirContext::parse(&bad).is_err(), "{bad}");
        }
    }
}
