//! What the person ends is dead everywhere, and nothing else is.

use serde_json::json;

use super::{is_dead, signed_in};
use crate::harness::{App, Browser, OPAQUE, World};
use crate::restore::declare;
use crate::token::reasons;
use crate::token::refresh_token::{SCOPE, Scene, Tokens};

#[tokio::test]
async fn on_04_what_a_person_ends_is_dead_on_every_process_once_the_page_says_so_and_nothing_else() {
    let mut scene = Scene::of(World::with_processes(2).await).await;
    let members = || json!({"resources": [crate::harness::FHIR, OPAQUE]});
    let (app, other) =
        (App::secret(&scene.world, members()).await, App::secret(&scene.world, members()).await);
    let sam = scene.world.person("sam", json!({"name": "Sam"})).await;
    let (first, second) = (scene.launch(&app, SCOPE).await, scene.launch(&app, SCOPE).await);
    let opaque = app.authorize_with("openid patient/Goal.rs", &[("aud", OPAQUE)]);
    let opaque = scene.browser.authorize(&opaque, &scene.pat).await.code();
    let opaque = Tokens(app.redeem(&scene.world.public(), &opaque).await.granted());
    let code = app.code(&mut scene.browser, &scene.pat, SCOPE).await;
    let of_other = scene.launch(&other, SCOPE).await;
    let mut of_sam = Browser::new(&scene.world);
    let sams =
        Tokens(app.redeem(&scene.world.public(), &app.code(&mut of_sam, &sam, SCOPE).await).await.granted());
    for tokens in [&first, &second, &opaque, &of_other, &sams] {
        assert!(scene.is_alive(tokens).await);
    }

    // From another browser, on the other process.
    let mut browser = signed_in(&scene, 1).await;
    let page = browser.open("/account").await;
    let answer = browser.end_access(&page, &app.id).await;
    assert_eq!(
        (answer.answer.status, answer.location()),
        (303, format!("/account?ended={}", app.id).as_str())
    );
    for tokens in [&first, &second, &opaque] {
        is_dead(&scene, &app, tokens).await;
    }
    for index in 0..2 {
        app.redeem(&scene.world.public_of(index), &code).await.refused(400, "invalid_grant");
    }
    for tokens in [&of_other, &sams] {
        assert!(scene.is_alive(tokens).await);
    }
    other.refresh(&scene.world.public_of(1), of_other.refresh()).await.granted();
    app.refresh(&scene.world.public_of(0), sams.refresh()).await.granted();

    // It is told, however often the page is loaded, and the app is gone from the list.
    for _ in 0..2 {
        let page = browser.get(answer.location()).await;
        assert!(page.shows(200).text().contains("<bdi>Growth Chart</bdi> can no longer act for you."));
        assert!(!page.text().contains(&app.id) && page.text().contains(&other.id));
    }
    // Once more is no news, and somebody else's app is nobody's.
    browser.end_access(&page, &app.id).await;
    browser.end_access(&page, "no-such-app").await;
    let records = scene.world.audit("access.withdraw").await;
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(records[0]["outcome"], "granted");
    assert_eq!((&records[0]["client"], &records[0]["person"]), (&json!(app.id), &json!(scene.pat.subject)));
}

