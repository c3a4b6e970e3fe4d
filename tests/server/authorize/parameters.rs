//! The parameters of an authorization request (RFC 6749, 4.1.1; SMART App Launch 2.2).

use reqwest::Method;
use serde_json::json;

use super::{PATIENT_SCOPE, reasons};
use crate::harness::{Answer, App, Browser, FHIR, OPAQUE, World};

/// What is changed in a request, the error that is told, and the reason that is recorded.
type Wrong<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

#[tokio::test]
async fn sm_a_02_05_06_07_08_12_13_f06_what_is_wrong_is_told_to_the_client() {
    let world = World::start().await;
    let app = App::public(&world, json!({"resources": [FHIR, OPAQUE]})).await;
    let mut browser = Browser::new(&world);
    let slash = format!("{FHIR}/");
    let admin = world.issuer_url("/admin");
    let cases: [Wrong; 26] = [
        (&[("response_type", "")], "invalid_request", "missing_parameter"),
        (&[("response_type", "token")], "unsupported_response_type", "response_type"),
        (&[("response_type", "id_token")], "unsupported_response_type", "response_type"),
        (&[("response_type", "code id_token")], "unsupported_response_type", "response_type"),
        (&[("response_mode", "web_message")], "invalid_request", "response_mode"),
        (&[("response_mode", "fragment")], "invalid_request", "response_mode"),
        (&[("scope", "")], "invalid_scope", "scope_missing"),
        (&[("scope", "openid \"x\"")], "invalid_scope", "scope_malformed"),
        (&[("scope", "system/Patient.rs")], "invalid_scope", "scope_of_a_system"),
        (&[("aud", "")], "invalid_request", "aud_missing"),
        (&[("aud", "https://evil.test/r4")], "invalid_request", "resource_not_registered"),
        (&[("aud", &slash)], "invalid_request", "resource_not_registered"),
        (&[("aud", "https://FHIR.example/r4")], "invalid_request", "resource_not_registered"),
        (&[("aud", &admin)], "invalid_request", "resource_not_registered"),
        (&[("aud", ""), ("resource", &slash)], "invalid_target", "resource_not_registered"),
        (&[("resource", OPAQUE)], "invalid_target", "aud_and_resource_differ"),
        (&[("state", "a"), ("state", "a")], "invalid_request", "repeated_parameter"),
        (&[("scope", "openid"), ("scope", "openid")], "invalid_request", "repeated_parameter"),
        (&[("unknown", "1"), ("unknown", "2")], "invalid_request", "repeated_parameter"),
        (&[("max_age", "x")], "invalid_request", "max_age_malformed"),
        (&[("request", "e30.e30.")], "invalid_request_object", "request_object_malformed"),
        (&[("request_uri", "https://evil.test/")], "request_uri_not_supported", "request_uri"),
        (&[("scope", "openid admin/clients.read"), ("aud", "")], "invalid_scope", "scope_of_a_system"),
        (&[("scope", "openid launch/patient"), ("aud", "")], "invalid_request", "aud_missing"),
        (&[("id_token_hint", "no.id.token")], "invalid_request", "id_token_hint_unknown"),
        (&[("scope", "openid launch")], "invalid_request", "launch_missing"),
    ];
    for (change, error, _) in cases {
        let page = browser.get(&app.authorize_with(PATIENT_SCOPE, change)).await;
        let state = Some(app.state.as_str()).filter(|_| change[0].0 != "state");
        page.told(&app.callback, error, state);
        assert!(page.set_cookies.is_empty());
    }
    let expected: Vec<&str> = cases.iter().map(|(_, _, reason)| *reason).collect();
    assert_eq!(reasons(&world, "authorize.begin").await, expected);
    let record = &world.audit("authorize.begin").await[0];
    assert_eq!((&record["client"], &record["scopes_asked"]), (&json!(app.id), &json!("openid launch")));

    browser.get(&app.authorize_with(PATIENT_SCOPE, &[("state", "")])).await.told(
        &app.callback,
        "invalid_request",
        None,
    );
    for change in [
        &[("state", ""), ("scope", "openid"), ("aud", "")][..],
        &[("aud", ""), ("resource", FHIR)],
        &[("unknown", "1")],
    ] {
        assert!(
            browser.open(&app.authorize_with(PATIENT_SCOPE, change)).await.asks_to_sign_in(),
            "{change:?}"
        );
    }
}

#[tokio::test]
async fn sm_a_06_state_comes_back_byte_for_byte() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let longest = "s".repeat(4096);
    for state in ["a b+c%20&=#\"<>\\", " ", "ünï→\u{1f512}", "line\r\nbreak", "javascript:alert(1)", &longest]
    {
        let address = app.authorize_with(PATIENT_SCOPE, &[("state", state)]);
        let sent = browser.authorize(&address, &pat).await;
        assert_eq!(sent.param("state").as_deref(), Some(state));
        assert!(!sent.location().contains(['\r', '\n', '<', '"', ' ']), "{}", sent.location());
        let wrong = app.authorize_with(PATIENT_SCOPE, &[("state", state), ("response_type", "token")]);
        browser.get(&wrong).await.told(&app.callback, "unsupported_response_type", Some(state));
    }
}

