//! The claims of a token, read by name and type (RFC 7519, 4).

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};
use thiserror::Error;

/// The last second of the year 9999: no claim may speak of a later time.
const LAST_SECOND: i64 = 253_402_300_799;

/// The claims of a token. What they mean, and which must be there, is the reader's matter.
#[derive(Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

/// Why a claim cannot be read. An absent claim is no error; a wrong type is never "absent".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClaimError {
    /// The claim is there, but not of the type its name demands.
    #[error("the claim {name} is not of its type")]
    WrongType {
        /// The claim's name.
        name: String,
    },
}

/// The `aud` claim, in the form in which it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience<'a> {
    /// A single text.
    One(&'a str),
    /// An array, of whatever length.
    Many(Vec<&'a str>),
}

impl Claims {
    /// Takes members over as claims.
    #[must_use]
    pub const fn from_map(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// Gives the members back.
    #[must_use]
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// A claim as it is.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A claim that must be text.
    ///
    /// # Errors
    /// It is of another type.
    pub fn text(&self, name: &str) -> Result<Option<&str>, ClaimError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| wrong_type(name))
    }

    /// A claim that must be a `NumericDate`: seconds since 1970, fractions cut off (RFC 7519, 2).
    ///
    /// # Errors
    /// It is no number, is negative, or lies after the year 9999.
    pub fn time(&self, name: &str) -> Result<Option<i64>, ClaimError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        whole_seconds(value)
            .filter(|seconds| (0..=LAST_SECOND).contains(seconds))
            .map(Some)
            .ok_or_else(|| wrong_type(name))
    }

    /// The `aud` claim: a text, or an array of texts (RFC 7519, 4.1.3).
    ///
    /// # Errors
    /// It is of another type.
    pub fn audience(&self) -> Result<Option<Audience<'_>>, ClaimError> {
        let Some(value) = self.0.get("aud") else { return Ok(None) };
        if let Some(one) = value.as_str() {
            return Ok(Some(Audience::One(one)));
        }
        let items = value.as_array().ok_or_else(|| wrong_type("aud"))?;
        let many = items.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
        many.map(|many| Some(Audience::Many(many))).ok_or_else(|| wrong_type("aud"))
    }
}

// Claims may tell who a patient is: only their names are printed.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims")?;
        f.debug_list().entries(self.0.keys()).finish()
    }
}

fn wrong_type(name: &str) -> ClaimError {
    ClaimError::WrongType { name: name.to_owned() }
}

fn whole_seconds(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    if let Some(whole) = number.as_i64() {
        return Some(whole);
    }
    // Negative, infinite and overflowing numbers are refused by this conversion.
    let floored = number.as_f64()?.floor();
    i64::try_from(Duration::try_from_secs_f64(floored).ok()?.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: &Value) -> Claims {
        Claims::from_map(value.as_object().unwrap().clone())
    }

    fn time_of(number: &str) -> Result<Option<i64>, ClaimError> {
        claims(&serde_json::from_str(&format!("{{\"exp\":{number}}}")).unwrap()).time("exp")
    }

    #[test]
    fn times_are_numbers_within_the_calendar() {
        for (written, seconds) in [
            ("0", 0),
            ("1300819380", 1_300_819_380),
            ("1300819380.9", 1_300_819_380),
            ("1e10", 10_000_000_000),
            ("-0.0", 0),
            ("253402300799", LAST_SECOND),
            ("253402300799.5", LAST_SECOND),
        ] {
            assert_eq!(time_of(written), Ok(Some(seconds)), "{written}");
        }
        assert_eq!(claims(&json!({})).time("exp"), Ok(None));
    }

    #[test]
    fn j08_j09_a_wrong_type_is_never_absent() {
        for written in [
            "\"9999999999\"",
            "\"99999999999\"",
            "null",
            "true",
            "[]",
            "{}",
            "[1]",
            "-1",
            "-0.5",
            "253402300800",
            "9223372036854775807",
            "9223372036854775808",
            "1e30",
            "1e300",
            "-9223372036854775809",
        ] {
            let wrong = ClaimError::WrongType { name: "exp".into() };
            assert_eq!(time_of(written), Err(wrong), "{written}");
        }
    }

    #[test]
    fn j12_text_is_text() {
        let claims = claims(&json!({"jti": "", "sub": 1, "iss": null, "a": ["x"]}));
        assert_eq!(claims.text("jti"), Ok(Some("")));
        assert_eq!(claims.text("absent"), Ok(None));
        for name in ["sub", "iss", "a"] {
            assert_eq!(claims.text(name), Err(ClaimError::WrongType { name: name.into() }));
        }
    }

    #[test]
    fn j10_audience_keeps_its_form() {
        let audience = |value| claims(&json!({ "aud": value })).audience().map(|found| format!("{found:?}"));
        assert_eq!(audience(json!("a")).unwrap(), "Some(One(\"a\"))");
        assert_eq!(audience(json!(["a", "b"])).unwrap(), "Some(Many([\"a\", \"b\"]))");
        assert_eq!(audience(json!([])).unwrap(), "Some(Many([]))");
        assert_eq!(claims(&json!({})).audience(), Ok(None));
        for wrong in [json!(1), json!(null), json!({"a": 1}), json!(["a", 1]), json!([["a"]])] {
            assert!(audience(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_names_are_printed() {
        assert_eq!(format!("{:?}", claims(&json!({"sub": "smith"}))), "Claims[\"sub\"]");
    }
}
