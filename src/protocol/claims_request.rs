//! The `claims` parameter (OpenID Connect Core, 5.5): claims that are asked for one by one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::Refusal;
use super::standard_claims::scope_of;
use crate::jose::object::parse_object;

/// The longest `claims` parameter, in bytes.
const LONGEST: usize = 8192;
/// The most claims that are asked for at one place, and the most values of one.
const MOST: usize = 100;

/// Claims that are asked for one by one. What is not known here is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimsRequest {
    userinfo: BTreeMap<String, Wanted>,
    id_token: BTreeMap<String, Wanted>,
}

/// How much a claim is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Wanted {
    essential: bool,
    values: Vec<String>,
}

impl ClaimsRequest {
    /// Reads the parameter. What is of another form is refused, even of a claim that is not known here.
    pub fn parse(text: Option<&str>) -> Result<Self, Refusal> {
        let Some(text) = text else { return Ok(Self::default()) };
        if text.len() > LONGEST {
            return Err(malformed("claims is too long"));
        }
        let object = parse_object(text.as_bytes()).map_err(|_| malformed("claims must be a JSON object"))?;
        Ok(Self { userinfo: place(&object, "userinfo")?, id_token: place(&object, "id_token")? })
    }

    /// The names of what is asked to stand in the answer of userinfo.
    pub fn in_userinfo(&self) -> impl Iterator<Item = &str> {
        self.userinfo.keys().map(String::as_str)
    }

    /// The names of what is asked to stand in the id token.
    pub fn in_id_token(&self) -> impl Iterator<Item = &str> {
        self.id_token.keys().map(String::as_str)
    }

    /// Whether a `sub` is one that is asked for; any is where none is named (5.5.1).
    #[must_use]
    pub fn means(&self, sub: &str) -> bool {
        let wanted = [&self.userinfo, &self.id_token].map(|place| place.get("sub"));
        let mut named = wanted.into_iter().flatten().filter(|wanted| !wanted.values.is_empty());
        named.all(|wanted| wanted.values.iter().any(|value| value == sub))
    }

    /// The `acr` of which one must be attained, if it must (5.5.1.1).
    #[must_use]
    pub fn essential_acr(&self) -> Option<&[String]> {
        let wanted = self.id_token.get("acr").filter(|wanted| wanted.essential && !wanted.values.is_empty());
        wanted.map(|wanted| wanted.values.as_slice())
    }
}

/// The claims of one place.
fn place(object: &Map<String, Value>, name: &str) -> Result<BTreeMap<String, Wanted>, Refusal> {
    let told = "userinfo and id_token of claims must be objects";
    let claims = match object.get(name) {
        None => return Ok(BTreeMap::new()),
        Some(value) => value.as_object().ok_or_else(|| malformed(told))?,
    };
    if claims.len() > MOST {
        return Err(malformed("claims asks for too much"));
    }
    let mut found = BTreeMap::new();
    for (name, value) in claims {
        let wanted = wanted(name, value)?;
        if is_checked(name) || scope_of(name).is_some() {
            found.insert(name.clone(), wanted);
        }
    }
    Ok(found)
}

/// What is wanted of one claim: `null`, or an object with `essential` and `value` or `values`.
fn wanted(name: &str, value: &Value) -> Result<Wanted, Refusal> {
    let told = "a claim of claims must be null, or an object with essential, value or values";
    if value.is_null() {
        return Ok(Wanted::default());
    }
    let object = value.as_object().ok_or_else(|| malformed(told))?;
    let essential = match object.get("essential") {
        None => false,
        Some(value) => value.as_bool().ok_or_else(|| malformed(told))?,
    };
    let many = match object.get("values") {
        None => &[],
        Some(value) => value.as_array().map(Vec::as_slice).ok_or_else(|| malformed(told))?,
    };
    if many.len() > MOST {
        return Err(malformed("claims asks for too much"));
    }
    let texts = object.get("value").into_iter().chain(many).map(Value::as_str);
    let values: Option<Vec<String>> = texts.map(|text| text.map(str::to_owned)).collect();
    match values {
        Some(values) if is_checked(name) => Ok(Wanted { essential, values }),
        None if is_checked(name) => Err(malformed("the values of sub and acr must be texts")),
        // Whatever value is wished for, a claim is told as it is (5.5.1).
        Some(_) | None => Ok(Wanted { essential, values: Vec::new() }),
    }
}

