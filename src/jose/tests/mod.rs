//! Vectors of the RFCs, attacks by their number, and what must hold for any input.

mod attacks;
mod properties;
mod registration;
mod signatures;
mod vectors;

use serde_json::{Map, Value, json};

use super::{Algorithm, Jwk, SigningKey, base64url};

fn jwk(value: &Value) -> Jwk {
    Jwk::parse(value).unwrap()
}

fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).unwrap()
}

fn claims() -> Map<String, Value> {
    object(&json!({ "iss": "app", "exp": 1_300_819_380 }))
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// The value with these members put in; `null` takes a member out.
fn with(value: &Value, changes: &Value) -> Value {
    let mut members = object(value);
    for (name, change) in object(changes) {
        if change.is_null() {
            members.remove(&name);
        } else {
            members.insert(name, change);
        }
    }
    Value::Object(members)
}

/// A token of this very header and payload, correctly signed whatever it says.
fn signed(key: &SigningKey, header: &str, payload: &str) -> String {
    let (header, payload) = (base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()));
    let input = format!("{header}.{payload}");
    let signature = key.sign_bytes(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url::encode(&signature))
}
