//! A payer's back-end, from its registration to the end of its token.

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Backend, FHIR, FhirServer, World, registration};

#[tokio::test]
async fn a_payers_back_end_gets_a_bound_token_that_is_introspected_refused_elsewhere_and_revoked_everywhere()
{
    let world = World::with_processes(2).await;
    let fhir_server =
        Backend::register(&world, Algorithm::Es256, json!({"introspects": [FHIR], "scope": null})).await;
    let certificate = world.authority.client("https://payer.example/");
    let members = json!({"tls_client_certificate_bound_access_tokens": true});
    let payer = Backend::register(&world, Algorithm::Es384, members).await;

    let granted = payer.ask(&world, &world.mtls(&certificate), "system/Claim.cruds").await.granted();
    assert_eq!((granted["token_type"].as_str(), granted["expires_in"].as_i64()), (Some("Bearer"), Some(300)));
    let token = granted["access_token"].as_str().unwrap();

    let told = fhir_server.introspect(&world, &world.public(), token).await.active();
    assert_eq!(told["cnf"]["x5t#S256"], certificate.thumbprint());
    assert_eq!((told["client_id"].as_str(), told["aud"].as_str()), (Some(payer.id.as_str()), Some(FHIR)));
    assert_eq!(told["scope"], "system/Claim.cruds");
    // The FHIR server serves it over the connection of its own certificate, and no other.
    let server = FhirServer::start(&world.authority, &told);
    assert_eq!(server.read_patient(token, &certificate), 200);
    assert_eq!(server.read_patient(token, &world.authority.client("https://thief.example/")), 401);

    let revoked = payer.revoke(&world, &world.public(), token).await;
    assert_eq!((revoked.status, revoked.text.as_str()), (200, ""));
    fhir_server.introspect(&world, &world.public_of(1), token).await.inactive();
    fhir_server.introspect(&world, &world.public(), token).await.inactive();
}

#[tokio::test]
async fn certificates_issued_or_self_signed_authenticate_and_bind() {
    let world = World::start().await;
    let issued = world.authority.client("https://payer.example/system");
    let members = json!({"tls_client_auth_san_uri": "https://payer.example/system"});
    let id = world.register(registration("tls_client_auth", members)).await;
    let form =
        [("grant_type", "client_credentials"), ("client_id", id.as_str()), ("scope", "system/Claim.rs")];
    let token = world.mtls(&issued).post("/oauth2/token", &form).await.token();
    assert_eq!(claims(&token)["cnf"]["x5t#S256"], issued.thumbprint());

    let own = crate::harness::Identity::self_signed("payer");
    let members = json!({"jwks": {"keys": [own.jwk()]}});
    let id = world.register(registration("self_signed_tls_client_auth", members)).await;
    let form =
        [("grant_type", "client_credentials"), ("client_id", id.as_str()), ("scope", "system/Claim.rs")];
    let token = world.mtls(&own).post("/oauth2/token", &form).await.token();
    assert_eq!(claims(&token)["cnf"]["x5t#S256"], own.thumbprint());

    let read = world.administer(Method::GET, &format!("/admin/v1/clients/{id}"), None).await;
    assert_eq!(read.json()["token_endpoint_auth_method"], "self_signed_tls_client_auth");
}

/// The claims of a JWT, unverified.
fn claims(token: &str) -> serde_json::Value {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&hilum::jose::base64url::decode(payload).expect("base64url")).expect("JSON")
}
