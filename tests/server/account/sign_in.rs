//! Signing in without an app, to one's own page.

use hilum::platform::clock::Clock;
use reqwest::Method;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::signed_in;
use crate::authorize::{PATIENT_SCOPE, reasons};
use crate::faults::within;
use crate::harness::{App, Browser, World};
use crate::sign_in::in_process::InProcess;

#[tokio::test]
async fn on_04_whoever_opens_the_page_signs_in_first_and_lands_on_it() {
    let world = World::start().await;
    let people = [
        world.patient_person().await,
        world.clinician().await,
        world.person("officer", json!({"roles": ["security-officer"], "fhir_user": null})).await,
    ];
    for person in people {
        let mut browser = Browser::new(&world);
        let answer = browser.get("/account").await;
        assert_eq!((answer.answer.status, answer.location()), (303, "/login?to=account"));
        let form = browser.follow(answer).await;
        assert!(form.shows(200).asks_to_sign_in() && form.text().contains("Sign in to your account"));
        let before = browser.cookies.clone();
        let answer = browser.try_password(&form, &person.username, &person.password).await;
        assert_eq!((answer.answer.status, answer.location()), (303, "/account"));
        let page = browser.follow(answer).await;
        assert!(page.shows(200).text().contains("Your account"));
        assert!(browser.session().is_some() && !before.contains_key("__Host-hilum_session"));
        // Who is signed in is not asked again.
        let answer = browser.get("/login?to=account").await;
        assert_eq!((answer.answer.status, answer.location()), (303, "/account"));
    }
    let records = world.audit("sign_in").await;
    assert_eq!(records.len(), 3);
    assert!(records.iter().all(|record| record["outcome"] == "granted" && record["client"].is_null()));
}

#[tokio::test]
async fn f07_sign_in_leads_nowhere_else() {
    let world = World::start().await;
    let pat = world.patient_person().await;
    let mut browser = Browser::new(&world);
    for to in ["https://evil.test", "//evil.test", "/account", "Account", "account/..", "", "consent"] {
        browser.get(&format!("/login?to={to}")).await.shows(400);
    }
    let form = browser.open("/account").await;
    let csrf = form.hidden("csrf");
    for to in ["https://evil.test", "//evil.test", "", "Account"] {
        let fields = [("csrf", csrf.as_str()), ("to", to), ("username", "pat"), ("password", &pat.password)];
        browser.post("/login", &fields).await.shows(403);
    }
    let answer = browser.get("/login?to=account&to=https://evil.test").await;
    assert!(answer.shows(200).asks_to_sign_in() && !answer.text().contains("evil"));
    assert_eq!(world.database.count("select count(*) from session").await, 0);
}

#[tokio::test]
async fn f01_the_form_counts_in_its_own_browser_and_for_this_alone() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let (own, of_app) =
        (browser.open("/account").await, browser.open(&app.authorize_url(PATIENT_SCOPE)).await);
    let mut attacker = Browser::new(&world);
    let of_attacker = attacker.open("/account").await;
    browser.clone().try_password(&of_attacker, "pat", &pat.password).await.shows(403);
    Browser::new(&world).try_password(&own, "pat", &pat.password).await.shows(403);
    let headers = vec![("sec-fetch-site", "cross-site".to_owned())];
    let mut foreign = Browser { headers, ..browser.clone() };
    foreign.try_password(&own, "pat", &pat.password).await.shows(403);
    // The token of an app's form is not good for it, nor its own for an app's.
    let (csrf, csrf_of_app) = (own.hidden("csrf"), of_app.hidden("csrf"));
    let interaction = of_app.hidden("interaction");
    for (csrf, name, of) in [(&csrf_of_app, "to", "account"), (&csrf, "interaction", interaction.as_str())] {
        let fields = [("csrf", csrf.as_str()), (name, of), ("username", "pat"), ("password", &pat.password)];
        browser.post("/login", &fields).await.shows(403);
    }
    let expected = [
        "form_token_wrong",
        "form_without_its_browser",
        "form_from_another_site",
        "form_token_wrong",
        "form_token_wrong",
    ];
    assert_eq!(reasons(&world, "sign_in").await, expected);
    browser.sign_in(&own, &pat).await.shows(200);
    // Signing in once more ends the session before, as anywhere.
    let old = browser.clone();
    browser.try_password(&own, "pat", &pat.password).await;
    assert!(old.clone().open("/account").await.asks_to_sign_in());
    browser.get("/account").await.shows(200);
}

