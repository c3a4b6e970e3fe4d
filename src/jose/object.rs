//! JSON objects as JOSE wants them: unique member names, bounded nesting, no NUL.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::{Map, Value};
use thiserror::Error;

/// How deep arrays and objects may be nested.
pub const MAX_DEPTH: usize = 32;

/// Why a text is not an acceptable JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ObjectError {
    /// It is not JSON, or not an object.
    #[error("not a JSON object")]
    Malformed,
    /// A member name occurs more than once.
    #[error("a member name occurs more than once")]
    RepeatedMember,
    /// Arrays and objects are nested beyond [`MAX_DEPTH`].
    #[error("nested too deeply")]
    TooDeep,
    /// A name or a text has the character NUL.
    #[error("a text has the character NUL")]
    Nul,
}

/// Reads one JSON object. A repeated name is refused, since two readers could differ on which
/// of its values counts (RFC 7515, 4; RFC 7519, 4). NUL, escaped or not, has no meaning in any text of a standard, and
/// no database column holds it.
///
/// # Errors
/// The text is not JSON or not an object, repeats a member, is nested too deeply, or has a NUL.
pub fn parse_object(text: &[u8]) -> Result<Map<String, Value>, ObjectError> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let members = reader.deserialize_map(UniqueMembers).map_err(|_| ObjectError::Malformed)?;
    reader.end().map_err(|_| ObjectError::Malformed)?;
    let members = members.ok_or(ObjectError::RepeatedMember)?;
    // The object itself is the first level.
    if !members.values().all(|value| is_shallow(value, MAX_DEPTH - 1)) {
        return Err(ObjectError::TooDeep);
    }
    if members.iter().any(is_nul_in) { Err(ObjectError::Nul) } else { Ok(members) }
}

/// Whether a name or a text of a value has the character NUL. Its depth must have been bounded.
#[must_use]
pub fn has_nul(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(members) => members.iter().any(is_nul_in),
    }
}

fn is_nul_in((name, value): (&String, &Value)) -> bool {
    name.contains('\0') || has_nul(value)
}

/// The recursion is bounded by `levels`.
fn is_shallow(value: &Value, levels: usize) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        Value::Array(items) => levels > 0 && items.iter().all(|item| is_shallow(item, levels - 1)),
        Value::Object(members) => levels > 0 && members.values().all(|member| is_shallow(member, levels - 1)),
    }
}

/// Yields nothing when a name was repeated.
struct UniqueMembers;

impl<'de> Visitor<'de> for UniqueMembers {
    type Value = Option<Map<String, Value>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        let mut repeated = false;
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            repeated |= members.insert(name, value).is_some();
        }
        Ok((!repeated).then_some(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> String {
        format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels))
    }

    #[test]
    fn objects_are_read_strictly() {
        assert!(parse_object(b" {\"a\": [1, {\"b\": null}]} ").is_ok());
        for bad in ["", "[]", "1", "null", "\"{}\"", "{} {}", "{\"a\":1,}", "{a:1}", "{\"a\":1e999}"] {
            assert_eq!(parse_object(bad.as_bytes()), Err(ObjectError::Malformed), "{bad}");
        }
        assert_eq!(parse_object(b"{\"a\":\"\xff\"}"), Err(ObjectError::Malformed));
    }

    #[test]
    fn a_repeated_name_is_refused_however_it_is_spelled() {
        for bad in [r#"{"alg":"RS384","alg":"none"}"#, r#"{"alg":1,"b":2,"\u0061lg":1}"#] {
            assert_eq!(parse_object(bad.as_bytes()), Err(ObjectError::RepeatedMember), "{bad}");
        }
    }

    #[test]
    fn a_nul_is_refused_wherever_it_stands() {
        for bad in [
            r#"{"iss":"a\u0000"}"#,
            r#"{"\u0000":1}"#,
            r#"{"keys":[{"kid":"\u0000"}]}"#,
            r#"{"a":[[{"b\u0000":null}]]}"#,
        ] {
            assert_eq!(parse_object(bad.as_bytes()), Err(ObjectError::Nul), "{bad}");
        }
        assert_eq!(parse_object(b"{\"a\":\"\0\"}"), Err(ObjectError::Malformed));
        assert!(parse_object(br#"{"a":"\\u0000","b":"\u0001"}"#).is_ok());
    }

    #[test]
    fn j15_depth_is_bounded() {
        assert!(parse_object(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(parse_object(nested(MAX_DEPTH + 1).as_bytes()), Err(ObjectError::TooDeep));
        assert_eq!(parse_object(nested(5000).as_bytes()), Err(ObjectError::Malformed));
    }
}
