//! Authorization server metadata (RFC 8414, 2).

use serde_json::{Map, Value, json};

use crate::clients::methods::METHODS;
use crate::config::features::Features;
use crate::grants::{self, Grant};
use crate::jose::algorithm::Algorithm;
use crate::keys::keyring::ALGORITHMS;
use crate::policy::Strength;
use crate::protocol::response_mode::ResponseMode;
use crate::sender::CONSTRAINTS;

use super::endpoints::{
    ALIASED, AUTHORIZE, Addresses, DEVICE_AUTHORIZATION, INTROSPECTION, JWKS, PUSHED, REGISTRATION, TOKEN,
    USERINFO,
};

/// The members that every document of this server shares.
#[must_use]
pub fn document(at: &Addresses, features: &Features) -> Map<String, Value> {
    let mut document = Map::new();
    let mut set = |name: &str, value: Value| document.insert(name.to_owned(), value);
    set("issuer", json!(at.issuer.as_str()));
    set("jwks_uri", json!(at.issuer.join(JWKS)));
    let mut aliases = Map::new();
    for (name, path) in ALIASED {
        set(name, json!(at.issuer.join(path)));
        // Where a token is the credential, no method of client authentication has a place; for pushed requests the
        // token endpoint's hold (RFC 9126, 5).
        if path != USERINFO && path != PUSHED {
            set(&format!("{name}_auth_methods_supported"), json!(methods_at(path, *features)));
            set(&format!("{name}_auth_signing_alg_values_supported"), json!(algorithms()));
        }
        aliases.insert(name.to_owned(), json!(at.mtls.join(path)));
    }
    if features.device_authorization {
        // RFC 8628, 4.
        let name = "device_authorization_endpoint";
        set(name, json!(at.issuer.join(DEVICE_AUTHORIZATION)));
        aliases.insert(name.to_owned(), json!(at.mtls.join(DEVICE_AUTHORIZATION)));
    }
    if features.dynamic_registration {
        set("registration_endpoint", json!(at.issuer.join(REGISTRATION)));
        aliases.insert("registration_endpoint".to_owned(), json!(at.mtls.join(REGISTRATION)));
    }
    set("mtls_endpoint_aliases", Value::Object(aliases));
    set("grant_types_supported", json!(grants(features)));
    set("authorization_endpoint", json!(at.issuer.join(AUTHORIZE)));
    set("response_types_supported", json!(["code"]));
    set("response_modes_supported", json!(response_modes()));
    set("authorization_signing_alg_values_supported", json!(signing_algorithms()));
    set("introspection_signing_alg_values_supported", json!(signing_algorithms()));
    set("code_challenge_methods_supported", json!(["S256"]));
    set("require_pushed_authorization_requests", json!(features.require_pushed));
    set("request_parameter_supported", json!(true));
    set("request_uri_parameter_supported", json!(false));
    set("require_signed_request_object", json!(false));
    set("request_object_signing_alg_values_supported", json!(algorithms()));
    set("authorization_response_iss_parameter_supported", json!(true));
    for (name, value) in CONSTRAINTS.iter().flat_map(|constraint| constraint.metadata()) {
        set(name, value);
    }
    document
}

/// The names of the grants.
#[must_use]
pub fn grants(features: &Features) -> Vec<&'static str> {
    grants::offered(features).map(Grant::grant_type).collect()
}

/// The names of the methods that can succeed at an endpoint.
fn methods_at(path: &str, features: Features) -> Vec<&'static str> {
    let least = match path {
        TOKEN => grants::offered(&features).map(Grant::least_strength).min(),
        // A public client proves nothing, and introspects nothing.
        INTROSPECTION => Some(Strength::SharedSecret),
        _ => None,
    };
    let able = METHODS.iter().filter(|method| least.is_none_or(|least| method.strength() >= least));
    able.map(|method| method.name()).collect()
}

/// The words of the response modes.
fn response_modes() -> Vec<&'static str> {
    ResponseMode::ALL.iter().map(|mode| mode.as_str()).chain([ResponseMode::JWT]).collect()
}

/// The algorithms of what this server signs for a client: those of which it has keys.
fn signing_algorithms() -> Vec<&'static str> {
    ALGORITHMS.iter().map(|algorithm| algorithm.as_str()).collect()
}

/// The algorithms of client assertions.
#[must_use]
pub fn algorithms() -> Vec<&'static str> {
    let all = METHODS.iter().flat_map(|method| method.algorithms());
    all.map(|algorithm: &Algorithm| algorithm.as_str()).collect()
}
