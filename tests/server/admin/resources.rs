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
        ("audiences", json!("https://lab.example/r4/")),
        ("introspection_clients", json!("reader")),
        ("capabilities", json!("launch-ehr")),
        ("user_access_brand_bundle", json!("http://brand.example")),
        ("user_access_brand_identifier", json!({"value": "x"})),
        ("smart_style_url", json!("data:text/css,x")),
        ("associated_endpoints", json!({})),
        ("patients", json!("all")),
        ("patients_restricted_by", json!("general-practitioner")),
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

#[tokio::test]
async fn sm_d_14_sm_d_22_what_a_registration_refers_to_is_there_and_what_it_cannot_have_is_named() {
    let world = World::start().await;
    let rows = [
        (json!({"audiences": ["https://lab.example/r4"]}), "audiences[0]"),
        (json!({"audiences": ["https://x.example", world.issuer_url("/admin/")]}), "audiences[1]"),
        (json!({"audiences": [world.issuer()]}), "audiences[0]"),
        (json!({"audiences": [world.issuer_url("/oauth2/userinfo")]}), "audiences[0]"),
        (json!({"url": world.issuer_url("/oauth2/userinfo")}), "url"),
        (json!({"introspection_clients": ["nobody"]}), "introspection_clients[0]"),
        (json!({"capabilities": ["permission-v2", "smart-app-state"]}), "capabilities[1]"),
        (json!({"capabilities": ["permission-v1"]}), "scope"),
        (json!({"kind": "api", "patients": "search"}), "patients"),
        (json!({"kind": "api", "capabilities": ["permission-v2"]}), "capabilities"),
    ];
    for (members, place) in rows {
        let mut document = lab();
        for (name, value) in members.as_object().unwrap() {
            document[name] = value.clone();
        }
        let refused = world.administer(Method::POST, RESOURCES, Some(document)).await;
        assert_eq!((refused.status, named(&refused)), (400, vec![place.to_owned()]), "{members}");
    }
    let refused = json!({"introspection_clients": ["nobody"]});
    let refused = world.administer(Method::PATCH, &format!("{RESOURCES}/fhir"), Some(refused)).await;
    assert_eq!((refused.status, named(&refused)), (400, vec!["introspection_clients[0]".to_owned()]));
    assert_eq!(world.database.count("select count(*) from resource").await, 2);
    assert_eq!(world.database.count("select count(*) from resource_audience").await, 2);
}

#[tokio::test]
async fn s01_sm_d_22_no_two_resource_servers_answer_to_the_same_name_however_fast_they_come() {
    let world = World::start().await;
    let taken = |name: &str, url: &str, audiences: Value| {
        json!({"name": name, "title": "x", "url": url,
        "scope": "system/*.rs", "audiences": audiences})
    };
    for document in [taken("a", "https://a.example", json!([FHIR])), taken("b", FHIR, json!([]))] {
        assert_eq!(world.administer(Method::POST, RESOURCES, Some(document)).await.status, 409);
    }
    let token = world.admin_token(ADMIN_SCOPES).await;
    let admin = world.mtls(&world.admin);
    // Eight at once: four that are there by that URL, four by a further audience, in either order.
    let shared = ["https://one.example", "https://two.example"];
    let documents = (0..8).map(|at| match at % 4 {
        0 => taken(&format!("n{at}"), shared[0], json!([shared[1]])),
        1 => taken(&format!("n{at}"), shared[1], json!([shared[0]])),
        2 => taken(&format!("n{at}"), &format!("https://{at}.example"), json!(shared)),
        _ => taken(&format!("n{at}"), &format!("https://{at}.example"), json!([shared[1], shared[0]])),
    });
    let answers = futures_util::future::join_all(
        documents.map(|document| admin.send(Method::POST, RESOURCES, Some(&token), Some(document))),
    )
    .await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    // Or they waited too long for the first, and are to come again.
    assert!(statuses[1..].iter().all(|status| [409, 503].contains(status)), "{statuses:?}");
    assert_eq!(world.database.count("select count(*) from resource").await, 3);

    let path = answers.iter().find_map(|answer| answer.header("location")).unwrap();
    let theirs = json!({"audiences": [FHIR]});
    assert_eq!(world.administer(Method::PATCH, path, Some(theirs)).await.status, 409);
    let ours = world.administer(Method::GET, path, None).await.json();
    assert_ne!(ours["audiences"], json!([FHIR]), "nothing of a refused change stays");
    assert_eq!(world.administer(Method::DELETE, path, None).await.status, 204);
    let again = taken("again", shared[0], json!([shared[1]]));
    assert_eq!(world.administer(Method::POST, RESOURCES, Some(again)).await.status, 201, "free again");
}
