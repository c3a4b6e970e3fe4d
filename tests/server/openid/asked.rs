//! Claims that are asked for one by one (OpenID Connect Core, 5.5), and how people must have signed in.

use hilum::protocol::acr;
use serde_json::{Value, json};

use super::{app, names, pat, userinfo};
use crate::authorize::reasons;
use crate::harness::{App, Browser, Page, Person, World};
use crate::token::{claims, text};

/// What an app is told that asks for claims, with everything agreed to: in the id token, and by userinfo.
async fn told(world: &World, app: &App, person: &Person, (scope, asked): (&str, &Value)) -> (Value, Value) {
    let url = app.authorize_with(scope, &[("claims", &asked.to_string())]);
    let code = Browser::new(world).authorize(&url, person).await.code();
    let tokens = app.redeem(&world.public(), &code).await.granted();
    let userinfo = userinfo(&world.public(), text(&tokens, "access_token")).await;
    (claims(text(&tokens, "id_token")), userinfo)
}

/// The page that asks for consent to claims.
async fn question(browser: &mut Browser, app: &App, person: &Person, (scope, asked): (&str, &Value)) -> Page {
    let page = browser.open(&app.authorize_with(scope, &[("claims", &asked.to_string())])).await;
    if page.asks_to_sign_in() { browser.sign_in(&page, person).await } else { page }
}

#[tokio::test]
async fn claims_are_told_where_they_are_asked_for_and_nothing_else_is() {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, pat(&world).await);
    let asked = json!({"userinfo": {"email": {"essential": true}, "shoe_size": null, "given_name": null},
        "id_token": {"phone_number": null, "fhirUser": null, "auth_time": {"essential": true}}});
    let (id_token, info) = told(&world, &app, &pat, ("openid launch/patient", &asked)).await;
    assert_eq!(names(&info), ["email", "given_name", "sub"]);
    assert_eq!((&info["email"], &info["sub"]), (&json!("pat@mail.example"), &id_token["sub"]));
    assert_eq!(id_token["phone_number"], "+1 555 010 0102");
    assert_eq!(id_token["fhirUser"], format!("{}/Patient/rivera", crate::harness::FHIR));
    assert!(id_token["auth_time"].is_i64() && id_token.get("email").is_none());

    // By scope alone the id token tells who it is, and userinfo the rest.
    let (id_token, info) = told(&world, &app, &pat, ("openid email", &json!({}))).await;
    assert_eq!(names(&info), ["email", "email_verified", "sub"]);
    assert!(id_token.get("email").is_none());
    // Userinfo tells which FHIR resource the person is, when it is asked for.
    let asked = json!({"userinfo": {"fhirUser": null}});
    let (id_token, info) = told(&world, &app, &pat, ("openid launch/patient", &asked)).await;
    assert_eq!(info["fhirUser"], format!("{}/Patient/rivera", crate::harness::FHIR));
    assert!(id_token.get("fhirUser").is_none());
}

#[tokio::test]
async fn the_person_is_asked_for_each_claim_and_gives_what_is_ticked() {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, pat(&world).await);
    let mut browser = Browser::new(&world);
    let asked = json!({"userinfo": {"email": {"essential": true}, "phone_number": null, "name": null}});
    let page = question(&mut browser, &app, &pat, ("openid profile", &asked)).await;
    assert_eq!(page.claims(), ["email", "phone_number"], "the name is of the scope profile");
    assert!(page.text().contains("Know your e-mail address"), "{}", page.text());
    let given = browser.decide_of(&page, "allow", (&["openid"], &["phone_number", "birthdate"])).await;
    let code = browser.follow(given).await.code();
    let tokens = app.redeem(&world.public(), &code).await.granted();
    assert_eq!(text(&tokens, "scope"), "openid");
    let info = userinfo(&world.public(), text(&tokens, "access_token")).await;
    assert_eq!(names(&info), ["phone_number", "sub"], "what was unticked, or not asked for, is not given");
    let records = world.audit("consent.give").await;
    assert_eq!(records[0]["detail"], "claims phone_number");

    // What was agreed to is remembered, claim by claim.
    let silent =
        |asked: &Value| app.authorize_with("openid", &[("claims", &asked.to_string()), ("prompt", "none")]);
    browser.open(&silent(&json!({"userinfo": {"phone_number": null}}))).await.code();
    let more = browser.open(&silent(&json!({"id_token": {"email": null}}))).await;
    more.told(&app.callback, "consent_required", Some(&app.state));
    // A scope that was agreed to covers its claims.
    let page = question(&mut browser, &app, &pat, ("openid email", &json!({}))).await;
    browser.allow(&page).await.code();
    let code = browser.open(&silent(&json!({"id_token": {"email": null}}))).await.code();
    let tokens = app.redeem(&world.public(), &code).await.granted();
    assert_eq!(claims(text(&tokens, "id_token"))["email"], "pat@mail.example");
    // The person sees it on the page of the account.
    let account = browser.account(&pat).await;
    assert!(account.text().contains("Know your telephone number"), "{}", account.text());
}

#[tokio::test]
async fn a_client_is_told_no_claim_whose_scope_it_is_not_registered_for() {
    let world = World::start().await;
    let pat = pat(&world).await;
    let narrow = App::secret(&world, json!({"scope": "openid launch/patient patient/*.cruds"})).await;
    let asked =
        json!({"userinfo": {"email": {"essential": true}}, "id_token": {"name": null, "fhirUser": null}});
    let (id_token, info) = told(&world, &narrow, &pat, ("openid launch/patient", &asked)).await;
    assert_eq!(names(&info), ["sub"]);
    assert!(id_token.get("name").is_none() && id_token.get("fhirUser").is_none());
    // Without openid there is nobody to tell of.
    let wide = app(&world, json!({})).await;
    let url = wide.authorize_with("launch/patient patient/Observation.rs", &[("claims", &asked.to_string())]);
    let code = Browser::new(&world).authorize(&url, &pat).await.code();
    assert!(wide.redeem(&world.public(), &code).await.granted().get("id_token").is_none());
}

