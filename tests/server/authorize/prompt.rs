//! `prompt`, `max_age` and `id_token_hint` (OpenID Connect Core, 3.1.2.1).

use serde_json::json;

use super::{PATIENT_SCOPE, reasons};
use crate::harness::{App, Browser, World};

#[tokio::test]
async fn f09_oi_03_without_a_page_there_is_an_answer_or_an_error() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let silent = app.authorize_with(PATIENT_SCOPE, &[("prompt", "none")]);
    browser.open(&silent).await.told(&app.callback, "login_required", Some(&app.state));
    for mixed in ["none login", "none consent", "login none"] {
        let page = browser.open(&app.authorize_with(PATIENT_SCOPE, &[("prompt", mixed)])).await;
        page.told(&app.callback, "invalid_request", Some(&app.state));
    }
    let page = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
    let question = browser.sign_in(&page, &pat).await;
    browser.open(&silent).await.told(&app.callback, "consent_required", Some(&app.state));
    browser.allow(&question).await.code();
    browser.open(&silent).await.code();
    let wider = app.authorize_with("openid patient/*.rs", &[("prompt", "none")]);
    browser.open(&wider).await.told(&app.callback, "consent_required", Some(&app.state));
    let recent = app.authorize_with(PATIENT_SCOPE, &[("prompt", "none"), ("max_age", "0")]);
    browser.open(&recent).await.told(&app.callback, "login_required", Some(&app.state));
    let old = app.authorize_with(PATIENT_SCOPE, &[("prompt", "none"), ("max_age", "3600")]);
    browser.open(&old).await.code();
    assert_eq!(reasons(&world, "authorize.respond").await, ["consent_missing", "consent_missing"]);
}

#[tokio::test]
async fn f09_f04_oi_04_a_new_sign_in_can_be_demanded_and_is_a_new_session() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    browser.authorize(&app.authorize_url(PATIENT_SCOPE), &pat).await.code();
    for change in [("prompt", "login"), ("max_age", "0"), ("prompt", "select_account")] {
        let before = browser.session().unwrap().to_owned();
        let page = browser.open(&app.authorize_with(PATIENT_SCOPE, &[change])).await;
        assert!(page.asks_to_sign_in(), "{change:?}");
        assert!(page.text().contains("sign in again") && page.text().contains(r#"value="pat""#));
        browser.sign_in(&page, &pat).await.code();
        assert_ne!(browser.session(), Some(before.as_str()));
        let mut old = browser.clone();
        old.cookies.insert("__Host-hilum_session".to_owned(), before);
        assert!(old.open(&app.authorize_url(PATIENT_SCOPE)).await.asks_to_sign_in(), "the old one is dead");
    }
    browser.open(&app.authorize_with(PATIENT_SCOPE, &[("max_age", "3600")])).await.code();
    // auth_time is of the new sign-in.
    let times = "select count(distinct authenticated_at) from authorization_code";
    assert_eq!(world.database.count(times).await, 4);
    // The page that was demanded cannot be gone round.
    let mut begun = browser.get(&app.authorize_with(PATIENT_SCOPE, &[("prompt", "login")])).await;
    for path in ["/oauth2/continue", "/consent"] {
        let id = begun.param("i").unwrap();
        let page = browser.open(&format!("{path}?i={id}")).await;
        assert!(page.asks_to_sign_in(), "{path}");
        begun = browser.get(&app.authorize_with(PATIENT_SCOPE, &[("prompt", "login")])).await;
    }
}

#[tokio::test]
async fn f09_prompt_consent_asks_again() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    browser.authorize(&app.authorize_url(PATIENT_SCOPE), &pat).await.code();
    browser.open(&app.authorize_url(PATIENT_SCOPE)).await.code();
    let page = browser.open(&app.authorize_with(PATIENT_SCOPE, &[("prompt", "consent")])).await;
    assert!(page.asks_for_consent());
    browser.allow(&page).await.code();
}

#[tokio::test]
async fn oi_06_another_person_than_the_one_expected_is_not_let_through() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let lee = world.clinician().await;
    let mut browser = Browser::new(&world);
    let code = app.code(&mut browser, &pat, "openid").await;
    let id_token =
        app.redeem(&world.public(), &code).await.granted()["id_token"].as_str().unwrap().to_owned();
    let hinted = app.authorize_with("openid", &[("id_token_hint", &id_token)]);
    let silent = app.authorize_with("openid", &[("id_token_hint", &id_token), ("prompt", "none")]);
    browser.open(&hinted).await.code();
    browser.open(&silent).await.code();

    let mut other = Browser::new(&world);
    other.authorize(&app.authorize_url("openid"), &lee).await.code();
    other.open(&silent).await.told(&app.callback, "login_required", Some(&app.state));
    let page = other.open(&hinted).await;
    assert!(page.asks_to_sign_in(), "somebody else is signed in");
    let mut third = other.clone();
    other.sign_in(&page, &lee).await.told(&app.callback, "login_required", Some(&app.state));
    let page = third.open(&hinted).await;
    third.sign_in(&page, &pat).await.code();

    // What is no id token for this client says nothing of anybody.
    let foreign = App::secret(&world, json!({})).await;
    for (app, hint) in
        [(&foreign, id_token.as_str()), (&app, "a.b.c"), (&app, &id_token[..id_token.len() - 2])]
    {
        let page = browser.open(&app.authorize_with("openid", &[("id_token_hint", hint)])).await;
        page.told(&app.callback, "invalid_request", Some(&app.state));
    }
}
