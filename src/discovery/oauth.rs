//! Authorization server metadata (RFC 8414, 2).

use serde_json::{Map, Value, json};

use crate::clients::methods::METHODS;
use crate::grants::GRANTS;
use crate::jose::algorithm::Algorithm;
use crate::policy::Strength;
use crate::sender::CONSTRAINTS;

use super::endpoints::{ALIASED, AUTHORIZE, Addresses, INTROSPECTION, JWKS, TOKEN, USERINFO};

/// The members that every document of this server shares.
#[must_use]
pub fn document(at: &Addresses) -> Map<String, Value> {
    let mut document = Map::new();
    let mut set = |name: &str, value: Value| document.insert(name.to_owned(), value);
    set("issuer", json!(at.issuer.as_str()));
    set("jwks_uri", json!(at.issuer.join(JWKS)));
    let mut aliases = Map::new();
    for (name, path) in ALIASED {
        set(name, json!(at.issuer.join(path)));
        // Where a token is the credential, no method of client authentication has a place.
        if path != USERINFO {
            set(&format!("{name}_auth_methods_supported"), json!(methods_at(path)));
            set(&format!("{name}_auth_signing_alg_values_supported"), json!(algorithms()));
        }
        aliases.insert(name.to_owned(), json!(at.mtls.join(path)));
    }
    set("mtls_endpoint_aliases", Value::Object(aliases));
    set("grant_types_supported", json!(grants()));
    set("authorization_endpoint", json!(at.issuer.join(AUTHORIZE)));
    set("response_types_supported", json!(["code"]));
    set("response_modes_supported", json!(["query"]));
    set("code_challenge_methods_supported", json!(["S256"]));
    set("authorization_response_iss_parameter_supported", json!(true));
    for (name, value) in CONSTRAINTS.iter().flat_map(|constraint| constraint.metadata()) {
        set(name, value);
    }
    document
}

/// The names of the grants.
#[must_use]
pub fn grants() -> Vec<&'static str> {
    GRANTS.iter().map(|grant| grant.grant_type()).collect()
}

/// The names of the methods that can succeed at an endpoint.
fn methods_at(path: &str) -> Vec<&'static str> {
    let least = match path {
        TOKEN => GRANTS.iter().map(|grant| grant.least_strength()).min(),
        // A public client proves nothing, and introspects nothing.
        INTROSPECTION => Some(Strength::SharedSecret),
        _ => None,
    };
    let able = METHODS.iter().filter(|method| least.is_none_or(|least| method.strength() >= least));
    able.map(|method| method.name()).collect()
}

/// The algorithms of client assertions.
#[must_use]
pub fn algorithms() -> Vec<&'static str> {
    let all = METHODS.iter().flat_map(|method| method.algorithms());
    all.map(|algorithm: &Algorithm| algorithm.as_str()).collect()
}