#[tokio::test]
async fn sm_a_01_s15_h17_a_request_comes_by_link_or_by_form() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let all = app.request(PATIENT_SCOPE);
    let form: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let begun = browser.post("/oauth2/authorize", &form).await;
    assert_eq!(begun.answer.status, 303);
    let page = browser.follow(begun).await;
    let page = browser.sign_in(&page, &pat).await;
    browser.allow(&page).await.code();

    // SMART scopes can be many: 32 kB of them are read.
    let many: Vec<String> =
        (0..900).map(|n| format!("patient/Observation.rs?category=http://x.example|{n}")).collect();
    let many = format!("openid {}", many.join(" "));
    assert!(many.len() > 32_768, "{}", many.len());
    let all = app.changed(&many, &[("prompt", "consent")]);
    let form: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let begun = browser.post("/oauth2/authorize", &form).await;
    let page = browser.follow(begun).await;
    assert!(page.shows(200).asks_for_consent());
    assert_eq!(page.scopes().len(), 901);
    browser.allow(&page).await.code();

    let peer = world.public();
    for kind in ["application/json", "text/plain", "multipart/form-data; boundary=x"] {
        let request = peer.request(Method::POST, "/oauth2/authorize").header("content-type", kind).body("{}");
        let answer = Answer::read(request.send().await.unwrap()).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (415, Some("text/html; charset=utf-8")),
            "{kind}"
        );
        assert_eq!(answer.header("location"), None);
    }
    // Not in both places (H01), not too much (H02).
    let both = format!("/oauth2/authorize?state={}", app.state);
    browser.post(&both, &[("client_id", app.id.as_str())]).await.shows(400);
    browser.post("/oauth2/authorize", &[("client_id", "x".repeat(70_000).as_str())]).await.shows(413);
    for path in ["/oauth2/authorize", "/oauth2/continue", "/login", "/consent", "/oauth2/logout"] {
        for method in [Method::HEAD, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let answer = peer.send(method.clone(), path, None, None).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(answer.header("allow").unwrap().starts_with("GET"));
        }
    }
}

#[tokio::test]
async fn sm_a_03_fp_09_a_client_asks_as_it_is_registered() {
    let world = World::start().await;
    let without = App::public(&world, json!({"grant_types": []})).await;
    let fapi = App::fapi(&world, json!({})).await;
    let narrow = App::public(&world, json!({"scope": "openid patient/Patient.rs", "resources": []})).await;
    let mut browser = Browser::new(&world);
    let told = async |browser: &mut Browser, app: &App, scope: &str, error: &str| {
        let page = browser.get(&app.authorize_url(scope)).await;
        page.told(&app.callback, error, Some(&app.state));
    };
    told(&mut browser, &without, "openid", "unauthorized_client").await;
    told(&mut browser, &fapi, "openid", "invalid_request").await;
    told(&mut browser, &narrow, "patient/Patient.rs", "invalid_request").await;
    let scope = json!({"resources": [FHIR]});
    world.administer(Method::PATCH, &format!("/admin/v1/clients/{}", narrow.id), Some(scope)).await;
    told(&mut browser, &narrow, "patient/Goal.rs", "invalid_scope").await;
    let expected = [
        "grant_not_registered",
        "pushed_request_missing",
        "resource_not_registered",
        "scope_not_registered_for_client",
    ];
    assert_eq!(reasons(&world, "authorize.begin").await, expected);
}

#[tokio::test]
async fn sm_l_07_sm_l_08_without_a_patient_nothing_of_a_patient_is_granted() {
    let world = World::start().await;
    let (app, lee) = (App::public(&world, json!({})).await, world.clinician().await);
    let mut browser = Browser::new(&world);
    for scope in ["launch/patient openid", "patient/Observation.rs", "openid patient/*.read"] {
        let page = browser.open(&app.authorize_url(scope)).await;
        let page = if page.asks_to_sign_in() { browser.sign_in(&page, &lee).await } else { page };
        page.told(&app.callback, "access_denied", Some(&app.state));
    }
    assert_eq!(reasons(&world, "authorize.respond").await, ["no_patient"; 3]);
    let sent = browser.authorize(&app.authorize_url("openid user/Observation.rs"), &lee).await;
    sent.code();
    let record = &world.audit("authorize.respond").await[0];
    assert_eq!(record["patient"], json!(null));
}

#[tokio::test]
async fn sm_l_04_a_launch_without_its_scope_is_passed_over() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let address = app.authorize_with(PATIENT_SCOPE, &[("launch", "xyz")]);
    let code = Browser::new(&world).authorize(&address, &pat).await.code();
    let tokens = app.redeem(&world.public(), &code).await.granted();
    assert_eq!(tokens["patient"], "rivera", "the person's own record, and nothing of a launch");
}
