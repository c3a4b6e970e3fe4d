//! Whether a resource matches a search parameter (FHIR R4, search), in a search and in a scope alike.

use serde_json::Value;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::compartment::Resource;
use super::parameters::{self, Kind, Parameter};

/// One parameter with its values, of which one must match.
#[derive(Clone, Debug)]
pub struct Term {
    /// The parameter.
    pub parameter: &'static Parameter,
    /// The values.
    pub values: Vec<String>,
}

impl Term {
    /// Reads a parameter of a type; `None` when the type does not have it, or when a value cannot be read.
    #[must_use]
    pub fn parse(kind: &str, name: &str, text: &str) -> Option<Self> {
        let parameter = parameters::find(kind, name)?;
        let values = alternatives(text);
        let readable = |value: &String| match parameter.kind {
            Kind::Date => Moment::parse(value).is_some(),
            Kind::Words => words(value).next().is_some(),
            Kind::Token | Kind::Reference => !value.is_empty() && value != "|",
        };
        values.iter().all(readable).then_some(Self { parameter, values })
    }

    /// Whether a resource matches.
    #[must_use]
    pub fn matches(&self, resource: &Resource) -> bool {
        let found: Vec<&Value> = self.parameter.paths.iter().flat_map(|path| reach(resource, path)).collect();
        self.values.iter().any(|wanted| match self.parameter.kind {
            Kind::Token => found.iter().any(|value| is_token(value, wanted)),
            Kind::Reference => found.iter().any(|value| self.refers(value, wanted)),
            Kind::Words => begins(&found, wanted),
            Kind::Date => found.iter().any(|value| is_at(value, wanted)),
        })
    }

    fn refers(&self, value: &Value, wanted: &str) -> bool {
        let Some(reference) = value.get("reference").and_then(Value::as_str) else { return false };
        self.reference(wanted) == reference
    }

    /// A reference as resources write it: a bare identifier is one of the parameter's own target.
    #[must_use]
    pub fn reference(&self, wanted: &str) -> String {
        match self.parameter.target {
            Some(target) if !wanted.contains('/') => format!("{target}/{wanted}"),
            Some(_) | None => wanted.to_owned(),
        }
    }
}

/// The values between commas, where no backslash stands before the comma.
fn alternatives(text: &str) -> Vec<String> {
    let mut values = vec![];
    let mut value = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => value.extend(letters.next()),
            ',' => values.push(std::mem::take(&mut value)),
            other => value.push(other),
        }
    }
    values.push(value);
    values
}

/// What stands at a path; every element of an array is gone into.
fn reach<'a>(resource: &'a Resource, path: &str) -> Vec<&'a Value> {
    let mut names = path.split('.');
    let mut found: Vec<&Value> = names.next().and_then(|name| resource.get(name)).into_iter().collect();
    found = elements(found);
    for name in names {
        found = elements(found.into_iter().filter_map(|value| value.get(name)).collect());
    }
    found
}

fn elements(values: Vec<&Value>) -> Vec<&Value> {
    let each = |value| std::slice::from_ref(value);
    values.into_iter().flat_map(|value| value.as_array().map_or_else(|| each(value), Vec::as_slice)).collect()
}

/// `code`, `system|code`, `system|` or `|code`, against a code, a Coding, a CodeableConcept or an Identifier.
fn is_token(value: &Value, wanted: &str) -> bool {
    if let Some(codings) = value.get("coding").and_then(Value::as_array) {
        return codings.iter().any(|coding| is_token(coding, wanted));
    }
    let text = |member: &str| value.get(member).and_then(Value::as_str);
    let code = value.as_str().or_else(|| text("code")).or_else(|| text("value"));
    match wanted.split_once('|') {
        None => code == Some(wanted),
        Some(("", wanted)) => code == Some(wanted) && text("system").is_none(),
        Some((system, "")) => text("system") == Some(system),
        Some((system, wanted)) => text("system") == Some(system) && code == Some(wanted),
    }
}

/// Whether each wanted word is the beginning of one of the words there are.
fn begins(found: &[&Value], wanted: &str) -> bool {
    let known: Vec<String> = found.iter().filter_map(|value| value.as_str()).flat_map(words).collect();
    words(wanted).all(|wanted| known.iter().any(|word| word.starts_with(&wanted)))
}

/// The words of a text without case and accents.
fn words(text: &str) -> impl Iterator<Item = String> {
    let plain: String = text.nfkd().filter(|letter| !is_combining_mark(*letter)).collect();
    let plain = plain.to_lowercase();
    let words: Vec<String> = plain
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.into_iter()
}