#[tokio::test]
async fn claims_that_are_malformed_are_refused_and_told_to_the_client() {
    let world = World::start().await;
    let app = app(&world, json!({})).await;
    for bad in ["email", "[]", r#"{"userinfo": null}"#, r#"{"id_token": {"acr": {"values": 1}}}"#] {
        let page = Browser::new(&world).open(&app.authorize_with("openid", &[("claims", bad)])).await;
        page.told(&app.callback, "invalid_request", Some(&app.state));
    }
    assert_eq!(reasons(&world, "authorize.begin").await, ["claims_malformed"; 4]);
}

#[tokio::test]
async fn oi_06_a_subject_that_is_demanded_is_the_one_who_signs_in() {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, pat(&world).await);
    let mut browser = Browser::new(&world);
    let demanding = |sub: &str, prompt: &str| {
        let asked = json!({"id_token": {"sub": {"value": sub}}}).to_string();
        app.authorize_with("openid", &[("claims", &asked), ("prompt", prompt)])
    };
    browser.authorize(&demanding(&pat.subject, ""), &pat).await.code();
    browser.open(&demanding(&pat.subject, "none")).await.code();
    let another = "01890a5d-ac96-774b-bcce-b302099a8057";
    browser.open(&demanding(another, "none")).await.told(&app.callback, "login_required", Some(&app.state));
    let page = browser.open(&demanding(another, "")).await;
    assert!(page.asks_to_sign_in(), "somebody else may be meant");
    browser.sign_in(&page, &pat).await.told(&app.callback, "login_required", Some(&app.state));
}

#[tokio::test]
async fn oi_05_an_essential_acr_that_is_not_attained_is_refused_and_a_voluntary_one_is_not() {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({"default_acr_values": [acr::PASSWORD]})).await, pat(&world).await);
    let asked =
        |values: Value| json!({"id_token": {"acr": {"essential": true, "values": values}}}).to_string();
    let high = "http://idmanagement.gov/ns/assurance/aal/3";
    for prompt in ["", "none", "login"] {
        let url = app.authorize_with("openid", &[("claims", &asked(json!([high]))), ("prompt", prompt)]);
        let page = Browser::new(&world).open(&url).await;
        page.told(&app.callback, "unmet_authentication_requirements", Some(&app.state));
    }
    assert_eq!(reasons(&world, "authorize.begin").await, ["acr_unmet"; 3]);
    for change in [
        ("claims", asked(json!([high, acr::PASSWORD]))),
        ("claims", json!({"id_token": {"acr": {"values": [high]}}}).to_string()),
        ("claims", json!({"id_token": {"acr": {"essential": true}}}).to_string()),
        ("acr_values", high.to_owned()),
        ("acr_values", format!("{high} {}", acr::PASSWORD)),
    ] {
        let url = app.authorize_with("openid", &[(change.0, &change.1)]);
        let code = Browser::new(&world).authorize(&url, &pat).await.code();
        let tokens = app.redeem(&world.public(), &code).await.granted();
        assert_eq!(claims(text(&tokens, "id_token"))["acr"], acr::PASSWORD, "{change:?}");
    }
}

#[tokio::test]
async fn oi_02_oi_04_what_a_registration_says_of_the_sign_in_is_held() {
    let world = World::start().await;
    let members = json!({"default_max_age": 600, "require_auth_time": true});
    let (app, pat) = (app(&world, members).await, pat(&world).await);
    let mut browser = Browser::new(&world);
    let code = app.code(&mut browser, &pat, "openid").await;
    let tokens = app.redeem(&world.public(), &code).await.granted();
    assert!(claims(text(&tokens, "id_token"))["auth_time"].is_i64());
    browser.open(&app.authorize_url("openid")).await.code();
    let older = "update session set authenticated_at = authenticated_at - interval '11 minutes'";
    world.database.execute(older).await;
    assert!(browser.open(&app.authorize_url("openid")).await.asks_to_sign_in(), "the default counts");
    browser.open(&app.authorize_with("openid", &[("max_age", "3600")])).await.code();
}

#[tokio::test]
async fn oi_08_a_refreshed_id_token_tells_what_was_agreed_to() {
    let world = World::start().await;
    let (app, pat) = (app(&world, json!({})).await, pat(&world).await);
    let asked = json!({"id_token": {"email": null, "nickname": null}}).to_string();
    let url = app.authorize_with("openid profile offline_access", &[("claims", &asked), ("nonce", "n-1")]);
    let code = Browser::new(&world).authorize(&url, &pat).await.code();
    let first = app.redeem(&world.public(), &code).await.granted();
    let again = app.refresh(&world.public(), text(&first, "refresh_token")).await.granted();
    let (before, after) = (claims(text(&first, "id_token")), claims(text(&again, "id_token")));
    for name in ["iss", "sub", "aud", "auth_time", "acr", "email", "nickname"] {
        assert!(before.get(name).is_some() && before[name] == after[name], "{name}");
    }
    assert!(before["nonce"] == "n-1" && after.get("nonce").is_none());
    // Fewer scopes tell less.
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", text(&again, "refresh_token")),
        ("scope", "openid offline_access"),
    ];
    let less = app.ask(&world.public(), "/oauth2/token", &form).await.granted();
    let less = claims(text(&less, "id_token"));
    assert!(less.get("nickname").is_none() && less["email"] == "pat@mail.example");
}
