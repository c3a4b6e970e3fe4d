//! What is registered for every test, and what tests register.

use hilum::jose::algorithm::Algorithm;
use hilum::jose::signing::SigningKey;
use serde_json::{Value, json};

/// The FHIR server whose tokens are JWTs.
pub const FHIR: &str = "https://fhir.example/r4";
/// The FHIR server whose tokens are opaque.
pub const OPAQUE: &str = "https://opaque.example/r4";
/// Every scope of the admin API.
pub const ADMIN_SCOPES: &str = hilum::admin::scopes::ALL;
/// The scopes of an administrator who approves certificates and could not have asked for them.
pub const APPROVER_SCOPES: &str = "admin/certificates.read admin/certificates.approve";

/// The password of every person.
pub const PASSWORD: &str = "violet tractor pencil";

/// A new key.
pub fn key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).expect("a key")
}

/// A registration for `client_credentials` at the FHIR server, with other members over it.
pub fn registration(method: &str, members: Value) -> Value {
    let mut document = json!({
        "client_name": "Payer", "organization": "Blue Test", "grant_types": ["client_credentials"],
        "resources": [FHIR], "scope": "system/Claim.cruds system/Patient.rs", "token_endpoint_auth_method": method,
    });
    for (name, value) in members.as_object().expect("an object") {
        if value.is_null() {
            document.as_object_mut().unwrap().remove(name);
        } else {
            document[name] = value.clone();
        }
    }
    document
}