/// Whether a claim is held to the values that are asked for.
fn is_checked(name: &str) -> bool {
    matches!(name, "sub" | "acr")
}

const fn malformed(told: &'static str) -> Refusal {
    Refusal::invalid_request(told, "claims_malformed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ClaimsRequest {
        ClaimsRequest::parse(Some(text)).unwrap()
    }

    #[test]
    fn oi_05_claims_are_asked_for_by_place_and_what_is_unknown_is_ignored() {
        let asked = read(
            r#"{"userinfo": {"email": {"essential": true}, "shoe_size": null, "name": null},
                "id_token": {"auth_time": {"essential": true}, "acr": {"values": ["a", "b"]}, "fhirUser": null},
                "elsewhere": {"x": 1}}"#,
        );
        assert_eq!(asked.in_userinfo().collect::<Vec<_>>(), ["email", "name"]);
        assert_eq!(asked.in_id_token().collect::<Vec<_>>(), ["acr", "fhirUser"]);
        assert_eq!(asked.essential_acr(), None, "it is voluntary");
        assert_eq!(read("{}"), ClaimsRequest::default());
        let kept = serde_json::to_string(&asked).unwrap();
        assert_eq!(serde_json::from_str::<ClaimsRequest>(&kept).unwrap(), asked);
    }

    #[test]
    fn a_subject_or_a_level_can_be_demanded() {
        let asked = read(
            r#"{"id_token": {"sub": {"value": "248"}, "acr": {"essential": true, "values": ["high"], "value": "x"}},
                "userinfo": {"sub": null}}"#,
        );
        assert!(asked.means("248") && !asked.means("249"));
        assert_eq!(asked.essential_acr().unwrap(), ["x", "high"]);
        assert!(ClaimsRequest::default().means("anybody"));
        let of_two =
            read(r#"{"userinfo": {"sub": {"values": ["1", "2"]}}, "id_token": {"sub": {"value": "2"}}}"#);
        assert!(of_two.means("2") && !of_two.means("1"));
        assert_eq!(
            read(r#"{"id_token": {"acr": {"essential": true}}}"#).essential_acr(),
            None,
            "any will do"
        );
    }

    #[test]
    fn what_is_of_another_form_is_refused() {
        let many: Vec<String> = (0..101).map(|at| format!("\"c{at}\": null")).collect();
        for bad in [
            "",
            "null",
            "[]",
            "{",
            "userinfo",
            r#"{"userinfo": null}"#,
            r#"{"userinfo": ["email"]}"#,
            r#"{"userinfo": {"email": true}}"#,
            r#"{"userinfo": {"unknown": true}}"#,
            r#"{"userinfo": {"a\u0000": null}}"#,
            r#"{"id_token": {"sub": {"value": "\u0000"}}}"#,
            r#"{"userinfo": {"email": {"essential": "yes"}}}"#,
            r#"{"id_token": {"acr": {"values": "a"}}}"#,
            r#"{"id_token": {"acr": {"values": [1]}}}"#,
            r#"{"id_token": {"sub": {"value": {}}}}"#,
            r#"{"userinfo": {}, "userinfo": {}}"#,
            &format!("{{\"userinfo\": {{{}}}}}", many.join(",")),
            &format!("{{\"x\": \"{}\"}}", "x".repeat(9000)),
        ] {
            let refusal = ClaimsRequest::parse(Some(bad)).unwrap_err();
            assert_eq!(refusal.reason().code(), "claims_malformed", "{bad:.80}");
        }
        assert!(ClaimsRequest::parse(None).unwrap() == ClaimsRequest::default());
    }
}
