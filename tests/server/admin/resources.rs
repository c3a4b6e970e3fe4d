//! Resource servers over the admin API.

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use super::clients::named;
use crate::harness::{ADMIN_SCOPES, Answer, Backend, FHIR, World};

const RESOURCES: &str = "/admin/v1/resources";

fn lab() -> Value {
    json!({"name": "lab", "title": "Laboratory", "url": "https://lab.example/r4", "scope": "system/Observation.rs"})
}

#[tokio::test]
async fn a_resource_server_lives_from_its_registration_to_its_deletion() {
    let world = World::start().await;
    let created = world.administer(Method::POST, RESOURCES, Some(lab())).await;
    let public = world.public();
    assert_eq!((created.status, created.header("etag")), (201, Some("\"1\"")));
    let path = format!("{RESOURCES}/lab");
    assert_eq!(created.header("location"), Some(path.as_str()));
    assert_eq!((&created.json()["kind"], &created.json()["token_format"]), (&json!("fhir"), &json!("jwt")));
    assert_eq!(world.administer(Method::GET, &path, None).await.json(), created.json());
    for taken in [lab(), json!({"name": "lab2", "title": "x", "url": FHIR, "scope": "system/*.rs"})] {
        assert_eq!(world.administer(Method::POST, RESOURCES, Some(taken)).await.status, 409);
    }

    let members = json!({"resources": ["https://lab.example/r4"], "scope": "system/Observation.rs"});
    let client = Backend::register(&world, Algorithm::Es256, members).await;
    let ask = || client.ask(&world, &public, "system/Observation.rs");
    let granted = ask().await.granted();
    assert_eq!(granted["expires_in"], 300);

    let token = world.admin_token(ADMIN_SCOPES).await;
    let patch = |etag: &'static str| {
        let request = world.mtls(&world.admin).request(Method::PATCH, &path).bearer_auth(&token);
        request.header("if-match", etag).json(&json!({"token_seconds": 60})).send()
    };
    assert_eq!(Answer::read(patch("\"7\"").await.unwrap()).await.status, 412);
    let patched = Answer::read(patch("\"1\"").await.unwrap()).await;
    assert_eq!((patched.status, &patched.json()["token_seconds"]), (200, &json!(60)));
    let granted = ask().await.granted();
    assert_eq!(granted["expires_in"], 60);

    let replaced = json!({"title": "Lab", "url": "https://lab.example/r4", "scope": "system/Observation.r"});
    let replaced = world.administer(Method::PUT, &path, Some(replaced)).await.json();
    assert!(replaced.get("token_seconds").is_none() && replaced["title"] == "Lab", "{replaced}");
    let moved = json!({"title": "Lab", "url": "https://elsewhere.example", "scope": "system/Observation.r"});
    assert_eq!(named(&world.administer(Method::PUT, &path, Some(moved)).await), ["url"]);
    assert_eq!(
        world.administer(Method::GET, RESOURCES, None).await.json()["items"].as_array().unwrap().len(),
        3
    );

    assert_eq!(world.administer(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(world.administer(Method::GET, &path, None).await.status, 404);
    ask().await.refused(400, "invalid_target");
}

#[tokio::test]
async fn d03_d12_every_bad_member_of_a_resource_server_is_refused_and_named() {
    let world = World::start().await;
    let token = world.admin_token(ADMIN_SCOPES).await;
    let admin = world.mtls(&world.admin);
    let rows = [
        ("name", json!("Lab")),
        ("name", json!("-lab")),
        ("name", json!("../lab")),
        ("name", json!("a".repeat(64))),
        ("name", Value::Null),
        ("title", Value::Null),
        ("title", json!("a\r\nSet-Cookie: x")),
        ("url", Value::Null),
        ("url", json!("http://lab.example")),
        ("url", json!("https://lab.example/#x")),
        ("url", json!("https://lab.example/?x")),
        ("url", json!("https://u@lab.example/")),
        ("url", json!("file:///etc/passwd")),
        ("url", json!(world.issuer_url("/admin"))),
        ("scope", Value::Null),
        ("scope", json!("a\"b")),
        ("kind", json!("soap")),
        ("token_format", json!("saml")),
        ("token_signing_alg", json!("none")),
        ("token_seconds", json!(3601)),
        ("token_seconds", json!(29)),
        ("version", json!(1)),
        ("created_at", json!(1)),
        ("log_file", json!("/tmp/x")),
    ];
    for (member, value) in rows {
        let mut document = lab();
        document[member] = value.clone();
        let refused = admin.send(Method::POST, RESOURCES, Some(&token), Some(document)).await;
        assert_eq!((refused.status, named(&refused)), (400, vec![member.to_owned()]), "{member}: {value}");
    }
    let refused = admin
        .send(Method::PATCH, "/admin/v1/resources/fhir", Some(&token), Some(json!({"name": "mine"})))
        .await;
    assert_eq!((refused.status, named(&refused)), (400, vec!["name".to_owned()]));
    assert_eq!(world.database.count("select count(*) from resource").await, 2);
}
