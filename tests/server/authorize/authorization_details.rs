//! `authorization_details` (RFC 9396) of people's apps: told in words, agreed to, narrowed, and ended.

use serde_json::{Value, json};

use super::reasons;
use crate::harness::{App, Browser, Person, World};
use crate::token::authorization_details::{decider, decision, report, request};
use crate::token::claims;

/// An app that may ask for prior authorization, and a patient.
async fn scene(members: Value) -> (World, App, Person) {
    let world = World::start().await;
    let mut all = json!({"authorization_details_types": ["prior_authorization"]});
    for (name, value) in members.as_object().expect("an object") {
        all[name] = value.clone();
    }
    let app = App::asymmetric(&world, all).await;
    let pat = world.patient_person().await;
    (world, app, pat)
}

fn text(details: &[Value]) -> String {
    json!(details).to_string()
}

/// The address of a request with details, and these scopes if any.
fn address(app: &App, scope: &str, details: &[Value]) -> String {
    app.authorize_with(scope, &[("scope", scope), ("authorization_details", &text(details))])
}

/// Uses a refresh token and asks for these details.
async fn refresh(world: &World, app: &App, (token, details): (&str, &str)) -> crate::harness::Answer {
    let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
    if !details.is_empty() {
        form.push(("authorization_details", details));
    }
    app.ask(&world.public(), "/oauth2/token", &form).await
}

#[tokio::test]
async fn rr_02_a_person_is_told_each_detail_in_words_and_what_is_agreed_to_is_granted() {
    let (world, app, pat) = scene(json!({})).await;
    let mut browser = Browser::new(&world);
    let wanted = request("rivera", json!({}));
    let page = browser.open(&address(&app, "", std::slice::from_ref(&wanted))).await;
    let page = browser.sign_in(&page, &pat).await;
    for word in [
        "Ask for prior authorization",
        "patient rivera",
        "order ServiceRequest/s-1",
        "Coverage/c-1",
        "submit the request",
        "became of the request",
        "ends when the health plan has decided",
    ] {
        assert!(page.text().contains(word), "{word}: {}", page.text());
    }
    assert_eq!(page.choices("authorization_detail").len(), 1);
    let code = browser.allow(&page).await.code();
    let granted = app.redeem(&world.public(), &code).await.granted();
    assert_eq!(granted["authorization_details"], json!([wanted]));
    assert!(granted.get("scope").is_none() && granted.get("patient").is_none(), "SM-C-07: {granted}");
    assert_eq!(claims(granted["access_token"].as_str().unwrap())["authorization_details"], json!([wanted]));
    let records = world.audit("token.issue").await;
    let record = records.iter().find(|record| record["client"] == app.id.as_str()).unwrap();
    assert_eq!((&record["patient"], &record["person"]), (&json!("rivera"), &json!(pat.subject)));

    // What was agreed to once is not asked for again; what was not is.
    let code = browser.open(&address(&app, "", std::slice::from_ref(&wanted))).await.code();
    app.redeem(&world.public(), &code).await.granted();
    let less = request("rivera", json!({"actions": ["$inquire"]}));
    browser.open(&address(&app, "", &[less])).await.code();
    let other = request("rivera", json!({"order": "ServiceRequest/s-2"}));
    assert!(browser.open(&address(&app, "", &[wanted.clone(), other])).await.asks_for_consent());
    assert!(browser.open(&address(&app, "openid", &[wanted])).await.asks_for_consent());
    let account = browser.account(&pat).await;
    assert!(account.text().contains("Ask for prior authorization"), "{}", account.text());
}

#[tokio::test]
async fn only_what_is_ticked_is_given() {
    let (world, app, pat) = scene(json!({})).await;
    let mut browser = Browser::new(&world);
    let (one, two) =
        (request("rivera", json!({})), request("rivera", json!({"order": "ServiceRequest/s-2"})));
    let scope = "launch/patient patient/Observation.rs";
    let page = browser.open(&address(&app, scope, &[one.clone(), two.clone()])).await;
    let page = browser.sign_in(&page, &pat).await;
    let keys = page.choices("authorization_detail");
    assert_eq!(keys.len(), 2);
    let scopes = page.scopes();
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let answer =
        browser.decide_all(&page, "allow", (&scopes, &[], &[keys[1].as_str(), "something else"])).await;
    let code = browser.follow(answer).await.code();
    let granted = app.redeem(&world.public(), &code).await.granted();
    assert_eq!((&granted["authorization_details"], &granted["patient"]), (&json!([two]), &json!("rivera")));

    let page = browser.open(&address(&app, scope, &[one, two])).await;
    let answer = browser.decide_all(&page, "allow", (&scopes, &[], &[])).await;
    let code = browser.follow(answer).await.code();
    let granted = app.redeem(&world.public(), &code).await.granted();
    assert!(granted.get("authorization_details").is_none(), "{granted}");
    let page = browser
        .open(&app.authorize_with(
            "",
            &[
                ("scope", ""),
                ("prompt", "consent"),
                ("authorization_details", &text(&[request("rivera", json!({}))])),
            ],
        ))
        .await;
    let answer = browser.decide_all(&page, "allow", (&[], &[], &[])).await;
    browser.follow(answer).await.told(&app.callback, "access_denied", Some(&app.state));
}

