//! What ends codes and tokens that a person has let an app have.

use reqwest::Method;
use serde_json::json;

use super::reasons;
use super::refresh_token::{SCOPE, Scene};
use crate::harness::App;

#[tokio::test]
async fn sm_a_15_c07_a_code_dies_when_the_person_signs_out() {
    let mut scene = Scene::start().await;
    let app = App::public(&scene.world, json!({})).await;
    let code = app.code(&mut scene.browser, &scene.pat, SCOPE).await;
    let page = scene.browser.get("/oauth2/logout").await;
    let form = [("csrf", page.hidden("csrf")), ("scope_of", "here".to_owned())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    scene.browser.post("/oauth2/logout", &form).await.shows(200);
    app.redeem(&scene.world.public(), &code).await.refused(400, "invalid_grant");
    assert_eq!(reasons(&scene.world, "token.issue").await, ["session_ended"]);
}

#[tokio::test]
async fn t09_tokens_for_a_patient_die_when_the_person_is_that_patient_no_more() {
    let mut scene = Scene::start().await;
    let app = App::secret(&scene.world, json!({})).await;
    let tokens = scene.launch(&app, SCOPE).await;
    let other = scene.launch(&app, "openid offline_access fhirUser").await;
    let code = app.code(&mut scene.browser, &scene.pat, SCOPE).await;
    assert!(scene.is_alive(&tokens).await);

    let path = format!("/admin/v1/users/{}", scene.pat.subject);
    let mended = Some(json!({"fhir_user": "Patient/someone-else"}));
    assert_eq!(scene.world.administer(Method::PATCH, &path, mended).await.status, 200);
    assert!(!scene.is_alive(&tokens).await, "nobody reads the wrong record any longer");
    let peer = scene.world.public();
    app.refresh(&peer, tokens.refresh()).await.refused(400, "invalid_grant");
    app.redeem(&peer, &code).await.refused(400, "invalid_grant");
    assert_eq!(reasons(&scene.world, "token.issue").await, ["patient_beyond_person"; 2]);
    let again = app.refresh(&peer, other.refresh()).await.granted();
    assert!(again.get("patient").is_none(), "what is about nobody's record goes on");
    // Asked again, the person agrees for the record that is theirs now.
    let page = scene.browser.open(&app.authorize_url(SCOPE)).await;
    assert!(page.asks_for_consent() && page.text().contains("someone-else"));
}

#[tokio::test]
async fn t09_l14_whoever_is_reset_signs_in_at_once_and_what_was_begun_before_is_dead() {
    let mut scene = Scene::start().await;
    let app = App::public(&scene.world, json!({})).await;
    let tokens = scene.launch(&app, SCOPE).await;
    let code = app.code(&mut scene.browser, &scene.pat, SCOPE).await;
    let path = format!("/admin/v1/users/{}/reset", scene.pat.subject);
    let reset = scene.world.administer(Method::POST, &path, Some(json!({}))).await;
    assert_eq!(reset.status, 200, "{}", reset.text);
    let old = scene.pat.clone();
    reset.json()["password"].as_str().unwrap().clone_into(&mut scene.pat.password);
    let page = scene.browser.open(&app.authorize_url(SCOPE)).await;
    scene.browser.try_password(&page, &old.username, &old.password).await.shows(400);
    // Within the very second of the reset.
    let page = scene.browser.open(&app.authorize_url(SCOPE)).await;
    let page = scene.browser.sign_in(&page, &scene.pat).await;
    let fresh = scene.browser.allow(&page).await.code();
    app.redeem(&scene.world.public(), &fresh).await.granted();
    app.redeem(&scene.world.public(), &code).await.refused(400, "invalid_grant");
    assert!(!scene.is_alive(&tokens).await);
}
