//! OpenID Connect Discovery 1.0, 3.

use serde_json::{Map, Value, json};

use crate::policy::OWN_SCOPES;
use crate::tokens::id_token::ALGORITHMS;

use super::endpoints::Addresses;
use super::oauth;

/// The claims that id tokens and userinfo can hold.
const CLAIMS: [&str; 12] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "amr",
    "nonce",
    "at_hash",
    "fhirUser",
    "name",
    "preferred_username",
];

/// The provider's document: what RFC 8414 has, and what OpenID Connect adds.
#[must_use]
pub fn document(at: &Addresses) -> Map<String, Value> {
    let mut document = oauth::document(at);
    let algorithms: Vec<&str> = ALGORITHMS.iter().map(|algorithm| algorithm.as_str()).collect();
    let mut set = |name: &str, value: Value| document.insert(name.to_owned(), value);
    set("subject_types_supported", json!(["public"]));
    set("id_token_signing_alg_values_supported", json!(algorithms));
    set("scopes_supported", json!(OWN_SCOPES));
    set("claims_supported", json!(CLAIMS));
    set("claims_parameter_supported", json!(false));
    set("request_parameter_supported", json!(false));
    set("request_uri_parameter_supported", json!(false));
    set("prompt_values_supported", json!(["none", "login", "consent", "select_account"]));
    document
}
