//! Pushed authorization requests (RFC 9126).

use reqwest::Method;
use serde_json::json;

use super::{PATIENT_SCOPE, reasons};
use crate::harness::{App, Backend, Browser, Database, FHIR, OPAQUE, World, query};
use hilum::jose::algorithm::Algorithm;

#[tokio::test]
async fn pa_01_j20_a_pushed_request_gets_one_code_however_often_it_is_opened() {
    let world = World::start().await;
    let person = world.patient_person().await;
    let public = world.public();
    for app in [App::public(&world, json!({})).await, App::asymmetric(&world, json!({})).await] {
        let pushed = app.push(&public, PATIENT_SCOPE, &[]).await;
        assert_eq!(pushed.status, 201, "{}", pushed.text);
        assert_eq!(
            (pushed.header("cache-control"), &pushed.json()["expires_in"]),
            (Some("no-store"), &json!(60))
        );
        let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
        assert!(uri.starts_with("urn:ietf:params:oauth:request_uri:"), "{uri}");

        // Opened and left twice, then gone through with.
        let address = app.pushed_url(&pushed);
        let mut browser = Browser::new(&world);
        for _ in 0..2 {
            assert!(Browser::new(&world).open(&address).await.asks_to_sign_in());
        }
        let page = browser.authorize(&address, &person).await;
        assert_eq!(page.param("state").as_deref(), Some(app.state.as_str()));
        app.redeem(&public, &page.code()).await.granted();

        browser.get(&address).await.shows(400);
        assert!(browser.get(&address).await.text().contains("begin again"));
    }
    assert!(reasons(&world, "authorize.begin").await.iter().all(|reason| reason == "pushed_request_used"));
    // Nothing was given by it yet: what comes of it is recorded.
    assert!(world.audit("authorize.push").await.is_empty());
    let record = &world.audit("authorize.respond").await[0];
    assert_eq!(record["outcome"], json!("granted"));
}

#[tokio::test]
async fn j20_of_two_ways_that_began_with_one_pushed_request_one_gets_a_code() {
    let world = World::start().await;
    let person = world.patient_person().await;
    let app = App::asymmetric(&world, json!({})).await;
    let address = app.pushed_url(&app.push(&world.public(), PATIENT_SCOPE, &[]).await);
    let mut pages = Vec::new();
    for _ in 0..2 {
        let mut browser = Browser::new(&world);
        let page = browser.open(&address).await;
        let page = browser.sign_in(&page, &person).await;
        assert!(page.asks_for_consent());
        pages.push((browser, page));
    }
    let (mut first, mut second) = (pages.remove(0), pages.remove(0));
    let (one, other) = tokio::join!(first.0.allow(&first.1), second.0.allow(&second.1));
    let (won, lost): (Vec<_>, Vec<_>) = [one, other].into_iter().partition(|page| page.answer.status == 303);
    assert_eq!((won.len(), lost.len()), (1, 1));
    app.redeem(&world.public(), &won[0].code()).await.granted();
    lost[0].shows(403);
}

/// What is changed of a request, the error for it, and the reason.
type Wrong<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

#[tokio::test]
async fn pa_04_r22_what_is_wrong_with_a_request_is_told_where_it_is_pushed() {
    let world = World::start().await;
    let app = App::asymmetric(&world, json!({"resources": [FHIR, OPAQUE]})).await;
    let evil = "https://evil.example/cb";
    let cases: [Wrong; 16] = [
        (&[("redirect_uri", evil)], "invalid_request", "redirect_uri_not_registered"),
        (&[("redirect_uri", "")], "invalid_request", "redirect_uri_missing"),
        (&[("request_uri", "urn:ietf:params:oauth:request_uri:x")], "invalid_request", "request_uri_pushed"),
        (&[("response_type", "")], "invalid_request", "missing_parameter"),
        (&[("response_type", "token")], "unsupported_response_type", "response_type"),
        (&[("response_type", "code id_token")], "unsupported_response_type", "response_type"),
        (&[("code_challenge", "")], "invalid_request", "pkce_missing"),
        (&[("code_challenge_method", "plain")], "invalid_request", "pkce_method"),
        (&[("scope", "")], "invalid_scope", "scope_missing"),
        (&[("scope", "system/Patient.rs")], "invalid_scope", "scope_of_a_system"),
        (&[("state", "")], "invalid_request", "state_missing"),
        (&[("aud", "")], "invalid_request", "aud_missing"),
        (&[("aud", "https://evil.test/r4")], "invalid_request", "resource_not_registered"),
        (&[("aud", ""), ("resource", "https://evil.test/r4")], "invalid_target", "resource_not_registered"),
        (&[("scope", "openid launch")], "invalid_request", "launch_missing"),
        (&[("id_token_hint", "no.id.token")], "invalid_request", "id_token_hint_unknown"),
    ];
    for (change, error, _) in cases {
        app.push(&world.public(), PATIENT_SCOPE, change).await.refused(400, error);
    }
    let expected: Vec<&str> = cases.iter().map(|(_, _, reason)| *reason).collect();
    assert_eq!(reasons(&world, "authorize.push").await, expected);
    assert_eq!(world.database.count("select count(*) from pushed_request").await, 0);
}

