//! `authorization_details` (RFC 9396): what a client wants to do, said by objects of known types instead of scopes.

pub mod prior_authorization;
pub mod schema;
mod strict;
pub mod words;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use crate::jose::thumbprint::sha256_base64url;

use super::error::{ErrorCode, Reason, Refusal};
use prior_authorization::PriorAuthorization;

/// The longest parameter that is read, in bytes.
pub const LONGEST: usize = 16_384;
/// The most details of one request.
const MOST: usize = 20;
/// How deep they may be nested, the array and its objects included.
const DEEPEST: usize = 8;
/// The longest name of a type, in bytes.
const LONGEST_TYPE: usize = 128;

/// The members whose lists say less when they are shorter (RFC 9396, 2.2). Every other member narrows nothing.
const LISTS: [&str; 4] = ["locations", "actions", "datatypes", "privileges"];

/// What a client asks for, or was granted, beside its scopes. None are asked for by an absent parameter.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AuthorizationDetails(Vec<Detail>);

/// One of them: an object with a `type`.
#[derive(Clone, PartialEq, Eq)]
pub struct Detail(Map<String, Value>);

/// The refusal of details, whatever is wrong with them (RFC 9396, 5).
#[must_use]
pub const fn refusal(told: &'static str, reason: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidAuthorizationDetails, told, Reason::new(reason))
}

/// Whether a text can be the name of a type that is registered here; it stands in a path of the admin API.
#[must_use]
pub fn is_type_name(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
    let begins = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    begins && text.len() <= LONGEST_TYPE && text.bytes().all(known)
}

impl AuthorizationDetails {
    /// Reads the parameter: an array of objects, each with a `type`. Whether the types are known, and their members
    /// right, is judged apart.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text.len() > LONGEST {
            return Err(refusal("authorization_details are too long", "authorization_details_too_long"));
        }
        let malformed = |detail: String| {
            let told = "authorization_details must be a JSON array of objects, each with a type";
            refusal(told, "authorization_details_malformed").detail(detail)
        };
        let value = strict::parse(text, DEEPEST).map_err(|error| malformed(error.to_string()))?;
        let details = Self::read(value).map_err(|says| malformed(says.to_owned()))?;
        if details.is_empty() { Err(malformed("none".to_owned())) } else { Ok(details) }
    }

    fn read(value: Value) -> Result<Self, &'static str> {
        let Value::Array(items) = value else { return Err("no array") };
        if items.len() > MOST {
            return Err("too many");
        }
        let mut details: Vec<Detail> = Vec::with_capacity(items.len());
        for item in items {
            let detail = match item {
                Value::Object(members) if members.get("type").is_some_and(Value::is_string) => {
                    Detail(members)
                }
                Value::Object(_) => return Err("no type"),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    return Err("no object");
                }
            };
            if !details.contains(&detail) {
                details.push(detail);
            }
        }
        Ok(Self(details))
    }

    /// Reads what was kept; `None` when it is of another form.
    #[must_use]
    pub fn of_stored(value: Value) -> Option<Self> {
        Self::read(value).ok()
    }

    /// The details in order.
    pub fn iter(&self) -> impl Iterator<Item = &Detail> {
        self.0.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether everything that is asked for is among these, or less than one of them. No two of them are added up.
    #[must_use]
    pub fn covers(&self, asked: &Self) -> bool {
        asked.iter().all(|asked| self.covers_one(asked))
    }

    fn covers_one(&self, asked: &Detail) -> bool {
        self.iter().any(|held| held.covers(asked))
    }

    /// Those of them that some others cover.
    #[must_use]
    pub fn within(&self, others: &Self) -> Self {
        self.kept(|detail| others.covers_one(detail))
    }

    /// Those of them that are wanted.
    #[must_use]
    pub fn kept(&self, wanted: impl Fn(&Detail) -> bool) -> Self {
        Self(self.iter().filter(|detail| wanted(detail)).cloned().collect())
    }

    /// These and others, without what another one covers.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        let mut all = self.clone();
        for other in others.iter().filter(|other| !self.covers_one(other)) {
            all.0.retain(|known| !other.covers(known));
            all.0.push(other.clone());
        }
        all
    }

    /// The patients whom they name.
    pub fn patients(&self) -> impl Iterator<Item = String> {
        let named = self.iter().filter_map(Detail::prior_authorization);
        named.map(|request| request.patient)
    }

    /// Their types, each once.
    #[must_use]
    pub fn types(&self) -> Vec<String> {
        let mut types: Vec<String> = self.iter().map(|detail| detail.kind().to_owned()).collect();
        types.sort();
        types.dedup();
        types
    }

    /// The array on the wire.
    #[must_use]
    pub fn to_json(&self) -> Value {
        Value::Array(self.iter().map(|detail| Value::Object(detail.0.clone())).collect())
    }
}

impl Detail {
    /// Its `type`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    /// Its members, `type` among them.
    #[must_use]
    pub const fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// What it says, when it is of the type for prior authorization and says that rightly.
    #[must_use]
    pub fn prior_authorization(&self) -> Option<PriorAuthorization> {
        let is_meant = self.kind() == prior_authorization::TYPE;
        is_meant.then(|| PriorAuthorization::parse(&self.0).ok()).flatten()
    }

    /// Where it is good, as far as it says (RFC 9396, 2.2); what is no text names no place.
    pub fn locations(&self) -> impl Iterator<Item = &str> {
        let listed = self.0.get("locations").into_iter();
        let listed =
            listed.flat_map(|value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice));
        listed.map(|place| place.as_str().unwrap_or_default())
    }

    /// By what a form names it.
    #[must_use]
    pub fn key(&self) -> String {
        sha256_base64url(Value::Object(self.0.clone()).to_string().as_bytes())
    }

    /// Whether another says the same, or less: every member is as here, but for lists of which some is left out.
    fn covers(&self, asked: &Self) -> bool {
        let as_held = |(name, asked): (&String, &Value)| match self.0.get(name) {
            Some(held) => held == asked || (LISTS.contains(&name.as_str()) && is_part(held, asked)),
            None => false,
        };
        self.0.keys().all(|name| asked.0.contains_key(name)) && asked.0.iter().all(as_held)
    }
}

/// Whether a list holds some of another, and at least something: an empty list may stand for all.
fn is_part(held: &Value, asked: &Value) -> bool {
    match (held, asked) {
        (Value::Array(held), Value::Array(asked)) => {
            !asked.is_empty() && asked.iter().all(|item| held.contains(item))
        }
        _ => false,
    }
}

impl fmt::Debug for AuthorizationDetails {
    /// They speak of patients: only their types are told.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

impl fmt::Debug for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl Serialize for AuthorizationDetails {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Detail::members))
    }
}

impl<'de> Deserialize<'de> for AuthorizationDetails {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
