//! Signed request objects (RFC 9101; OpenID Connect Core, 6).

use hilum::jose::algorithm::Algorithm;
use serde_json::{Value, json};

use super::{PATIENT_SCOPE, reasons};
use crate::harness::{App, Assertion, Browser, KeyHost, Saying, World, key, now, query};

/// The address of an authorization request that is a request object.
fn address(app: &App, object: &str, beside: &[(&str, &str)]) -> String {
    let mut pairs = vec![("client_id".to_owned(), app.id.clone()), ("request".to_owned(), object.to_owned())];
    pairs.extend(beside.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    format!("/oauth2/authorize?{}", query(&pairs))
}

#[tokio::test]
async fn jr_01_jr_02_only_what_is_signed_counts() {
    let world = World::start().await;
    let person = world.patient_person().await;
    let app = App::asymmetric(&world, json!({})).await;
    let signed = app.request_object(&world, PATIENT_SCOPE, &[("nonce", "inside")]).sign(app.key());
    let beside = [
        ("redirect_uri", "https://evil.example/cb"),
        ("state", "outside"),
        ("scope", "openid"),
        ("nonce", "outside"),
    ];
    for beside in [&beside[..], &[]] {
        let mut browser = Browser::new(&world);
        let page = browser.authorize(&address(&app, &signed, beside), &person).await;
        assert!(page.location().starts_with(&app.callback), "{}", page.location());
        assert_eq!(page.param("state").as_deref(), Some(app.state.as_str()));
        let granted = app.redeem(&world.public(), &page.code()).await.granted();
        assert!(granted["scope"].as_str().unwrap().contains("patient/"));
        let id_token = granted["id_token"].as_str().unwrap().split('.').nth(1).unwrap().to_owned();
        let claims = hilum::jose::base64url::decode(&id_token).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["nonce"], json!("inside"));
    }
    // A state that stands outside alone is none.
    let stateless = app.request_object(&world, "openid", &[("state", ""), ("aud", "")]).sign(app.key());
    let page =
        Browser::new(&world).authorize(&address(&app, &stateless, &[("state", "outside")]), &person).await;
    assert_eq!(page.param("state"), None, "{}", page.location());
}

