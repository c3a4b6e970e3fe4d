//! `POST /oauth2/register` (RFC 7591, 3).

use reqwest::Method;
use serde_json::json;

use super::{Own, REGISTER, app, invited, not_authorized, reasons, register, world};
use crate::harness::{Answer, App, Browser, FHIR, World, key};

#[tokio::test]
async fn dc_01_the_answer_is_all_that_was_registered_and_the_client_works() {
    let world = world().await;
    let token = invited(&world, json!({})).await;
    let answer = register(&world, Some(&token), app(json!({"token_endpoint_auth_method": null,
        "response_types": ["code"], "contacts": ["ops@app.example"], "software_id": "growth", "software_version": "2",
        "client_uri": "https://app.example/", "logo_uri": "https://app.example/l.png", "unheard_of": 7,
        "policy_uri": "https://app.example/p", "tos_uri": "https://app.example/t", "application_type": "web"})))
    .await;
    assert_eq!((answer.status, answer.header("cache-control")), (201, Some("no-store")));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    assert!(answer.header("access-control-allow-origin").is_none());
    let own = Own::of(&world, &answer);
    for (member, value) in [
        ("client_name", json!("Growth Chart")),
        ("redirect_uris", json!(["https://app.example/cb"])),
        ("grant_types", json!(["authorization_code", "refresh_token"])),
        ("response_types", json!(["code"])),
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("scope", json!(super::SCOPE)),
        ("resources", json!([FHIR])),
        ("contacts", json!(["ops@app.example"])),
        ("software_id", json!("growth")),
        ("software_version", json!("2")),
        ("client_uri", json!("https://app.example/")),
        ("logo_uri", json!("https://app.example/l.png")),
        ("policy_uri", json!("https://app.example/p")),
        ("tos_uri", json!("https://app.example/t")),
        ("application_type", json!("web")),
        ("organization", json!("Acme Health")),
        ("client_secret_expires_at", json!(0)),
    ] {
        assert_eq!(own.document[member], value, "{member}");
    }
    assert!(own.document.get("unheard_of").is_none(), "RFC 7591, 2: what is not understood is left out");
    assert!(own.document["client_id_issued_at"].is_i64());
    assert!(own.token.starts_with("hra_"));
    let pat = world.patient_person().await;
    let mut client = App::known(&own.id, "https://app.example/cb", world.issuer());
    client.credential =
        crate::harness::Credential::Secret(own.document["client_secret"].as_str().unwrap().to_owned());
    let code = client.code(&mut Browser::new(&world), &pat, "openid launch/patient patient/Patient.rs").await;
    client.redeem(&world.public(), &code).await.granted();

    let record = &world.audit("registration.create").await[0];
    assert_eq!((&record["outcome"], &record["client"]), (&json!("granted"), &json!(own.id)));
    assert_eq!((&record["target"], &record["client_organization"]), (&json!(own.id), &json!("Acme Health")));
    assert!(record["detail"].as_str().unwrap().starts_with("by initial_access_token "), "{record}");
    let shown = world.administer(Method::GET, &format!("/admin/v1/clients/{}", own.id), None).await.json();
    assert_eq!(
        (&shown["registered_by"], &shown["approved_at"]),
        (&json!("initial_access_token"), &json!(null))
    );
    assert!(record["detail"].as_str().unwrap().ends_with(shown["registered_with"].as_str().unwrap()));
    let listed = world.command(&["client", "list"], "").expect_success();
    assert!(listed.contains("initial_access_token") && listed.contains("administrator"), "{listed}");
}

#[tokio::test]
async fn dc_01_a_client_without_a_secret_is_given_none() {
    let world = world().await;
    let own = Own::registered(&world, json!({})).await;
    let key = key(hilum::jose::algorithm::Algorithm::Es384);
    let members =
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key.public_jwk("k1")]}});
    let signed = Own::registered(&world, members).await;
    for own in [own, signed] {
        assert!(own.document.get("client_secret").is_none(), "{}", own.document);
        assert!(own.document.get("client_secret_expires_at").is_none());
    }
}

