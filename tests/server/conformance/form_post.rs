//! The basic OP plan with `response_mode=form_post`, as far as its modules look at the answer: the plan of the form
//! post certification.

use serde_json::json;

use crate::authorize::{field, names, posted, told_by_form};
use crate::harness::{App, Browser, Page, Person, World};
use crate::token::{claims, text};

const SCOPE: &str = "openid";
const FORM: (&str, &str) = ("response_mode", "form_post");

/// A world with a client of the suite and somebody who signs in.
async fn scene() -> (World, App, Person, Browser) {
    let world = World::start().await;
    let app = App::secret(&world, json!({})).await;
    let (pat, browser) = (world.patient_person().await, Browser::new(&world));
    (world, app, pat, browser)
}

/// The address of a request as the suite makes it.
fn request(app: &App, change: &[(&str, &str)]) -> String {
    let mut all = vec![FORM, ("aud", ""), ("nonce", "n-suite")];
    all.retain(|(name, _)| change.iter().all(|(other, _)| other != name));
    all.extend(change);
    app.authorize_with(SCOPE, &all)
}

/// The code of a form that brings what the suite looks for: the state exactly, the issuer, no error, no fragment.
#[track_caller]
fn code(page: &Page, app: &App, world: &World) -> String {
    let fields = posted(page, app);
    assert_eq!(names(&fields), ["code", "state", "iss"]);
    assert_eq!(
        (field(&fields, "state"), field(&fields, "iss").as_str()),
        (app.state.clone(), world.issuer())
    );
    field(&fields, "code")
}

#[tokio::test]
async fn oidcc_server() {
    let (world, app, pat, mut browser) = scene().await;
    let page = browser.authorize(&request(&app, &[]), &pat).await;
    let tokens = app.redeem(&world.public(), &code(&page, &app, &world)).await.granted();
    let said = claims(text(&tokens, "id_token"));
    assert_eq!(
        (&said["nonce"], &said["aud"], &said["iss"]),
        (&json!("n-suite"), &json!(app.id), &json!(world.issuer()))
    );
    let document = world.public().get("/.well-known/openid-configuration").await.json();
    assert!(document["response_modes_supported"].as_array().unwrap().contains(&json!("form_post")));
}

#[tokio::test]
async fn oidcc_response_type_missing() {
    let (_world, app, _, mut browser) = scene().await;
    let page = browser.get(&request(&app, &[("response_type", "")])).await;
    told_by_form(&page, &app, "invalid_request", Some(&app.state));
}

#[tokio::test]
async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow() {
    let (world, app, pat, mut browser) = scene().await;
    let page = browser.authorize(&request(&app, &[("nonce", "")]), &pat).await;
    let tokens = app.redeem(&world.public(), &code(&page, &app, &world)).await.granted();
    assert!(claims(text(&tokens, "id_token")).get("nonce").is_none());
}

#[tokio::test]
async fn oidcc_prompt_login() {
    let (world, app, pat, mut browser) = scene().await;
    code(&browser.authorize(&request(&app, &[]), &pat).await, &app, &world);
    let page = browser.open(&request(&app, &[("prompt", "login")])).await;
    assert!(page.asks_to_sign_in());
    let page = browser.sign_in(&page, &pat).await;
    app.redeem(&world.public(), &code(&page, &app, &world)).await.granted();
}

#[tokio::test]
async fn oidcc_prompt_none_not_logged_in() {
    let (_world, app, _, mut browser) = scene().await;
    let page = browser.open(&request(&app, &[("prompt", "none")])).await;
    told_by_form(&page, &app, "login_required", Some(&app.state));
}

#[tokio::test]
async fn oidcc_prompt_none_logged_in() {
    let (world, app, pat, mut browser) = scene().await;
    let first = code(&browser.authorize(&request(&app, &[]), &pat).await, &app, &world);
    let first = app.redeem(&world.public(), &first).await.granted();
    let page = browser.open(&request(&app, &[("prompt", "none")])).await;
    let second = app.redeem(&world.public(), &code(&page, &app, &world)).await.granted();
    let (first, second) = (claims(text(&first, "id_token")), claims(text(&second, "id_token")));
    assert_eq!((&first["sub"], &first["auth_time"]), (&second["sub"], &second["auth_time"]));
}

#[tokio::test]
async fn oidcc_max_age_1() {
    let (world, app, pat, mut browser) = scene().await;
    code(&browser.authorize(&request(&app, &[]), &pat).await, &app, &world);
    let earlier = "update session set authenticated_at = authenticated_at - interval '2 seconds'";
    world.database.execute(earlier).await;
    let page = browser.open(&request(&app, &[("max_age", "1")])).await;
    assert!(page.asks_to_sign_in());
    code(&browser.sign_in(&page, &pat).await, &app, &world);
}

#[tokio::test]
async fn oidcc_ensure_request_with_unknown_parameter_succeeds() {
    let (world, app, pat, mut browser) = scene().await;
    let page = browser.authorize(&request(&app, &[("extra", "foobar")]), &pat).await;
    code(&page, &app, &world);
}

#[tokio::test]
async fn oidcc_ensure_registered_redirect_uri() {
    let (_world, app, _, mut browser) = scene().await;
    let page = browser.get(&request(&app, &[("redirect_uri", "https://app.example/other")])).await;
    assert_eq!(page.shows(400).posted_to(), None);
}

#[tokio::test]
async fn oidcc_ensure_post_request_succeeds() {
    let (world, app, pat, mut browser) = scene().await;
    let all = app.changed(SCOPE, &[FORM, ("aud", ""), ("nonce", "n-suite")]);
    let form: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let begun = browser.post("/oauth2/authorize", &form).await;
    let page = browser.follow(begun).await;
    let page = browser.sign_in(&page, &pat).await;
    let page = browser.allow(&page).await;
    app.redeem(&world.public(), &code(&page, &app, &world)).await.granted();
}

#[tokio::test]
async fn oidcc_codereuse() {
    let (world, app, pat, mut browser) = scene().await;
    let code = code(&browser.authorize(&request(&app, &[]), &pat).await, &app, &world);
    app.redeem(&world.public(), &code).await.granted();
    app.redeem(&world.public(), &code).await.refused(400, "invalid_grant");
}
