//! What the rules grant, narrow and refuse.

use serde_json::{Value, json};

use super::*;
use crate::model::authorization::{Companions, SenderDemand, Subject};
use crate::model::client::ClientStatus;
use crate::moment::Timestamp;
use crate::pki::thumbprint::Thumbprint;
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::ids::ClientId;
use crate::protocol::resource_metadata::ResourceMetadata;

const LIFETIMES: Lifetimes = Lifetimes { system: 300, person: 900, exchange: 60 };

fn client(members: &Value) -> Client {
    let mut registration = json!({"client_name": "a", "organization": "b",
        "token_endpoint_auth_method": "private_key_jwt", "scope": "system/*.rs capacity.read"});
    for (name, value) in members.as_object().unwrap() {
        registration[name] = value.clone();
    }
    let epoch = Timestamp::UNIX_EPOCH;
    Client {
        id: ClientId::parse("c").unwrap(),
        status: ClientStatus::Active,
        metadata: ClientMetadata::parse(registration.as_object().unwrap()).unwrap(),
        version: 1,
        tokens_not_before: epoch,
        created_at: epoch,
        updated_at: epoch,
        provenance: crate::model::registration::Provenance::ADMINISTRATOR,
    }
}

fn authorization(asked: &str) -> Authorization {
    let resource = json!({"title": "f", "url": "https://fhir.example/r4", "token_seconds": 120,
        "scope": "system/Patient.cruds system/Claim.cruds capacity.read"});
    Authorization {
        grant_type: "client_credentials",
        subject: Subject::Client(ClientId::parse("c").unwrap()),
        details: AuthorizationDetails::default(),
        asked: if asked.is_empty() { ScopeSet::default() } else { ScopeSet::parse(asked).unwrap() },
        resource: ResourceMetadata::parse(resource.as_object().unwrap()).unwrap(),
        sender: SenderDemand::AsRegistered,
        companions: Companions::default(),
        descent: None,
    }
}

fn ask(client: &Client, strength: Strength, asked: &str) -> Result<Permit, &'static str> {
    let question = Question { client, strength, binding: None, lifetimes: LIFETIMES };
    decide(&question, authorization(asked)).map_err(|denial| denial.refusal.reason().code())
}

#[test]
fn sm_b_02_what_overlaps_is_granted_and_nothing_more() {
    let client = client(&json!({}));
    let rows = [
        ("system/Patient.rs", "system/Patient.rs"),
        ("system/Patient.cruds", "system/Patient.rs"),
        ("system/Patient.r system/Observation.rs", "system/Patient.r"),
        ("system/Claim.rs system/Patient.rs", "system/Claim.rs system/Patient.rs"),
        ("system/Patient.read", "system/Patient.read"),
        ("system/Patient.r capacity.read system/Patient.s", "system/Patient.rs capacity.read"),
    ];
    for (asked, granted) in rows {
        let permit = ask(&client, Strength::PrivateKey, asked).unwrap();
        assert_eq!(permit.scope().to_string(), granted, "{asked}");
    }
}

#[test]
fn what_is_narrowed_to_as_many_scopes_is_recorded_as_narrowed() {
    let client = client(&json!({}));
    let rows = [
        ("system/Patient.cruds", "client_scope"),
        ("system/Patient.rs", "granted_as_asked"),
        ("system/Patient.r system/Patient.s", "granted_as_asked"),
        ("system/Patient.rs system/Observation.rs", "resource_scope"),
    ];
    for (asked, rule) in rows {
        assert_eq!(ask(&client, Strength::PrivateKey, asked).unwrap().rule(), rule, "{asked}");
    }
}

#[test]
fn sm_b_01_s09_e04_e06_other_scopes_are_refused() {
    let client = client(&json!({}));
    let rows = [
        ("", "scope_missing"),
        ("patient/Patient.rs", "scope_level"),
        ("user/Patient.rs system/Patient.rs", "scope_level"),
        ("openid system/Patient.rs", "scope_of_a_person"),
        ("http://openid.net/specs/openid-connect-core-1_0#openid system/Patient.rs", "scope_of_a_person"),
        ("launch/patient", "scope_of_a_person"),
        ("offline_access", "scope_of_a_person"),
        ("system/Patient.c", "scope_not_registered_for_client"),
        ("admin/clients.read", "scope_not_registered_for_client"),
        ("system/Observation.rs", "scope_not_registered_for_resource"),
        ("system/Patient.sr", "scope_not_registered_for_client"),
    ];
    for (asked, reason) in rows {
        assert_eq!(ask(&client, Strength::PrivateKey, asked).unwrap_err(), reason, "{asked:?}");
    }
}

#[test]
fn sm_b_07_h_10_a_secret_opens_no_system_scope() {
    let client = client(&json!({}));
    assert_eq!(
        ask(&client, Strength::SharedSecret, "system/Patient.rs").unwrap_err(),
        "system_scope_with_secret"
    );
    assert_eq!(ask(&client, Strength::Named, "capacity.read").unwrap_err(), "public_client");
    assert!(ask(&client, Strength::SharedSecret, "capacity.read").is_ok());
}

#[test]
fn mt_05_a_client_registered_for_bound_tokens_gets_no_other() {
    let client = client(&json!({"tls_client_certificate_bound_access_tokens": true}));
    let reason = ask(&client, Strength::PrivateKey, "system/Patient.rs").unwrap_err();
    assert_eq!(reason, "certificate_required_by_registration");
    let binding = Binding::to_certificate(&Thumbprint::of_der(b"certificate"));
    let question = Question {
        client: &client,
        strength: Strength::PrivateKey,
        binding: Some(&binding),
        lifetimes: LIFETIMES,
    };
    assert!(decide(&question, authorization("system/Patient.rs")).is_ok());
}

#[test]
fn dp_05_fp_03_a_key_binds_as_a_certificate_does_and_each_for_whom_it_is_registered() {
    let certificate = Binding::to_certificate(&Thumbprint::of_der(b"certificate"));
    let key = Binding::to_key("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    let certificates = json!({"tls_client_certificate_bound_access_tokens": true});
    let keys = json!({"dpop_bound_access_tokens": true});
    let both = json!({"tls_client_certificate_bound_access_tokens": true, "dpop_bound_access_tokens": true});
    let fapi = json!({"profile": "fapi2"});
    for (members, binding, expected) in [
        (&keys, None, Some("proof_required_by_registration")),
        (&keys, Some(&certificate), Some("proof_required_by_registration")),
        (&keys, Some(&key), None),
        (&both, Some(&certificate), Some("proof_required_by_registration")),
        (&both, Some(&key), None),
        (&certificates, Some(&key), Some("certificate_required_by_registration")),
        (&certificates, Some(&certificate), None),
        (&fapi, None, Some("binding_required_by_profile")),
        (&fapi, Some(&key), None),
        (&fapi, Some(&certificate), None),
    ] {
        let client = client(members);
        let strength = Strength::PrivateKey;
        let question = Question { client: &client, strength, binding, lifetimes: LIFETIMES };
        let refused = decide(&question, authorization("system/Patient.rs")).err();
        assert_eq!(refused.map(|denial| denial.refusal.reason().code()), expected, "{members} {binding:?}");
        let always = Authorization { sender: SenderDemand::Always, ..authorization("system/Patient.rs") };
        assert_eq!(decide(&question, always).is_ok(), expected.is_none());
    }
}

#[test]
fn a_token_lives_no_longer_than_the_server_or_the_resource_says() {
    let client = client(&json!({}));
    assert_eq!(ask(&client, Strength::PrivateKey, "system/Patient.rs").unwrap().seconds(), 120);
}