#[tokio::test]
async fn dc_02_nobody_registers_without_leave() {
    let world = world().await;
    let anonymous = register(&world, None, app(json!({}))).await;
    not_authorized(&anonymous);
    assert_eq!(anonymous.header("www-authenticate"), Some(r#"Bearer realm="hilum""#), "RFC 6750, 3.1");
    let admin = world.admin_token(crate::harness::ADMIN_SCOPES).await;
    let own = Own::registered(&world, json!({})).await;
    let spent = invited(&world, json!({"registrations": 1})).await;
    Own::of(&world, &register(&world, Some(&spent), app(json!({}))).await);
    for token in ["x", "hia_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &admin, &own.token, &spent] {
        let refused = register(&world, Some(token), app(json!({}))).await;
        not_authorized(&refused);
        assert!(refused.header("www-authenticate").unwrap().contains(r#"error="invalid_token""#));
    }
    let basic =
        world.public().request(Method::POST, REGISTER).basic_auth("a", Some("b")).json(&app(json!({})));
    not_authorized(&Answer::read(basic.send().await.unwrap()).await);
    let known =
        ["initial_access_token_spent", "initial_access_token_unknown", "token_unreadable", "token_missing"];
    let found = reasons(&world, "registration.create").await;
    assert!(known.iter().all(|reason| found.iter().any(|found| found == reason)), "{found:?}");
    assert_eq!(
        world.database.count("select count(*) from client where registered_by <> 'administrator'").await,
        2
    );
}

#[tokio::test]
async fn the_last_registration_of_a_token_is_had_once() {
    let world = world().await;
    let token = invited(&world, json!({"registrations": 2})).await;
    let ask = || register(&world, Some(&token), app(json!({})));
    let answers = tokio::join!(ask(), ask(), ask(), ask(), ask());
    let statuses = [answers.0.status, answers.1.status, answers.2.status, answers.3.status, answers.4.status];
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 2, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 201 | 401)), "{statuses:?}");
    // A registration that is refused uses none up.
    let token = invited(&world, json!({"registrations": 1})).await;
    register(&world, Some(&token), app(json!({"redirect_uris": ["x"]})))
        .await
        .refused(400, "invalid_redirect_uri");
    Own::of(&world, &register(&world, Some(&token), app(json!({}))).await);
}

#[tokio::test]
async fn what_is_no_json_object_is_refused_by_its_form() {
    let world = world().await;
    let token = invited(&world, json!({})).await;
    let rows = [
        (Some("application/json"), "{", 400, "invalid_client_metadata"),
        (Some("application/json"), "", 400, "invalid_client_metadata"),
        (Some("application/json"), "[]", 400, "invalid_client_metadata"),
        (
            Some("application/json"),
            r#"{"client_name":"a","client_name":"b"}"#,
            400,
            "invalid_client_metadata",
        ),
        (Some("application/x-www-form-urlencoded"), "client_name=a", 415, "invalid_request"),
        (Some("text/json"), "{}", 415, "invalid_request"),
        (None, "{}", 415, "invalid_request"),
    ];
    for (kind, body, status, error) in rows {
        let mut request = world.public().request(Method::POST, REGISTER).bearer_auth(&token).body(body);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        Answer::read(request.send().await.unwrap()).await.refused(status, error);
    }
    let long = app(json!({"client_name": "a".repeat(70_000)}));
    register(&world, Some(&token), long).await.refused(413, "invalid_request");
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        let answer = world.public().send(method.clone(), REGISTER, Some(&token), None).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
        let one = world.public().send(Method::POST, "/oauth2/register/x", Some(&token), None).await;
        assert_eq!((one.status, one.header("allow")), (405, Some("GET, PUT, DELETE")));
    }
}

#[tokio::test]
async fn it_is_off_unless_it_is_wanted() {
    let world = World::start().await;
    let token = invited(&world, json!({})).await;
    for (method, path) in [
        (Method::POST, REGISTER),
        (Method::GET, REGISTER),
        (Method::GET, "/oauth2/register/x"),
        (Method::PUT, "/oauth2/register/x"),
        (Method::DELETE, "/oauth2/register/x"),
        (Method::PATCH, "/oauth2/register/x"),
    ] {
        let answer = world.public().send(method.clone(), path, Some(&token), Some(app(json!({})))).await;
        assert_eq!(answer.status, 404, "{method} {path}");
    }
    let paths = [
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/.well-known/smart-configuration",
    ];
    for path in paths {
        assert!(!world.public().get(path).await.text.contains("registration_endpoint"), "{path}");
    }
    let world = super::world().await;
    for path in paths {
        let document = world.public().get(path).await.json();
        assert_eq!(document["registration_endpoint"], world.issuer_url(REGISTER), "{path}");
        let alias = document["mtls_endpoint_aliases"]["registration_endpoint"].as_str().unwrap();
        assert_eq!(alias, format!("https://localhost:{}{REGISTER}", world.processes[0].mtls));
    }
}
