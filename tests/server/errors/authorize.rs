//! The errors of the authorization endpoint (RFC 6749, 4.1.2.1; OpenID Connect Core, 3.1.2.6).

use serde_json::json;

use super::SCOPE;
use crate::harness::{App, Browser, FHIR, OPAQUE, Page, World};

/// The callback is told an error.
#[track_caller]
fn told(name: &str, page: &Page, app: &App, error: &str) {
    assert_eq!(page.param("error").as_deref(), Some(error), "{name}: {:?}", page.answer);
    page.told(&app.callback, error, Some(&app.state));
}

#[tokio::test]
async fn err_authorize_without_a_callback_that_is_registered_there_is_a_page() {
    let world = World::start().await;
    let app = App::public(&world, json!({})).await;
    let mut browser = Browser::new(&world);
    let evil = "https://evil.example/cb";
    for change in [
        [("client_id", "")],
        [("client_id", "nobody")],
        [("redirect_uri", "")],
        [("redirect_uri", evil)],
        [("redirect_uri", "not a URI")],
    ] {
        let page = browser.get(&app.authorize_with(SCOPE, &change)).await;
        assert!(!page.shows(400).text().contains("evil.example"), "{change:?}");
        assert!(page.set_cookies.is_empty());
    }
}

#[tokio::test]
async fn err_authorize_every_other_error_is_told_at_the_callback() {
    let world = World::start().await;
    let app = App::public(&world, json!({"resources": [FHIR, OPAQUE]})).await;
    let mut browser = Browser::new(&world);
    let acr = json!({"id_token": {"acr": {"essential": true, "values": ["urn:none"]}}}).to_string();
    let rows: [super::Change; 20] = [
        ("missing", &[("response_type", "")], "invalid_request"),
        ("repeated", &[("scope", "openid"), ("scope", "openid")], "invalid_request"),
        ("PKCE missing", &[("code_challenge", "")], "invalid_request"),
        ("PKCE plain", &[("code_challenge_method", "plain")], "invalid_request"),
        ("PKCE without a method", &[("code_challenge_method", "")], "invalid_request"),
        ("malformed", &[("max_age", "-1")], "invalid_request"),
        ("prompt mixed", &[("prompt", "none login")], "invalid_request"),
        ("response_type", &[("response_type", "token")], "unsupported_response_type"),
        ("scope malformed", &[("scope", "openid \\")], "invalid_scope"),
        ("scope not registered", &[("scope", "openid system/Patient.rs")], "invalid_scope"),
        ("resource", &[("aud", ""), ("resource", "https://other.example")], "invalid_target"),
        ("resource beside another", &[("resource", OPAQUE)], "invalid_target"),
        ("details malformed", &[("authorization_details", "{}")], "invalid_authorization_details"),
        (
            "details unknown",
            &[("authorization_details", r#"[{"type":"x"}]"#)],
            "invalid_authorization_details",
        ),
        ("request object", &[("request", "a.b.c")], "invalid_request_object"),
        ("request object unsigned", &[("request", "e30.e30.")], "invalid_request_object"),
        ("request_uri", &[("request_uri", "https://other.example/r")], "request_uri_not_supported"),
        ("nobody is signed in", &[("prompt", "none")], "login_required"),
        ("acr", &[("claims", &acr)], "unmet_authentication_requirements"),
        ("acr without a page", &[("claims", &acr), ("prompt", "none")], "unmet_authentication_requirements"),
    ];
    for (name, change, error) in rows {
        let page = browser.get(&app.authorize_with(SCOPE, change)).await;
        let page = browser.follow(page).await;
        told(name, &page, &app, error);
        assert_eq!(page.answer.header("cache-control"), Some("no-store"), "{name}");
    }
    let grantless = App::public(&world, json!({"grant_types": []})).await;
    let page = browser.get(&grantless.authorize_url("openid")).await;
    told("client may not use code", &page, &grantless, "unauthorized_client");
}

#[tokio::test]
async fn err_authorize_what_people_say_and_what_they_cannot_be_asked() {
    let world = World::start().await;
    let patients = json!([{"resource": FHIR, "patient": "child", "relation": "proxy", "name": "Sam",
        "birthDate": "2016-09-14", "encounters": []}]);
    let app = App::secret(&world, json!({})).await;
    let pat = world.person("pat", json!({"patients": patients})).await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&app.authorize_url("openid user/Observation.rs")).await;
    let question = browser.sign_in(&page, &pat).await;
    let silent = app.authorize_with("openid user/Observation.rs", &[("prompt", "none")]);
    told("nothing is agreed to", &browser.open(&silent).await, &app, "consent_required");
    let silent = app.authorize_with("openid launch/patient patient/Observation.rs", &[("prompt", "none")]);
    told("a patient is to be chosen", &browser.open(&silent).await, &app, "interaction_required");
    told("the person says no", &browser.deny(&question).await, &app, "access_denied");
}
