//! Authorization server metadata (RFC 8414, 2).

use serde_json::{Map, Value, json};

use crate::clients::methods::METHODS;
use crate::grants::GRANTS;
use crate::jose::algorithm::Algorithm;
use crate::sender::CONSTRAINTS;

use super::endpoints::{ALIASED, Addresses, JWKS};

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
        set(&format!("{name}_auth_methods_supported"), json!(methods()));
        set(&format!("{name}_auth_signing_alg_values_supported"), json!(algorithms()));
        aliases.insert(name.to_owned(), json!(at.mtls.join(path)));
    }
    set("mtls_endpoint_aliases", Value::Object(aliases));
    set("grant_types_supported", json!(grants()));
    // No grant of this release begins at an authorization endpoint.
    set("response_types_supported", json!([]));
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

/// The names of the client authentication methods.
#[must_use]
pub fn methods() -> Vec<&'static str> {
    METHODS.iter().map(|method| method.name()).collect()
}

/// The algorithms of client assertions.
#[must_use]
pub fn algorithms() -> Vec<&'static str> {
    let all = METHODS.iter().flat_map(|method| method.algorithms());
    all.map(|algorithm: &Algorithm| algorithm.as_str()).collect()
}
