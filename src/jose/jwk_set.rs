//! A set of public keys (RFC 7517, 5), and the choice of one of them.

use std::collections::HashSet;

use serde_json::{Value, json};
use thiserror::Error;

use super::algorithm::Algorithm;
use super::jwk::{Jwk, JwkError, refuse_secrets};

/// The public keys of one party.
#[derive(Clone, Debug)]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

/// What is wrong with a set of keys, told to those who register it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JwkSetError {
    /// Not an object with an array of keys.
    #[error("a key set must be a JSON object with an array named keys")]
    NotASet,
    /// Too few or too many keys.
    #[error("a key set must have 1 to 32 keys; it has {count}")]
    Count {
        /// The number found.
        count: usize,
    },
    /// One of the keys is not acceptable.
    #[error("keys[{index}]: {error}")]
    Key {
        /// Its place, counted from zero.
        index: usize,
        /// What is wrong with it.
        error: JwkError,
    },
    /// Two keys have the same identifier, so that neither could be chosen.
    #[error("keys[{index}]: another key has the same kid")]
    RepeatedKid {
        /// The place of the second, counted from zero.
        index: usize,
    },
}

/// Why no key can be chosen (SM-CA-10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyChoiceError {
    /// No key has the identifier and fits the algorithm.
    #[error("no key matches")]
    NoneMatches,
    /// More than one key has the identifier and is of the algorithm's kind.
    #[error("more than one key matches")]
    SeveralMatch,
}

impl JwkSet {
    /// The most keys in a set.
    pub const MAX_KEYS: usize = 32;

    /// Reads a set that is being registered: every key must be acceptable and have a `kid` of
    /// its own (SM-CA-11).
    ///
    /// # Errors
    /// The set, or one of its keys, is not acceptable; the place of the key is told.
    pub fn parse(value: &Value) -> Result<Self, JwkSetError> {
        let items = items(value)?;
        if items.is_empty() {
            return Err(JwkSetError::Count { count: 0 });
        }
        let mut seen = HashSet::new();
        let mut keys = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let key = Jwk::parse(item).map_err(|error| JwkSetError::Key { index, error })?;
            let missing = JwkError::Missing { member: "kid" };
            let kid = key.kid().ok_or(JwkSetError::Key { index, error: missing })?;
            if !seen.insert(kid.to_owned()) {
                return Err(JwkSetError::RepeatedKid { index });
            }
            keys.push(key);
        }
        Ok(Self { keys })
    }

    /// Reads a set that was fetched. Keys we cannot use are passed over (RFC 7517, 5), but a set
    /// that shows secret material is refused as a whole, and so is one of too many keys (K04).
    /// Repeated identifiers are kept: choosing among them must fail.
    ///
    /// # Errors
    /// The set is malformed, too large, or shows a private or symmetric key.
    pub fn parse_fetched(value: &Value) -> Result<Self, JwkSetError> {
        let items = items(value)?;
        for (index, item) in items.iter().enumerate() {
            let members = item.as_object().ok_or(JwkError::NotAnObject);
            members.and_then(refuse_secrets).map_err(|error| JwkSetError::Key { index, error })?;
        }
        Ok(Self { keys: items.iter().filter_map(|item| Jwk::parse(item).ok()).collect() })
    }

    /// The keys, in their order.
    #[must_use]
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    /// Whether any key has this identifier.
    #[must_use]
    pub fn has_kid(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == Some(kid))
    }

    /// The one key with this identifier whose kind is the algorithm's (SM-CA-10).
    ///
    /// # Errors
    /// None or several match, or the one that does is limited to another algorithm.
    pub fn select(&self, kid: &str, algorithm: Algorithm) -> Result<&Jwk, KeyChoiceError> {
        // Counted by kind, not by fitness: two keys of a kind are ambiguous even if only one fits.
        let mut candidates =
            self.keys.iter().filter(|key| key.kid() == Some(kid) && key.key_type() == algorithm.key_type());
        let key = candidates.next().ok_or(KeyChoiceError::NoneMatches)?;
        if candidates.next().is_some() {
            return Err(KeyChoiceError::SeveralMatch);
        }
        if key.accepts(algorithm) { Ok(key) } else { Err(KeyChoiceError::NoneMatches) }
    }

    /// The set in canonical form.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "keys": self.keys.iter().map(Jwk::to_json).collect::<Vec<_>>() })
    }
}

fn items(value: &Value) -> Result<&Vec<Value>, JwkSetError> {
    let items = value.get("keys").and_then(Value::as_array).ok_or(JwkSetError::NotASet)?;
    let count = items.len();
    if count > JwkSet::MAX_KEYS { Err(JwkSetError::Count { count }) } else { Ok(items) }
}
