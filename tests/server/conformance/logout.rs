//! RP-initiated and back-channel logout.

use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use hilum::jose::base64url;
use hilum::jose::jwk::Jwk;
use hilum::jose::jws::UnverifiedJws;
use hilum::jose::signing::SigningKey;
use serde_json::{Value, json};

use crate::harness::{World, eventually};
use crate::logout::{BACK, Scene, Told, address, is_logout_token, is_signed_in, logout_token};
use crate::token::{claims, header};

/// The state of the suite has 128 signs.
const STATE: &str = "Zk3~._-aA0:/?#[]@!$&'()*+,;=%20 \"<>\\^`{|}Zk3~._-aA0:/?#[]@!$&'()*+,;=%20 \"<>\\^`{|}Zk3~._-aA0:/?#[]@!$&'()*+,;=%20 \"<>\\^`{|}xyz";

async fn openid() -> Value {
    World::start().await.public().get("/.well-known/openid-configuration").await.json()
}

/// A scene, and what the suite sends when it changes nothing.
async fn begin() -> (Scene, Vec<(&'static str, String)>) {
    let scene = Scene::begin().await;
    let request = vec![
        ("id_token_hint", scene.id_token.clone()),
        ("post_logout_redirect_uri", BACK.to_owned()),
        ("state", STATE.to_owned()),
    ];
    (scene, request)
}

async fn send(scene: &mut Scene, request: &[(&'static str, String)]) -> crate::harness::Page {
    let request: Vec<(&str, &str)> = request.iter().map(|(name, value)| (*name, value.as_str())).collect();
    scene.ask(&request).await
}

fn without(request: &mut Vec<(&'static str, String)>, names: &[&str]) {
    request.retain(|(name, _)| !names.contains(name));
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    let document = openid().await;
    let endpoint = document["end_session_endpoint"].as_str().unwrap();
    assert!(endpoint.starts_with("https://") && endpoint.ends_with("/oauth2/logout"));
}

#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    let (mut scene, request) = begin().await;
    assert!(scene.is_signed_in().await);
    let page = send(&mut scene, &request).await;
    assert_eq!(page.answer.status, 303);
    assert!(page.location().starts_with(&format!("{BACK}?state=")));
    assert_eq!(page.param("state").as_deref(), Some(STATE));
    let sent = url::Url::parse(page.location()).unwrap();
    assert_eq!(sent.query_pairs().count(), 1, "and nothing else");
    assert!(!scene.is_signed_in().await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    let (mut scene, mut request) = begin().await;
    without(&mut request, &["post_logout_redirect_uri"]);
    request.push(("post_logout_redirect_uri", "https://app.example/signed-out/other".to_owned()));
    send(&mut scene, &request).await.shows(400);
    assert!(scene.is_signed_in().await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    let (mut scene, mut request) = begin().await;
    // Its algorithm is none now, with and without what was its signature.
    let mut head = header(&scene.id_token);
    head["alg"] = json!("none");
    let whole = scene.id_token.clone();
    let parts: Vec<&str> = whole.split('.').collect();
    let head = base64url::encode(head.to_string().as_bytes());
    for signature in ["", parts[2]] {
        without(&mut request, &["id_token_hint"]);
        request.push(("id_token_hint", format!("{head}.{}.{signature}", parts[1])));
        send(&mut scene, &request).await.shows(400);
    }
    assert!(scene.is_signed_in().await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    let (mut scene, mut request) = begin().await;
    without(&mut request, &["id_token_hint"]);
    let page = send(&mut scene, &request).await;
    assert!(page.shows(200).text().contains("Sign out?") && page.text().contains("Pat Rivera"));
    assert!(scene.is_signed_in().await);
    // Nor is anybody sent there once they have agreed: it is not known whose address it is.
    let page = scene.agree(&page, "here").await;
    assert!(page.shows(200).text().contains("You are signed out"));
    assert!(!scene.is_signed_in().await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_params() {
    let mut scene = Scene::begin().await;
    let page = scene.ask(&[]).await;
    page.shows(200);
    let page = scene.agree(&page, "here").await;
    assert!(page.shows(200).text().contains("You are signed out"));
    assert!(!scene.is_signed_in().await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let (mut scene, mut request) = begin().await;
    without(&mut request, &["post_logout_redirect_uri"]);
    let page = send(&mut scene, &request).await;
    assert!(page.shows(200).text().contains("You are signed out"));
    assert!(!scene.is_signed_in().await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    let (mut scene, mut request) = begin().await;
    without(&mut request, &["state"]);
    let page = send(&mut scene, &request).await;
    assert_eq!((page.answer.status, page.location()), (303, BACK));
    assert!(!scene.is_signed_in().await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_only_state() {
    let (mut scene, mut request) = begin().await;
    without(&mut request, &["id_token_hint", "post_logout_redirect_uri"]);
    let page = send(&mut scene, &request).await;
    page.shows(200);
    let page = scene.agree(&page, "here").await;
    assert!(page.shows(200).text().contains("You are signed out"));
    assert!(!scene.is_signed_in().await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    let (mut scene, mut request) = begin().await;
    without(&mut request, &["post_logout_redirect_uri"]);
    request.push(("post_logout_redirect_uri", format!("{BACK}?foo=bar")));
    send(&mut scene, &request).await.shows(400);
    assert!(scene.is_signed_in().await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    let (mut scene, mut request) = begin().await;
    // Signed with a key of the suite, under its own name and under the server's.
    let key = SigningKey::generate(Algorithm::Rs256).unwrap();
    let said = claims(&scene.id_token);
    let kid = header(&scene.id_token)["kid"].as_str().unwrap().to_owned();
    for kid in ["suite", &kid] {
        let forged = key.sign(kid, "JWT", said.as_object().unwrap()).unwrap();
        without(&mut request, &["id_token_hint"]);
        request.push(("id_token_hint", forged));
        send(&mut scene, &request).await.shows(400);
    }
    assert!(scene.is_signed_in().await);
}

#[tokio::test]
async fn oidcc_backchannel_logout_discovery_endpoint_verification() {
    let document = openid().await;
    assert_eq!(document["backchannel_logout_supported"], true);
    assert_eq!(document["backchannel_logout_session_supported"], true);
    assert!(document["end_session_endpoint"].as_str().unwrap().starts_with("https://"));
    assert!(document["claims_supported"].as_array().unwrap().contains(&json!("sid")));
}

#[tokio::test]
async fn oidcc_backchannel_rp_initiated_logout() {
    let scene = Told::begin().await;
    let (mut browser, id_token) = scene.signed_in().await;
    let request =
        [("id_token_hint", id_token.as_str()), ("post_logout_redirect_uri", BACK), ("state", STATE)];
    let page = browser.get(&address(&request)).await;
    assert_eq!((page.answer.status, page.param("state").as_deref()), (303, Some(STATE)));
    assert!(page.location().starts_with(&format!("{BACK}?state=")));

    let host = &scene.host;
    let most = Duration::from_mins(1);
    let body = eventually("the app is told", most, || async { host.bodies().into_iter().next() }).await;
    let heard = &host.heard()[0];
    assert!(heard.starts_with("post /logged-out?of=app http/1.1"), "{heard}");
    assert!(heard.contains("content-type: application/x-www-form-urlencoded"), "{heard}");
    let token = logout_token(&body).expect("logout_token and nothing else");
    is_logout_token(&token, (&scene.dev.url(""), &scene.app.id), &id_token);
    let keys = scene.dev.public().get("/oauth2/jwks").await.json();
    let kid = header(&token)["kid"].clone();
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid).expect("a published key");
    UnverifiedJws::parse(&token).unwrap().verify(&Jwk::parse(key).unwrap()).expect("a good signature");
    assert!(!is_signed_in(&browser, &scene.app).await);

    // Nor is a logout token taken for an id token, by this endpoint or any other (I05).
    let (mut browser, _) = scene.signed_in().await;
    let request = [("id_token_hint", token.as_str()), ("post_logout_redirect_uri", BACK)];
    browser.get(&address(&request)).await.shows(400);
    let url =
        scene.app.authorize_with("openid", &[("aud", ""), ("prompt", "none"), ("id_token_hint", &token)]);
    assert_eq!(browser.open(&url).await.param("error").as_deref(), Some("invalid_request"));
    let bearer = scene.dev.public().send(reqwest::Method::GET, "/oauth2/userinfo", Some(&token), None).await;
    assert_eq!(bearer.status, 401);
    assert!(is_signed_in(&browser, &scene.app).await);
}