#[tokio::test]
async fn l01_l04_what_is_wrong_is_told_and_counted_as_for_an_app() {
    let world = World::start().await;
    let app = App::public(&world, json!({})).await;
    let (pat, stopped) = (world.person("user-a", json!({})).await, world.person("user-b", json!({})).await);
    let path = format!("/admin/v1/users/{}/disable", stopped.subject);
    assert_eq!(world.administer(Method::POST, &path, None).await.status, 200);
    let mut told = Vec::new();
    for (username, password) in
        [("user-a", "wrong"), ("user-b", stopped.password.as_str()), ("user-c", pat.password.as_str())]
    {
        let mut browser = Browser::new(&world);
        let form = browser.open("/account").await;
        let page = browser.try_password(&form, username, password).await;
        assert!(page.shows(400).asks_to_sign_in() && page.set_cookies.is_empty());
        told.push(page.without_nonces().replace(username, "name"));
    }
    assert!(told.iter().all(|text| *text == told[0]));
    // Failures here and for an app are one count.
    let mut browser = Browser::new(&world);
    let (own, of_app) =
        (browser.open("/account").await, browser.open(&app.authorize_url(PATIENT_SCOPE)).await);
    let counted =
        "update sign_in_attempts set failures = failures + 60, blocked_until = now() + interval '1 hour'
                    where kind = 'place'";
    browser.try_password(&of_app, "user-a", "wrong").await.shows(400);
    world.database.execute(counted).await;
    for form in [&own, &of_app] {
        let page = browser.try_password(form, "user-a", &pat.password).await;
        assert!(page.shows(429).text().contains("Too many attempts"));
        assert!(page.answer.header("retry-after").is_some());
    }
}

#[tokio::test]
async fn l14_the_page_keeps_nobody_signed_in_and_shows_nothing_once_the_session_is_over() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let now = OffsetDateTime::from_unix_timestamp(crate::harness::now() + 2).unwrap();
    let clock = Clock::set_to(now);
    let state = within::state(&world, Some(clock.clone()), &world.database.url()).await;
    let mut browser = InProcess::new(&state);
    let interaction = browser.begin(&app, &[]).await.unwrap();
    let form = browser.form(interaction).await;
    browser.sign_in(&form, "pat", &pat.password).await.unwrap();
    clock.advance(Duration::minutes(14));
    assert!(browser.sees_account().await);
    clock.advance(Duration::seconds(59));
    assert!(browser.sees_account().await);
    clock.advance(Duration::seconds(1));
    assert!(!browser.sees_account().await, "looking is no use that keeps a session");
}

#[tokio::test]
async fn l14_signing_out_from_the_page_ends_this_session_or_all() {
    let mut scene = crate::token::refresh_token::Scene::start().await;
    let (mut one, two) = (signed_in(&scene, 0).await, signed_in(&scene, 0).await);
    scene.browser.account(&scene.pat).await.shows(200);
    let sign_out = async |browser: &mut Browser, extent: &str| {
        let page = browser.open("/account").await;
        let csrf = page.fields().into_iter().rfind(|(name, _)| name == "csrf").unwrap().1;
        browser.post("/oauth2/logout", &[("csrf", &csrf), ("scope_of", extent)]).await.shows(200);
    };
    sign_out(&mut one, "here").await;
    assert!(one.open("/account").await.asks_to_sign_in());
    two.clone().get("/account").await.shows(200);
    sign_out(&mut scene.browser, "everywhere").await;
    assert!(two.clone().open("/account").await.asks_to_sign_in());
}
