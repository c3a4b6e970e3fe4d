//! What a registration may say, and what not.

use super::*;

fn whole() -> Value {
    json!({"title": "FHIR", "url": "https://fhir.example/r4", "scope": "system/*.cruds",
        "token_format": "opaque", "token_signing_alg": "RS256", "token_seconds": 60,
        "audiences": ["https://fhir.example/r4/", "https://old.example/r4"],
        "introspection_clients": ["reader"],
        "capabilities": ["launch-standalone", "https://fhir.example/capability"],
        "user_access_brand_bundle": "https://brand.example/bundle?v=1",
        "user_access_brand_identifier": {"system": "urn:ietf:rfc:3986", "value": "urn:x:1"},
        "smart_style_url": "https://style.example/style.json",
        "associated_endpoints": [{"url": "https://state.example", "capabilities": ["smart-app-state"]}],
        "patients": "search", "patients_restricted_by": "general-practitioner"})
}

fn named(value: &Value) -> Vec<String> {
    let problems = ResourceMetadata::parse(value.as_object().unwrap()).err().unwrap_or_default();
    problems.into_iter().map(|problem| problem.field).collect()
}

#[test]
fn a_registration_is_read_back_as_it_was_written() {
    let value = whole();
    let metadata = ResourceMetadata::parse(value.as_object().unwrap()).unwrap();
    let written = Value::Object(metadata.to_json());
    for (name, said) in value.as_object().unwrap() {
        assert_eq!(&written[name], said, "{name}");
    }
    let least = json!({"title": "FHIR", "url": "https://fhir.example/r4", "scope": "system/*.cruds"});
    for value in [written, least] {
        let first = ResourceMetadata::parse(value.as_object().unwrap()).unwrap().to_json();
        assert_eq!(ResourceMetadata::parse(&first).unwrap().to_json(), first);
    }
}

#[test]
fn each_member_that_is_wrong_is_named() {
    let value = json!({"title": 1, "url": "http://x", "scope": "", "kind": "soap", "token_format": "saml",
        "token_signing_alg": "ES384", "token_seconds": 3601, "extra": 1});
    assert_eq!(
        named(&value),
        ["title", "url", "kind", "scope", "token_format", "token_signing_alg", "token_seconds", "extra"]
    );
}

#[test]
fn each_member_of_a_fhir_server_that_is_wrong_is_named_by_its_place() {
    let rows = [
        (json!({"audiences": "https://a.example"}), "audiences"),
        (json!({"audiences": ["http://a.example"]}), "audiences[0]"),
        (json!({"audiences": ["https://a.example", "https://a.example"]}), "audiences[1]"),
        (json!({"audiences": ["https://a.example", "https://fhir.example/r4"]}), "audiences[1]"),
        (json!({"introspection_clients": ["a b"]}), "introspection_clients[0]"),
        (json!({"introspection_clients": {"a": 1}}), "introspection_clients"),
        (json!({"capabilities": ["Launch"]}), "capabilities[0]"),
        (json!({"capabilities": ["launch-ehr", "launch-ehr"]}), "capabilities[1]"),
        (json!({"capabilities": "launch-ehr"}), "capabilities"),
        (json!({"user_access_brand_bundle": "http://brand.example"}), "user_access_brand_bundle"),
        (json!({"user_access_brand_bundle": "https://u:p@brand.example"}), "user_access_brand_bundle"),
        (json!({"user_access_brand_bundle": null}), "user_access_brand_identifier"),
        (json!({"user_access_brand_identifier": "x"}), "user_access_brand_identifier"),
        (json!({"user_access_brand_identifier": {}}), "user_access_brand_identifier.value"),
        (
            json!({"user_access_brand_identifier": {"value": "x", "system": "no uri"}}),
            "user_access_brand_identifier.system",
        ),
        (
            json!({"user_access_brand_identifier": {"value": "x", "use": "official"}}),
            "user_access_brand_identifier.use",
        ),
        (json!({"smart_style_url": "https://style.example/#x"}), "smart_style_url"),
        (json!({"smart_style_url": "javascript:alert(1)"}), "smart_style_url"),
        (json!({"associated_endpoints": {}}), "associated_endpoints"),
        (json!({"associated_endpoints": ["https://state.example"]}), "associated_endpoints[0]"),
        (json!({"associated_endpoints": [{}]}), "associated_endpoints[0].url"),
        (json!({"associated_endpoints": [{"url": "/state"}]}), "associated_endpoints[0].url"),
        (
            json!({"associated_endpoints": [{"url": "https://a.example", "capabilities": [1]}]}),
            "associated_endpoints[0].capabilities[0]",
        ),
        (
            json!({"associated_endpoints": [{"url": "https://a.example"}, {"url": "https://a.example"}]}),
            "associated_endpoints[1].url",
        ),
        (json!({"patients": "all"}), "patients"),
        (json!({"patients": "registered"}), "patients_restricted_by"),
        (json!({"patients_restricted_by": "organization:missing"}), "patients_restricted_by"),
        (json!({"patients_restricted_by": "general-practitioner.name"}), "patients_restricted_by"),
    ];
    for (members, place) in rows {
        let mut value = whole();
        for (name, member) in members.as_object().unwrap() {
            value[name] = member.clone();
        }
        assert!(named(&value).iter().any(|found| found == place), "{members}: {:?}", named(&value));
    }
    let mut api = whole();
    api["kind"] = json!("api");
    assert_eq!(named(&api).len(), members::OF_FHIR_SERVERS.len() + 1, "{:?}", named(&api));
}
