//! OpenID Connect Discovery 1.0, 3.

use serde_json::{Map, Value, json};

use crate::config::features::Features;
use crate::policy::OWN_SCOPES;
use crate::protocol::{acr, standard_claims};
use crate::tokens::id_token::ALGORITHMS;

use super::endpoints::{Addresses, LOGOUT};
use super::oauth;

/// The claims that id tokens hold whoever the person is.
const CLAIMS: [&str; 11] =
    ["iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr", "sid", "nonce", "at_hash"];

/// The provider's document: what RFC 8414 has, and what OpenID Connect adds.
#[must_use]
pub fn document(at: &Addresses, features: &Features) -> Map<String, Value> {
    let mut document = oauth::document(at, features);
    let algorithms: Vec<&str> = ALGORITHMS.iter().map(|algorithm| algorithm.as_str()).collect();
    let mut set = |name: &str, value: Value| document.insert(name.to_owned(), value);
    set("subject_types_supported", json!(["public", "pairwise"]));
    set("id_token_signing_alg_values_supported", json!(algorithms));
    set("userinfo_signing_alg_values_supported", json!(algorithms));
    set("acr_values_supported", json!(acr::SUPPORTED));
    set("scopes_supported", json!(OWN_SCOPES));
    set("claim_types_supported", json!(["normal"]));
    set("claims_supported", json!(CLAIMS.into_iter().chain(standard_claims::names()).collect::<Vec<_>>()));
    set("claims_parameter_supported", json!(true));
    set("display_values_supported", json!(["page", "popup", "touch", "wap"]));
    set("ui_locales_supported", json!(["en"]));
    set("prompt_values_supported", json!(["none", "login", "consent", "select_account"]));
    set("end_session_endpoint", json!(at.issuer.join(LOGOUT)));
    set("backchannel_logout_supported", json!(true));
    set("backchannel_logout_session_supported", json!(true));
    document
}