/// What is wrong with request objects: what is sent, and why it is refused.
fn wrong(world: &World, app: &App, thief: &App) -> Vec<(String, &'static str)> {
    let good = || app.request_object(world, PATIENT_SCOPE, &[]);
    let sign = |object: Assertion| object.sign(app.key());
    let unsigned = format!("{}.", good().head("alg", json!("none")).text());
    let encrypted =
        format!("{}.e.i.c.t", hilum::jose::base64url::encode(br#"{"alg":"dir","enc":"A256GCM"}"#));
    let mut altered = sign(good());
    altered.insert(altered.len() - 4, 'A');
    vec![
        // First, while it is still from the future.
        (sign(good().claim("nbf", json!(now() + 90))), "request_object_from_the_future"),
        (unsigned, "request_object_malformed"),
        (encrypted, "request_object_malformed"),
        ("e30".to_owned(), "request_object_malformed"),
        ("{\"scope\":\"openid\"}".to_owned(), "request_object_malformed"),
        ("a.".repeat(9_000), "request_object_malformed"),
        (sign(good().head("alg", json!("HS256"))), "request_object_malformed"),
        (sign(good().head("crit", json!(["b64"]))), "request_object_malformed"),
        (sign(good().head("typ", json!("at+jwt"))), "request_object_typ"),
        (sign(good().head("kid", json!("other"))), "request_object_key_unknown"),
        (sign(good().head("alg", json!("ES256"))), "request_object_key_unknown"),
        (good().sign(thief.key()), "request_object_signature"),
        (altered, "request_object_signature"),
        (sign(good().claim("client_id", json!(thief.id))), "request_object_of_another_client"),
        (sign(good().claim("client_id", Value::Null)), "request_object_of_another_client"),
        (sign(good().claim("iss", json!(thief.id))), "request_object_iss"),
        (sign(good().claim("aud", json!("https://other.example"))), "request_object_aud"),
        (sign(good().claim("exp", json!(now() - 60))), "request_object_expired"),
        (sign(good().claim("exp", json!("soon"))), "request_object_times"),
        (sign(good().claim("exp", json!(now() + 4000))), "request_object_lives_too_long"),
        (sign(good().claim("request", json!("a.b.c"))), "request_object_in_request_object"),
        (sign(good().claim("request_uri", json!("urn:x"))), "request_object_in_request_object"),
        (sign(good().claim("scope", json!(["openid"]))), "request_object_member_type"),
    ]
}

#[tokio::test]
async fn jr_03_j15_j17_j19_what_is_wrong_with_a_request_object_is_told_at_a_callback_that_is_registered() {
    let world = World::start().await;
    let app = App::asymmetric(&world, json!({})).await;
    let thief = App::asymmetric(&world, json!({})).await;
    let mut browser = Browser::new(&world);
    let wrong = wrong(&world, &app, &thief);
    for (object, _) in &wrong {
        let beside = [("redirect_uri", app.callback.as_str()), ("state", "outside")];
        let page = browser.get(&address(&app, object, &beside)).await;
        page.told(&app.callback, "invalid_request_object", Some("outside"));
        browser.get(&address(&app, object, &[])).await.shows(400);
        let evil = [("redirect_uri", "https://evil.example/cb")];
        browser.get(&address(&app, object, &evil)).await.shows(400);
    }
    let told = reasons(&world, "authorize.begin").await;
    for (object, reason) in &wrong {
        assert!(told.iter().filter(|told| told == reason).count() >= 3, "{reason}: {object}");
    }
    assert_eq!(world.database.count("select count(*) from interaction").await, 0);
}

#[tokio::test]
async fn jr_04_k08_a_request_uri_elsewhere_is_not_fetched() {
    let world = World::start().await;
    let app = App::asymmetric(&world, json!({})).await;
    let host = KeyHost::start(&world.authority, Saying::keys("no-store", &json!({})));
    let mut browser = Browser::new(&world);
    for uri in
        [host.url().as_str(), "http://169.254.169.254/latest", "urn:example:request", "file:///etc/passwd"]
    {
        let beside = [("request_uri", uri), ("redirect_uri", app.callback.as_str()), ("state", "s")];
        let page = browser.get(&format!("/oauth2/authorize?client_id={}&{}", app.id, pairs(&beside))).await;
        page.told(&app.callback, "request_uri_not_supported", Some("s"));
        let page =
            browser.get(&format!("/oauth2/authorize?client_id={}&{}", app.id, pairs(&beside[..1]))).await;
        page.shows(400);
    }
    assert_eq!(host.asked(), 0);
}

fn pairs(beside: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(beside).finish()
}

#[tokio::test]
async fn jr_05_where_requests_must_be_signed_others_are_refused() {
    let world = World::start().await;
    let person = world.patient_person().await;
    let members = json!({"require_signed_request_object": true, "request_object_signing_alg": "ES384"});
    let app = App::asymmetric(&world, members).await;
    let mut browser = Browser::new(&world);
    let page = browser.get(&app.authorize_url(PATIENT_SCOPE)).await;
    page.told(&app.callback, "invalid_request", Some(&app.state));
    app.push(&world.public(), PATIENT_SCOPE, &[]).await.refused(400, "invalid_request");
    let signed = app.request_object(&world, PATIENT_SCOPE, &[]).sign(app.key());
    browser.authorize(&address(&app, &signed, &[]), &person).await.code();
    let pushed = app.ask(&world.public(), "/oauth2/par", &[("request", &signed), ("scope", "openid")]).await;
    let page = browser.authorize(&app.pushed_url(&pushed), &person).await;
    let granted = app.redeem(&world.public(), &page.code()).await.granted();
    assert!(
        granted["scope"].as_str().unwrap().contains("patient/"),
        "what stands beside the object does not count"
    );
    assert_eq!(reasons(&world, "authorize.push").await, ["request_object_missing"]);
}

#[tokio::test]
async fn jr_01_an_algorithm_that_was_registered_is_the_only_one() {
    let world = World::start().await;
    let keys = [key(Algorithm::Es384), key(Algorithm::Es256)];
    let jwks = json!({"keys": [keys[0].public_jwk("k1"), keys[1].public_jwk("k2")]});
    let app = App::asymmetric(&world, json!({"jwks": jwks, "request_object_signing_alg": "ES256"})).await;
    let mut browser = Browser::new(&world);
    let object = || app.request_object(&world, PATIENT_SCOPE, &[]);
    let other = object().sign(&keys[0]);
    browser.get(&address(&app, &other, &[])).await.shows(400);
    let right = object().head("alg", json!("ES256")).head("kid", json!("k2")).sign(&keys[1]);
    assert!(browser.open(&address(&app, &right, &[])).await.asks_to_sign_in());
    // Without a name, the only key that fits.
    let unnamed = object().head("alg", json!("ES256")).head("kid", Value::Null).sign(&keys[1]);
    assert!(browser.open(&address(&app, &unnamed, &[])).await.asks_to_sign_in());
    assert_eq!(reasons(&world, "authorize.begin").await, ["request_object_alg"]);
}