#[tokio::test]
async fn rr_01_what_is_wrong_is_told_at_the_callback() {
    let (world, app, pat) = scene(json!({})).await;
    let mut browser = Browser::new(&world);
    let right = request("rivera", json!({}));
    let mut missing = right.clone();
    missing.as_object_mut().unwrap().remove("patient");
    for details in [
        "{}".to_owned(),
        "[".to_owned(),
        text(&[]),
        text(&[json!({"type": 7})]),
        text(&[json!({"type": "unheard_of"})]),
        text(&[right.clone(), missing]),
        text(&[request("rivera", json!({"more": 1}))]),
        text(&[request("rivera", json!({"coverage": 1}))]),
        text(&[request("rivera", json!({"actions": ["$everything"]}))]),
        text(&[request("rivera", json!({"locations": ["https://other.example"]}))]),
        text(&[right.clone(), request("someone", json!({}))]),
    ] {
        let address = app.authorize_with("openid", &[("authorization_details", &details)]);
        browser.get(&address).await.told(&app.callback, "invalid_authorization_details", Some(&app.state));
    }
    let twice = [("authorization_details", "[]"), ("authorization_details", "[]")];
    browser.get(&app.authorize_with("openid", &twice)).await.told(
        &app.callback,
        "invalid_request",
        Some(&app.state),
    );
    let nowhere =
        [("scope", ""), ("aud", ""), ("authorization_details", &*text(std::slice::from_ref(&right)))];
    let page = browser.get(&app.authorize_with("", &nowhere)).await;
    page.told(&app.callback, "invalid_request", Some(&app.state));
    let page = browser.get(&app.authorize_with("", &[("scope", "")])).await;
    page.told(&app.callback, "invalid_scope", Some(&app.state));
    let plain = App::public(&world, json!({})).await;
    let page = browser.get(&address(&plain, "openid", &[right])).await;
    page.told(&plain.callback, "invalid_authorization_details", Some(&plain.state));
    assert_eq!(world.database.count("select count(*) from interaction").await, 0);

    // A patient for whom the person may not act.
    let page = browser.open(&address(&app, "", &[request("someone", json!({}))])).await;
    let page = browser.sign_in(&page, &pat).await;
    page.told(&app.callback, "access_denied", Some(&app.state));
    assert_eq!(reasons(&world, "authorize.respond").await, ["details_of_patient_beyond_person"]);
}

#[tokio::test]
async fn rr_01_pushed_requests_are_held_to_the_same() {
    let (world, app, pat) = scene(json!({})).await;
    let push = async |details: String| {
        let pairs = app.changed("openid", &[("authorization_details", &details)]);
        let form: Vec<(&str, &str)> =
            pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        app.ask(&world.public(), "/oauth2/par", &form).await
    };
    for wrong in
        ["{}".to_owned(), text(&[json!({"type": "unheard_of"})]), text(&[request("rivera", json!({"x": 1}))])]
    {
        push(wrong).await.refused(400, "invalid_authorization_details");
    }
    let wanted = request("rivera", json!({}));
    let pushed = push(text(std::slice::from_ref(&wanted))).await;
    assert_eq!(pushed.status, 201, "{}", pushed.text);
    let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    let pairs = [("client_id".to_owned(), app.id.clone()), ("request_uri".to_owned(), uri)];
    let address = format!("/oauth2/authorize?{}", crate::harness::query(&pairs));
    let code = Browser::new(&world).authorize(&address, &pat).await.code();
    let granted = app.redeem(&world.public(), &code).await.granted();
    assert_eq!(granted["authorization_details"], json!([wanted]));
}