/// A wanted date: how it compares, and as much of it as was written.
struct Moment<'a> {
    prefix: &'a str,
    date: &'a str,
}

impl<'a> Moment<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (prefix, date) = match text.split_at_checked(2) {
            Some((prefix @ ("eq" | "ne" | "lt" | "gt" | "le" | "ge"), date)) => (prefix, date),
            Some(_) | None => ("eq", text),
        };
        let mut bytes = date.bytes();
        let year = bytes.by_ref().take(4).filter(u8::is_ascii_digit).count() == 4;
        let rest =
            bytes.all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'T' | b'Z' | b'.'));
        (year && rest).then_some(Self { prefix, date })
    }
}

/// Compares as much of a date as both have; all dates here are written in the same way, so text will do.
fn is_at(value: &Value, wanted: &str) -> bool {
    let (Some(text), Some(Moment { prefix, date })) = (value.as_str(), Moment::parse(wanted)) else {
        return false;
    };
    let length = text.len().min(date.len());
    let (Some(mine), Some(theirs)) = (text.get(..length), date.get(..length)) else { return false };
    match prefix {
        "ne" => !text.starts_with(date),
        "lt" => mine < theirs,
        "gt" => mine > theirs,
        "le" => mine <= theirs,
        "ge" => mine >= theirs,
        _ => text.starts_with(date),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(resource: &Value, name: &str, value: &str) -> Option<bool> {
        let resource = resource.as_object().unwrap();
        let kind = crate::sandbox::compartment::kind_of(resource);
        Term::parse(kind, name, value).map(|term| term.matches(resource))
    }

    #[test]
    fn names_match_by_the_beginning_of_any_word_whatever_case_and_accents() {
        let patient = json!({"resourceType": "Patient", "id": "p", "name": [
            {"family": "Núñez-Ortega", "given": ["María", "José"]}]});
        for (name, value, matched) in [
            ("name", "mar", true),
            ("name", "NUNEZ", true),
            ("name", "ort", true),
            ("name", "jose nu", true),
            ("name", "José, nobody", true),
            ("name", "ariа", false),
            ("name", "maria smith", false),
            ("family", "maria", false),
            ("family", "nuñ", true),
            ("given", "jo", true),
        ] {
            assert_eq!(matches(&patient, name, value), Some(matched), "{name}={value}");
        }
        for (name, value) in [("name", ""), ("name", "-"), ("name:exact", "x"), ("code", "x"), ("_id", "")] {
            assert_eq!(matches(&patient, name, value), None, "{name}={value}");
        }
    }

    #[test]
    fn tokens_match_with_their_system_or_without() {
        let observation = json!({"resourceType": "Observation", "id": "o", "status": "final",
            "category": [{"coding": [{"system": "s", "code": "laboratory"}]}, {"coding": [{"code": "local"}]}],
            "identifier": [{"system": "urn:x", "value": "A1"}], "subject": {"reference": "Patient/p"},
            "effectiveDateTime": "2024-03-05T10:00:00Z"});
        for (name, value, matched) in [
            ("category", "laboratory", true),
            ("category", "s|laboratory", true),
            ("category", "s|", true),
            ("category", "t|laboratory", false),
            ("category", "|laboratory", false),
            ("category", "|local", true),
            ("category", "Laboratory", false),
            ("category", "vital-signs,laboratory", true),
            ("status", "final", true),
            ("identifier", "A1", true),
            ("identifier", "urn:x|A1", true),
            ("identifier", "A", false),
            ("_id", "o", true),
            ("patient", "p", true),
            ("patient", "Patient/p", true),
            ("subject", "Patient/q", false),
            ("patient", "https://elsewhere.example/Patient/p", false),
            ("date", "2024-03-05", true),
            ("date", "2024", true),
            ("date", "ge2024-03-05", true),
            ("date", "lt2024-03", false),
            ("date", "gt2023", true),
            ("date", "ne2024-03", false),
        ] {
            assert_eq!(matches(&observation, name, value), Some(matched), "{name}={value}");
        }
        assert_eq!(matches(&observation, "date", "yesterday"), None);
        assert_eq!(matches(&observation, "date", "é"), None);
    }

    #[test]
    fn a_comma_after_a_backslash_is_part_of_the_value() {
        assert_eq!(alternatives(r"a\,b,c\\,\"), ["a,b", r"c\", ""]);
    }
}
