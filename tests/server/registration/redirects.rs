//! A client that registered itself sends nobody on before they had a say (RFC 9700, 4.11.2).

use reqwest::Method;
use serde_json::json;

use super::{Own, world};
use crate::harness::{ADMIN_SCOPES, Answer, App, Browser, World};

const SCOPE: &str = "openid launch/patient patient/Patient.rs";
const CALLBACK: &str = "https://app.example/cb";

async fn approve(world: &World, own: &Own) {
    let read = world.administer(Method::GET, &format!("/admin/v1/clients/{}", own.id), None).await;
    let approved = approve_seen(world, own, read.header("etag")).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
}

/// Approves a client in the version that was looked at.
pub async fn approve_seen(world: &World, own: &Own, etag: Option<&str>) -> Answer {
    let token = world.admin_token(ADMIN_SCOPES).await;
    let path = format!("/admin/v1/clients/{}/approve", own.id);
    let request = world.mtls(&world.admin).request(Method::POST, &path).bearer_auth(token);
    let request = match etag {
        Some(etag) => request.header("if-match", etag),
        None => request,
    };
    Answer::read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn r20_an_error_of_a_client_that_nobody_approved_is_a_page() {
    let world = world().await;
    let own = Own::registered(&world, json!({})).await;
    let (app, pat) = (App::known(&own.id, CALLBACK, world.issuer()), world.patient_person().await);
    let mut signed_in = Browser::new(&world);
    signed_in.authorize(&app.authorize_url(SCOPE), &pat).await.code();
    let rows = [
        (SCOPE, vec![("prompt", "none"), ("scope", "openid patient/*.rs")], "consent_required"),
        ("unheard/of", vec![], "invalid_scope"),
        ("unheard/of", vec![("prompt", "none")], "invalid_scope"),
        (SCOPE, vec![("response_type", "token")], "unsupported_response_type"),
        (SCOPE, vec![("code_challenge", "")], "invalid_request"),
        (SCOPE, vec![("prompt", "none login")], "invalid_request"),
        (SCOPE, vec![("aud", "https://elsewhere.example")], "invalid_request"),
        (SCOPE, vec![("prompt", "none"), ("max_age", "0")], "login_required"),
        (SCOPE, vec![("request", "x")], ""),
    ];
    for (scope, change, _) in &rows {
        let page = signed_in.open(&app.authorize_with(scope, change)).await;
        assert!((400..500).contains(&page.answer.status), "{change:?}: {:?}", page.answer);
        page.shows(page.answer.status);
    }
    let silent = app.authorize_with(SCOPE, &[("prompt", "none")]);
    Browser::new(&world).open(&silent).await.shows(400);
    signed_in.open(&silent).await.code();
    approve(&world, &own).await;
    for (scope, change, error) in &rows {
        if !error.is_empty() {
            signed_in.open(&app.authorize_with(scope, change)).await.told(CALLBACK, error, Some(&app.state));
        }
    }
    Browser::new(&world).open(&silent).await.told(CALLBACK, "login_required", Some(&app.state));
    assert_eq!(world.audit("client.approve").await[0]["target"], json!(own.id));
}

#[tokio::test]
async fn r20_whoever_said_no_is_sent_back() {
    let world = world().await;
    let own = Own::registered(&world, json!({})).await;
    let (app, pat) = (App::known(&own.id, CALLBACK, world.issuer()), world.patient_person().await);
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url(SCOPE)).await;
    let page = browser.sign_in(&page, &pat).await;
    browser.deny(&page).await.told(CALLBACK, "access_denied", Some(&app.state));
}

