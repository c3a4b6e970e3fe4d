//! OpenID Connect, basic OP: parameters of the authorization request.

use hilum::protocol::acr;
use serde_json::{Value, json};

use crate::harness::{App, Browser, Page, Person, World, query};
use crate::openid::{app, pat};
use crate::token::{claims, text};

/// A world, an app, somebody, and a browser in which they have been to the app before.
async fn scene() -> (World, App, Person, Browser, Value) {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, pat(&world).await);
    let mut browser = Browser::new(&world);
    let page = browser.authorize(&app.authorize_url("openid"), &pat).await;
    let first = id_token(&world, &app, &page).await;
    (world, app, pat, browser, first)
}

/// What the id token says that an answer leads to.
async fn id_token(world: &World, app: &App, page: &Page) -> Value {
    let tokens = app.redeem(&world.public(), &page.code()).await.granted();
    claims(text(&tokens, "id_token"))
}

/// Lets time pass since the person signed in.
async fn pass(world: &World, seconds: u32) {
    let statement =
        format!("update session set authenticated_at = authenticated_at - interval '{seconds} s'");
    world.database.execute(&statement).await;
}

/// Asks with one parameter more, in a browser that is new.
async fn succeeds_with(name: &str, value: &str) -> (World, App, Page) {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, pat(&world).await);
    let url = app.authorize_with("openid", &[(name, value)]);
    let page = Browser::new(&world).authorize(&url, &pat).await;
    assert_eq!(page.param("state").as_deref(), Some(app.state.as_str()));
    id_token(&world, &app, &page).await;
    (world, app, page)
}

#[tokio::test]
async fn oidcc_response_type_missing() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    let page = Browser::new(&world).open(&app.authorize_with("openid", &[("response_type", "")])).await;
    page.told(&app.callback, "invalid_request", Some(&app.state));
}

#[tokio::test]
async fn oidcc_alternate_happy_flow() {
    let world = World::start().await;
    let callback = "https://app.example/cb?dummy1=lorem&dummy2=ipsum";
    let (app, pat) = (app(&world, json!({"redirect_uris": [callback]})).await, pat(&world).await);
    let nonce = "a-longer-nonce-~._+/=:".repeat(6);
    let url =
        app.authorize_with("email openid", &[("nonce", &nonce), ("state", "a state with spaces & signs")]);
    let page = Browser::new(&world).authorize(&url, &pat).await;
    assert!(page.location().starts_with(&format!("{callback}&")), "{}", page.location());
    assert_eq!(page.param("state").as_deref(), Some("a state with spaces & signs"));
    assert_eq!(page.param("iss").as_deref(), Some(world.issuer()));
    assert_eq!(id_token(&world, &app, &page).await["nonce"], nonce);
}

#[tokio::test]
async fn oidcc_display_page() {
    succeeds_with("display", "page").await;
}

#[tokio::test]
async fn oidcc_display_popup() {
    succeeds_with("display", "popup").await;
}

#[tokio::test]
async fn oidcc_prompt_login() {
    let (world, app, pat, mut browser, first) = scene().await;
    pass(&world, 5).await;
    let page = browser.open(&app.authorize_with("openid", &[("prompt", "login")])).await;
    assert!(page.asks_to_sign_in());
    let page = browser.sign_in(&page, &pat).await;
    let second = id_token(&world, &app, &page).await;
    assert_eq!(first["sub"], second["sub"]);
    assert!(second["auth_time"].as_i64() >= first["auth_time"].as_i64());
    assert!(crate::harness::now() - second["auth_time"].as_i64().unwrap() < 60, "it is of the new sign-in");
}

#[tokio::test]
async fn oidcc_prompt_none_not_logged_in() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    let page = Browser::new(&world).open(&app.authorize_with("openid", &[("prompt", "none")])).await;
    page.told(&app.callback, "login_required", Some(&app.state));
}

#[tokio::test]
async fn oidcc_prompt_none_logged_in() {
    let (world, app, _, mut browser, first) = scene().await;
    let page = browser.open(&app.authorize_with("openid", &[("prompt", "none")])).await;
    let second = id_token(&world, &app, &page).await;
    assert_eq!((&first["sub"], &first["auth_time"]), (&second["sub"], &second["auth_time"]));
}

#[tokio::test]
async fn oidcc_max_age_1() {
    let (world, app, pat, mut browser, _) = scene().await;
    pass(&world, 100).await;
    let page = browser.open(&app.authorize_with("openid", &[("max_age", "1")])).await;
    assert!(page.asks_to_sign_in());
    let page = browser.sign_in(&page, &pat).await;
    let second = id_token(&world, &app, &page).await;
    let ago = second["iat"].as_i64().unwrap() - second["auth_time"].as_i64().unwrap();
    assert!((0..60).contains(&ago), "{second}");
}