#[tokio::test]
async fn on_04_what_was_withdrawn_is_never_remembered() {
    let mut scene = Scene::start().await;
    let app = App::secret(&scene.world, json!({})).await;
    scene.launch(&app, SCOPE).await;
    scene.browser.open(&app.authorize_url(SCOPE)).await.code();
    // An answer that is on its way, by a decision of its own and by a remembered one.
    let question = scene.browser.open(&app.authorize_with(SCOPE, &[("prompt", "consent")])).await;
    let scopes = question.scopes();
    let ticked: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let decided = scene.browser.decide(&question, "allow", &ticked).await;
    let begun = scene.browser.get(&app.authorize_url(SCOPE)).await;

    let page = scene.browser.open("/account").await;
    let answer = scene.browser.end_access(&page, &app.id).await;
    scene.browser.follow(answer).await.shows(200);
    let answer = scene.browser.follow(decided).await;
    answer.told(&app.callback, "access_denied", Some(&app.state));
    assert_eq!(reasons(&scene.world, "authorize.respond").await, ["consent_withdrawn"]);
    assert!(scene.browser.follow(begun).await.asks_for_consent());
    let silent = app.authorize_with(SCOPE, &[("prompt", "none")]);
    scene.browser.open(&silent).await.told(&app.callback, "consent_required", Some(&app.state));
    // Asked again, the person may agree again, and that is a new beginning.
    let page = scene.browser.open(&app.authorize_url(SCOPE)).await;
    let code = scene.browser.allow(&page).await.code();
    let tokens = Tokens(app.redeem(&scene.world.public(), &code).await.granted());
    assert!(scene.is_alive(&tokens).await);
    let page = scene.browser.get(&format!("/account?ended={}", app.id)).await;
    assert!(page.text().contains(&app.id) && !page.text().contains("Access ended"), "it is not so any more");
}

#[tokio::test]
async fn inv_22_what_was_withdrawn_after_a_backup_is_not_remembered_once_it_was_put_back() {
    let mut scene = Scene::start().await;
    let app = App::secret(&scene.world, json!({})).await;
    scene.launch(&app, SCOPE).await;
    declare(&scene.world);
    let page = scene.browser.account(&scene.pat).await;
    assert!(page.text().contains("No app may act for you"));
    assert!(scene.browser.open(&app.authorize_url(SCOPE)).await.asks_for_consent());
}

#[tokio::test]
async fn f01_l10_only_the_form_of_the_page_in_its_own_session_ends_anything() {
    let mut scene = Scene::start().await;
    let app = App::secret(&scene.world, json!({})).await;
    let tokens = scene.launch(&app, SCOPE).await;
    let page = scene.browser.open("/account").await;
    for headers in
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.test")]
    {
        let headers = vec![(headers.0, headers.1.to_owned())];
        let mut foreign = Browser { headers, ..scene.browser.clone() };
        foreign.end_access(&page, &app.id).await.shows(403);
    }
    let client = ("client", app.id.as_str());
    scene.browser.post("/account", &[client]).await.shows(403);
    // The token of the other form on it, and of the same person's page in another browser.
    let logout = page.fields().into_iter().rfind(|(name, _)| name == "csrf").unwrap().1;
    scene.browser.post("/account", &[("csrf", &logout), client]).await.shows(403);
    let mut other = signed_in(&scene, 0).await;
    other.end_access(&page, &app.id).await.shows(403);
    let csrf = page.hidden("csrf");
    scene.browser.post("/account", &[("csrf", &csrf)]).await.shows(400);
    scene.browser.post("/account", &[("csrf", &csrf), ("client", "no such name")]).await.shows(400);
    let reasons = reasons(&scene.world, "access.withdraw").await;
    let missing = ["client_missing"; 2];
    assert_eq!(reasons[..3], ["form_from_another_site"; 3]);
    assert_eq!(reasons[3..6], ["form_without_its_token", "form_token_wrong", "form_token_wrong"]);
    assert_eq!(reasons[6..], missing);

    // Whoever is not signed in any more ends nothing, and signs in first.
    let stale = scene.browser.clone();
    let logout = [("csrf", logout.as_str()), ("scope_of", "here")];
    scene.browser.post("/oauth2/logout", &logout).await.shows(200);
    for mut browser in [stale, scene.browser.clone(), Browser::new(&scene.world)] {
        let answer = browser.end_access(&page, &app.id).await;
        assert_eq!((answer.answer.status, answer.location()), (303, "/login?to=account"));
    }
    assert!(scene.is_alive(&tokens).await);
}