#[tokio::test]
async fn r20_a_client_that_changes_itself_is_not_the_one_that_was_approved() {
    let world = world().await;
    let own = Own::registered(&world, json!({})).await;
    let app = App::known(&own.id, CALLBACK, world.issuer());
    approve(&world, &own).await;
    let silent = app.authorize_with(SCOPE, &[("prompt", "none")]);
    // Said again as it stands, it is the same.
    assert_eq!(own.put(&world, json!({})).await.status, 200);
    Browser::new(&world).open(&silent).await.told(CALLBACK, "login_required", Some(&app.state));
    assert_eq!(
        own.put(&world, json!({"redirect_uris": [CALLBACK, "https://evil.test/cb"]})).await.status,
        200
    );
    Browser::new(&world).open(&silent).await.shows(400);
    let ran = world.command(&["client", "approve", &own.id], "").expect_success();
    assert!(ran.contains("approved_at"), "{ran}");
    Browser::new(&world).open(&silent).await.told(CALLBACK, "login_required", Some(&app.state));
    // What an administrator registers needs no approval.
    let by_admin = App::public(&world, json!({})).await;
    let shown =
        world.administer(Method::GET, &format!("/admin/v1/clients/{}", by_admin.id), None).await.json();
    assert!(shown.get("approved_at").is_none() && shown["registered_by"] == "administrator");
}

#[tokio::test]
async fn r20_an_approval_is_of_the_version_that_was_looked_at() {
    let world = world().await;
    let own = Own::registered(&world, json!({})).await;
    let path = format!("/admin/v1/clients/{}", own.id);
    let seen = world.administer(Method::GET, &path, None).await;
    let seen = seen.header("etag").unwrap();
    assert_eq!(own.put(&world, json!({"redirect_uris": ["https://evil.test/cb"]})).await.status, 200);
    for (etag, status) in [(None, 428), (Some("*"), 428), (Some(seen), 412), (Some("x"), 412)] {
        let answer = approve_seen(&world, &own, etag).await;
        assert_eq!(answer.status, status, "{etag:?}: {}", answer.text);
    }
    let version = seen.trim_matches('"');
    let stale = world.command(&["client", "approve", &own.id, "--seen-version", version], "");
    assert!(!stale.0.status.success());
    let shown = world.administer(Method::GET, &path, None).await;
    assert_eq!(shown.json()["approved_at"], json!(null));
    let approved = approve_seen(&world, &own, shown.header("etag")).await;
    assert!(approved.status == 200 && approved.json()["approved_at"].is_number(), "{}", approved.text);
}

#[tokio::test]
async fn r20_what_somebody_agreed_to_sends_nobody_to_an_address_that_the_client_has_put_since() {
    const ELSEWHERE: &str = "https://evil.test/cb";
    let world = world().await;
    let own = Own::registered(&world, json!({})).await;
    let (app, pat) = (App::known(&own.id, CALLBACK, world.issuer()), world.patient_person().await);
    let elsewhere = App::known(&own.id, ELSEWHERE, world.issuer());
    let mut browser = Browser::new(&world);
    browser.authorize(&app.authorize_url(SCOPE), &pat).await.code();
    browser.open(&app.authorize_url(SCOPE)).await.code();

    let members = json!({"redirect_uris": [CALLBACK, ELSEWHERE]});
    assert_eq!(own.put(&world, members.clone()).await.status, 200);
    for app in [&app, &elsewhere] {
        browser.open(&app.authorize_with(SCOPE, &[("prompt", "none")])).await.shows(400);
        assert!(browser.open(&app.authorize_url(SCOPE)).await.asks_for_consent());
    }

    // Nor does what is agreed to on a page that was there before.
    let before = browser.open(&app.authorize_url(SCOPE)).await;
    assert_eq!(own.put(&world, members).await.status, 200);
    browser.allow(&before).await.shows(403);
    assert!(browser.open(&elsewhere.authorize_url(SCOPE)).await.asks_for_consent());

    // Whoever is asked about the client as it is now, has agreed to it.
    browser.authorize(&app.authorize_url(SCOPE), &pat).await.code();
    browser.open(&app.authorize_with(SCOPE, &[("prompt", "none")])).await.code();
}