#[tokio::test]
async fn pa_01_a03_a_client_authenticates_to_push() {
    let world = World::start().await;
    let app = App::asymmetric(&world, json!({})).await;
    let pairs = app.request(PATIENT_SCOPE);
    let form: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let public = world.public();
    public.post("/oauth2/par", &form).await.refused(401, "invalid_client");
    let twice = [&form[..], &[("state", "again")]].concat();
    public.post("/oauth2/par", &twice).await.refused(400, "invalid_request");
    let get = public.request(Method::GET, "/oauth2/par").send().await.unwrap();
    assert_eq!((get.status().as_u16(), get.headers()["allow"].to_str().unwrap()), (405, "POST, OPTIONS"));
    let backend = Backend::register(&world, Algorithm::Es384, json!({})).await;
    let assertion = backend.assertion(&world).sign(&backend.key);
    let shown =
        [("client_assertion_type", crate::harness::ASSERTION_TYPE), ("client_assertion", assertion.as_str())];
    let other: Vec<(&str, &str)> = form.iter().copied().filter(|(name, _)| *name != "client_id").collect();
    public.post("/oauth2/par", &[&other[..], &shown].concat()).await.refused(400, "invalid_request");
    assert_eq!(world.database.count("select count(*) from pushed_request").await, 0);
}

#[tokio::test]
async fn pa_05_j20_a_request_uri_is_its_clients_alone_and_what_stands_beside_it_does_not_count() {
    let world = World::start().await;
    let person = world.patient_person().await;
    let app = App::asymmetric(&world, json!({})).await;
    let other = App::public(&world, json!({})).await;
    let pushed = app.push(&world.public(), PATIENT_SCOPE, &[]).await;
    let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    let mut browser = Browser::new(&world);
    let with = |client: &str, uri: &str, more: &[(&str, &str)]| {
        let mut pairs =
            vec![("client_id".to_owned(), client.to_owned()), ("request_uri".to_owned(), uri.to_owned())];
        pairs.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        format!("/oauth2/authorize?{}", query(&pairs))
    };
    browser.get(&with(&other.id, &uri, &[])).await.shows(400);
    browser.get(&with(&app.id, &format!("{uri}x"), &[])).await.shows(400);
    browser.get(&with(&app.id, &uri, &[("request", "a.b.c")])).await.shows(400);
    browser.get(&with(&app.id, &uri, &[("request_uri", &uri)])).await.shows(400);
    let beside = [("redirect_uri", "https://evil.example/cb"), ("state", "other"), ("scope", "openid")];
    let page = browser.authorize(&with(&app.id, &uri, &beside), &person).await;
    assert!(page.location().starts_with(&app.callback));
    assert_eq!(page.param("state").as_deref(), Some(app.state.as_str()));
    let granted = app.redeem(&world.public(), &page.code()).await.granted();
    assert!(granted["scope"].as_str().unwrap().contains("patient/"));
    let expected = [
        "pushed_request_of_another_client",
        "pushed_request_unknown",
        "request_and_request_uri",
        "repeated_parameter",
    ];
    assert_eq!(reasons(&world, "authorize.begin").await, expected);
}

#[tokio::test]
async fn pa_05_a_pushed_request_is_judged_again_when_the_browser_comes() {
    let world = World::start().await;
    let app = App::asymmetric(&world, json!({})).await;
    let path = format!("/admin/v1/clients/{}", app.id);
    let mut browser = Browser::new(&world);
    let pushed = app.push(&world.public(), PATIENT_SCOPE, &[]).await;
    world.administer(Method::PATCH, &path, Some(json!({"resources": []}))).await;
    browser.get(&app.pushed_url(&pushed)).await.told(&app.callback, "invalid_request", Some(&app.state));
    world.administer(Method::PATCH, &path, Some(json!({"redirect_uris": ["https://app.example/new"]}))).await;
    browser.get(&app.pushed_url(&pushed)).await.shows(400);
    world.administer(Method::PATCH, &path, Some(json!({"redirect_uris": [app.callback]}))).await;
    world
        .database
        .execute("update pushed_request set expires_at = created_at + interval '1 microsecond'")
        .await;
    browser.get(&app.pushed_url(&pushed)).await.shows(400);
    assert_eq!(
        reasons(&world, "authorize.begin").await.last().map(String::as_str),
        Some("pushed_request_expired")
    );
}

#[tokio::test]
async fn pa_06_where_requests_must_be_pushed_plain_ones_are_refused() {
    let world = World::start().await;
    let person = world.patient_person().await;
    let strict = App::public(&world, json!({"require_pushed_authorization_requests": true})).await;
    let mut browser = Browser::new(&world);
    let page = browser.get(&strict.authorize_url(PATIENT_SCOPE)).await;
    page.told(&strict.callback, "invalid_request", Some(&strict.state));
    let pushed = strict.push(&world.public(), PATIENT_SCOPE, &[]).await;
    browser.authorize(&strict.pushed_url(&pushed), &person).await.code();

    let more = "[features]\nrequire_pushed_authorization_requests = true\n";
    let world = World::configured(1, more, Database::url).await;
    let app = App::public(&world, json!({})).await;
    let page = Browser::new(&world).get(&app.authorize_url(PATIENT_SCOPE)).await;
    page.told(&app.callback, "invalid_request", Some(&app.state));
    assert_eq!(reasons(&world, "authorize.begin").await, ["pushed_request_missing"]);
    let document = world.public().get("/.well-known/openid-configuration").await.json();
    assert_eq!(document["require_pushed_authorization_requests"], json!(true));
}
