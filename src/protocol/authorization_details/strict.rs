//! JSON as `authorization_details` want it: no member twice at any depth, bounded nesting, plain texts.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads one JSON value that is nested at most so deep.
pub(super) fn parse(text: &str, levels: usize) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict(levels).deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// A reader of values with so many levels left.
struct Strict(usize);

impl Strict {
    fn inner<E: Error>(&self) -> Result<usize, E> {
        self.0.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("no number"))
    }

    /// Control characters have no place in what people are shown, and the database keeps no NUL.
    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        plain(text).map(|text| Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let levels = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Strict(levels))? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let levels = self.inner()?;
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            plain::<A::Error>(&name)?;
            let value = access.next_value_seed(Strict(levels))?;
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member stands twice"));
            }
        }
        Ok(Value::Object(members))
    }
}

fn plain<E: Error>(text: &str) -> Result<&str, E> {
    if text.chars().any(char::is_control) { Err(E::custom("a control character")) } else { Ok(text) }
}
