//! `POST /launch`: who may launch what, and what the answer says.

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use super::app;
use crate::harness::{Backend, Browser, Ehr, FHIR, LAUNCH_URL, World, encoded};
use crate::token::reasons;

#[tokio::test]
async fn sm_l_02_the_answer_is_a_handle_and_the_page_of_the_app_to_open() {
    let world = World::start().await;
    let (ehr, app) = (Ehr::register(&world, json!({})).await, app(&world, json!({})).await);
    world.clinician().await;
    let answer = ehr.ask(&world, json!({"client_id": app.id, "user": "dr.lee", "patient": "p-7"})).await;
    assert_eq!((answer.status, answer.header("cache-control")), (201, Some("no-store")));
    let told = answer.json();
    let launch = told["launch"].as_str().unwrap();
    assert!(launch.starts_with("hlh_") && launch.len() >= 47, "{launch}");
    assert_eq!((&told["expires_in"], &told["iss"]), (&json!(300), &json!(FHIR)));
    let opened = url::Url::parse(told["launch_url"].as_str().unwrap()).unwrap();
    assert!(opened.as_str().starts_with(LAUNCH_URL));
    let pairs: Vec<(String, String)> = opened.query_pairs().into_owned().collect();
    assert_eq!(pairs, [("iss".to_owned(), FHIR.to_owned()), ("launch".to_owned(), launch.to_owned())]);
    let again =
        ehr.ask(&world, json!({"client_id": app.id, "user": "dr.lee", "patient": "p-7"})).await.json();
    assert_ne!(again["launch"], told["launch"]);
    let record = &world.audit("launch.create").await[0];
    assert_eq!((&record["client"], &record["target"]), (&json!(ehr.backend.id), &json!(app.id)));
    assert_eq!((&record["patient"], &record["audience"]), (&json!("p-7"), &json!(FHIR)));
    assert!(!record.to_string().contains(launch), "no record holds a handle");
}

#[tokio::test]
async fn what_cannot_be_launched_is_refused_by_the_name_of_the_member_and_nothing_is_kept() {
    let world = World::start().await;
    let (ehr, app) = (Ehr::register(&world, json!({})).await, app(&world, json!({})).await);
    let lee = world.clinician().await;
    let elsewhere = super::app(&world, json!({"resources": [crate::harness::OPAQUE]})).await;
    let without = super::app(&world, json!({"scope": "openid patient/*.rs"})).await;
    let nowhere = super::app(&world, json!({"launch_urls": []})).await;
    let two = super::app(&world, json!({"launch_urls": [LAUNCH_URL, "https://app.example/other"]})).await;
    let right = json!({"client_id": app.id, "user": "dr.lee", "patient": "p-7"});
    for (change, field) in [
        (json!({"client_id": "unknown"}), "client_id"),
        (json!({"client_id": elsewhere.id}), "client_id"),
        (json!({"client_id": without.id}), "client_id"),
        (json!({"client_id": nowhere.id}), "client_id"),
        (json!({"client_id": ehr.backend.id}), "client_id"),
        (json!({"client_id": two.id}), "launch_url"),
        (json!({"launch_url": "https://evil.example/launch"}), "launch_url"),
        (json!({"user": "nobody"}), "user"),
        (json!({"user": "Practitioner/nobody"}), "user"),
        (json!({"patient": "Patient/p-7"}), "patient"),
        (json!({"patient": null, "encounter": "e-1"}), "patient"),
        (json!({"need_patient_banner": "true"}), "need_patient_banner"),
        (json!({"fhirContext": ["ImagingStudy/1"]}), "fhirContext[0]"),
        (json!({"fhirContext": [{"reference": "Patient/1"}]}), "fhirContext[0]"),
        (json!({"aud": "https://other.example"}), "aud"),
    ] {
        let mut body = right.clone();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = ehr.ask(&world, body).await;
        let told = answer.json();
        assert_eq!((answer.status, &told["errors"][0]["field"]), (400, &json!(field)), "{change}: {told}");
    }
    let path = format!("/admin/v1/users/{}/disable", lee.subject);
    assert_eq!(world.administer(Method::POST, &path, None).await.status, 200);
    assert_eq!(ehr.ask(&world, right).await.json()["errors"][0]["field"], "user");
    assert!(reasons(&world, "launch.create").await.iter().all(|reason| reason == "launch_malformed"));
    assert_eq!(world.database.count("select count(*) from launch").await, 0);
}

#[tokio::test]
async fn only_an_ehr_with_launch_write_launches_and_only_for_its_own_fhir_server() {
    let world = World::start().await;
    let (ehr, app, lee) =
        (Ehr::register(&world, json!({})).await, app(&world, json!({})).await, world.clinician().await);
    let body = json!({"client_id": app.id, "user": "dr.lee"});
    let send = |token: Option<String>, body: Option<Value>| {
        let peer = world.public();
        async move { peer.send(Method::POST, "/launch", token.as_deref(), body).await }
    };
    let answer = send(None, Some(body.clone())).await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")));
    assert_eq!(send(Some("hat_nothing".to_owned()), Some(body.clone())).await.status, 401);
    // Another back-end of the same FHIR server.
    let other = Backend::register(&world, Algorithm::Es384, json!({})).await;
    let token = other.ask(&world, &world.public(), "system/Patient.rs").await.token();
    let answer = send(Some(token), Some(body.clone())).await;
    assert_eq!((answer.status, &answer.json()["error"]), (403, &json!("insufficient_scope")));
    // A person's app, whatever its registration says.
    let scope = "openid launch.write user/Patient.rs";
    let theirs = super::app(&world, json!({"scope": scope})).await;
    let code = theirs.code(&mut Browser::new(&world), &lee, scope).await;
    let token = theirs.redeem(&world.public(), &code).await.token();
    assert_eq!(send(Some(token), Some(body.clone())).await.status, 403);
    // An EHR of another FHIR server cannot open an app that is registered for this one.
    let far = Ehr::register(&world, json!({"resources": [crate::harness::OPAQUE]})).await;
    assert_eq!(far.ask(&world, body.clone()).await.status, 400);
    // No form, no text, nothing that is not an object.
    let token = ehr.token(&world).await;
    let request = world.public().request(Method::POST, "/launch").bearer_auth(&token);
    let answer = encoded(request, &[("client_id", "x")]).send().await.unwrap();
    assert_eq!(answer.status(), 415);
    assert_eq!(send(Some(token), Some(json!([1]))).await.status, 400);
    assert_eq!(world.public().get("/launch").await.status, 405);
}