#[tokio::test]
async fn oidcc_max_age_10000() {
    let (world, app, _, mut browser, _) = scene().await;
    pass(&world, 100).await;
    let page = browser.open(&app.authorize_with("openid", &[("max_age", "10000")])).await;
    let second = id_token(&world, &app, &page).await;
    let page = browser.open(&app.authorize_with("openid", &[("max_age", "10000")])).await;
    let third = id_token(&world, &app, &page).await;
    assert_eq!((&second["auth_time"], &second["sub"]), (&third["auth_time"], &third["sub"]));
    assert!(second["iat"].as_i64().unwrap() - second["auth_time"].as_i64().unwrap() >= 100);
}

#[tokio::test]
async fn oidcc_ensure_request_with_unknown_parameter_succeeds() {
    let (_, _, page) = succeeds_with("extra", "foobar").await;
    assert_eq!(page.param("extra"), None);
}

#[tokio::test]
async fn oidcc_id_token_hint() {
    let (world, app, _, mut browser, first) = scene().await;
    let page = browser.open(&app.authorize_url("openid")).await;
    let tokens = app.redeem(&world.public(), &page.code()).await.granted();
    let hint = text(&tokens, "id_token");
    let silent = app.authorize_with("openid", &[("id_token_hint", hint), ("prompt", "none")]);
    let page = browser.open(&silent).await;
    let third = id_token(&world, &app, &page).await;
    assert_eq!(third["sub"], first["sub"]);
}

#[tokio::test]
async fn oidcc_login_hint() {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, pat(&world).await);
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_with("openid", &[("login_hint", "buffy@example.com")])).await;
    assert!(page.asks_to_sign_in() && page.text().contains(r#"value="buffy@example.com""#));
    let page = browser.sign_in(&page, &pat).await;
    browser.allow(&page).await.code();
}

#[tokio::test]
async fn oidcc_ui_locales() {
    succeeds_with("ui_locales", "se fr").await;
}

#[tokio::test]
async fn oidcc_claims_locales() {
    succeeds_with("claims_locales", "se").await;
}

#[tokio::test]
async fn oidcc_ensure_request_with_acr_values_succeeds() {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, pat(&world).await);
    let listed = world.public().get("/.well-known/openid-configuration").await.json();
    let listed = listed["acr_values_supported"].as_array().unwrap().clone();
    assert_eq!(listed, [json!(acr::PASSWORD)]);
    for values in [acr::PASSWORD, "1 2", "urn:mace:incommon:iap:silver"] {
        let url = app.authorize_with("openid", &[("acr_values", values)]);
        let page = Browser::new(&world).authorize(&url, &pat).await;
        assert!(listed.contains(&id_token(&world, &app, &page).await["acr"]), "{values}");
    }
}

#[tokio::test]
async fn oidcc_ensure_registered_redirect_uri() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    for foreign in ["https://app.example/cb/other", "https://app.example/cb?x=1", "https://evil.example/cb"] {
        let page =
            Browser::new(&world).open(&app.authorize_with("openid", &[("redirect_uri", foreign)])).await;
        page.shows(400);
    }
}

#[tokio::test]
async fn oidcc_ensure_post_request_succeeds() {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, pat(&world).await);
    let request = app.request("openid");
    let form: Vec<(&str, &str)> =
        request.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert!(query(&request).contains("response_type=code"));
    let mut browser = Browser::new(&world);
    let page = browser.post("/oauth2/authorize", &form).await;
    let page = browser.follow(page).await;
    assert!(page.asks_to_sign_in());
    let page = browser.sign_in(&page, &pat).await;
    let page = browser.allow(&page).await;
    id_token(&world, &app, &page).await;
}

#[tokio::test]
async fn oidcc_ensure_request_with_valid_pkce_succeeds() {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, pat(&world).await);
    let request = app.request("openid");
    assert!(request.contains(&("code_challenge_method".to_owned(), "S256".to_owned())));
    let mut browser = Browser::new(&world);
    let code = app.code(&mut browser, &pat, "openid").await;
    let other = "another-verifier-that-is-as-long-as-one-has-to-be";
    app.redeem_with(&world.public(), &code, other).await.refused(400, "invalid_grant");
    app.redeem(&world.public(), &code).await.granted();
}