#[tokio::test]
async fn e01_codes_and_refresh_tokens_narrow_and_never_widen() {
    let (world, app, pat) = scene(json!({})).await;
    let mut browser = Browser::new(&world);
    let (one, two) =
        (request("rivera", json!({})), request("rivera", json!({"order": "ServiceRequest/s-2"})));
    let less = request("rivera", json!({"actions": ["$inquire"]}));
    let address = address(&app, "offline_access", &[one.clone(), two.clone()]);
    let redeem = async |code: String, details: Vec<Value>| {
        let details = text(&details);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", &app.callback),
            ("code_verifier", &app.verifier),
            ("authorization_details", &details),
        ];
        app.ask(&world.public(), "/oauth2/token", &form).await
    };
    let code = browser.authorize(&address, &pat).await.code();
    redeem(code.clone(), vec![request("rivera", json!({"order": "ServiceRequest/s-3"}))])
        .await
        .refused(400, "invalid_authorization_details");
    let granted = redeem(code, vec![less.clone()]).await.granted();
    assert_eq!(granted["authorization_details"], json!([less]));

    // The grant keeps what was agreed to, as with scopes.
    let token = granted["refresh_token"].as_str().unwrap();
    let all = refresh(&world, &app, (token, "")).await.granted();
    assert_eq!(all["authorization_details"], json!([one, two]));
    let token = all["refresh_token"].as_str().unwrap();
    let wider =
        [json!({"type": "prior_authorization"}), request("someone", json!({})), json!({"type": "notes"})];
    for wider in wider {
        refresh(&world, &app, (token, &text(&[wider]))).await.refused(400, "invalid_authorization_details");
    }
    let fewer = refresh(&world, &app, (token, &text(std::slice::from_ref(&two)))).await.granted();
    assert_eq!(fewer["authorization_details"], json!([two]));
    assert_eq!(claims(fewer["access_token"].as_str().unwrap())["authorization_details"], json!([two]));

    // What the client is no longer registered for is not brought back.
    let path = format!("/admin/v1/clients/{}", app.id);
    let none = json!({"authorization_details_types": []});
    assert_eq!(world.administer(reqwest::Method::PATCH, &path, Some(none)).await.status, 200);
    let left = refresh(&world, &app, (fewer["refresh_token"].as_str().unwrap(), "")).await.granted();
    assert!(left.get("authorization_details").is_none() && left["scope"] == "offline_access", "{left}");
}

#[tokio::test]
async fn a_decision_ends_what_a_person_has_let_an_app_ask_for() {
    let (world, app, pat) = scene(json!({})).await;
    let fhir = decider(&world, crate::harness::FHIR).await;
    let mut browser = Browser::new(&world);
    let (one, two) =
        (request("rivera", json!({})), request("rivera", json!({"order": "ServiceRequest/s-2"})));
    let scope = "offline_access";
    let code = browser.authorize(&address(&app, scope, &[one.clone(), two.clone()]), &pat).await.code();
    let granted = app.redeem(&world.public(), &code).await.granted();
    let before = browser.authorize(&address(&app, "", std::slice::from_ref(&one)), &pat).await.code();

    assert_eq!(report(&world, &fhir, decision("rivera")).await.status, 204);
    let token = granted["access_token"].as_str().unwrap();
    let told = fhir.introspect(&world, &world.public(), token).await.active();
    assert_eq!(told["authorization_details"], json!([two]));
    let next = refresh(&world, &app, (granted["refresh_token"].as_str().unwrap(), "")).await.granted();
    assert_eq!(next["authorization_details"], json!([two]), "no refresh brings it back");
    let next = next["refresh_token"].as_str().unwrap();
    let next = refresh(&world, &app, (next, &text(std::slice::from_ref(&one)))).await.granted();
    assert!(next.get("authorization_details").is_none(), "nor when it is asked for: {next}");

    // A code for nothing else is for nothing.
    app.redeem(&world.public(), &before).await.refused(400, "invalid_grant");
    let page = browser.get(&address(&app, scope, &[one])).await;
    page.told(&app.callback, "invalid_authorization_details", Some(&app.state));
    let account = browser.account(&pat).await;
    assert!(account.text().contains("ServiceRequest/s-2"), "{}", account.text());
    assert!(
        !account.text().contains("ServiceRequest/s-1"),
        "what has ended is not told as if it could be used"
    );
}

#[tokio::test]
async fn a_request_that_is_decided_while_the_person_reads_is_refused() {
    let (world, app, pat) = scene(json!({})).await;
    let fhir = decider(&world, crate::harness::FHIR).await;
    let mut browser = Browser::new(&world);
    let page = browser.open(&address(&app, "", &[request("rivera", json!({}))])).await;
    let page = browser.sign_in(&page, &pat).await;
    assert!(page.asks_for_consent());
    assert_eq!(report(&world, &fhir, decision("rivera")).await.status, 204);
    let answer = browser.decide(&page, "allow", &[]).await;
    let page = browser.follow(answer).await;
    assert_ne!(page.answer.status, 200, "{:?}", page.answer);
    assert_eq!(world.database.count("select count(*) from authorization_code").await, 0);
}
