//! OpenID Connect Discovery 1.0, 3.

use serde_json::{Map, Value, json};

use crate::keys::keyring::ALGORITHMS;

use super::endpoints::Addresses;
use super::oauth;

/// The provider's document: what RFC 8414 has, and what OpenID Connect adds.
#[must_use]
pub fn document(at: &Addresses) -> Map<String, Value> {
    let mut document = oauth::document(at);
    let algorithms: Vec<&str> = ALGORITHMS.iter().map(|algorithm| algorithm.as_str()).collect();
    document.insert("subject_types_supported".to_owned(), json!(["public"]));
    document.insert("id_token_signing_alg_values_supported".to_owned(), json!(algorithms));
    document
}
