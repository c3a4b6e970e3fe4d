//! What the FHIR server can do (FHIR R4, CapabilityStatement), and where its tokens come from (SMART App
//! Launch 2.2, conformance).

use serde_json::{Value, json};

use crate::discovery::endpoints::{self, Addresses};

use super::compartment::TYPES;
use super::parameters;

/// Where older apps look for the endpoints.
const OAUTH_URIS: &str = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris";
const SECURITY_SERVICE: &str = "http://terminology.hl7.org/CodeSystem/restful-security-service";

/// The CapabilityStatement.
#[must_use]
pub fn statement(addresses: &Addresses, base: &str) -> Value {
    let uri = |name: &str, path: &str| json!({"url": name, "valueUri": addresses.issuer.join(path)});
    let uris = [
        uri("authorize", endpoints::AUTHORIZE),
        uri("token", endpoints::TOKEN),
        uri("introspect", endpoints::INTROSPECTION),
        uri("revoke", endpoints::REVOCATION),
    ];
    let types: Vec<Value> = TYPES.iter().map(|(kind, _)| of_type(kind)).collect();
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2024-01-01",
        "kind": "instance",
        "software": {"name": "Hilum sandbox", "version": env!("CARGO_PKG_VERSION")},
        "implementation": {"description": "A FHIR server whose patients do not exist", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [{
            "mode": "server",
            "security": {
                "cors": true,
                "service": [{"coding": [{"system": SECURITY_SERVICE, "code": "SMART-on-FHIR"}]}],
                "extension": [{"url": OAUTH_URIS, "extension": uris}],
            },
            "resource": types,
        }],
    })
}

fn of_type(kind: &str) -> Value {
    let interactions: Vec<Value> =
        ["read", "search-type", "create", "update", "delete"].map(|code| json!({"code": code})).to_vec();
    let parameters: Vec<Value> = parameters::of_type(kind)
        .map(|parameter| json!({"name": parameter.name, "type": parameter.kind.as_str()}))
        .collect();
    json!({"type": kind, "interaction": interactions, "versioning": "versioned", "readHistory": false,
        "updateCreate": false, "searchParam": parameters})
}
