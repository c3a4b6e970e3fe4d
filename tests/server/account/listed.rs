//! What the page tells.

use reqwest::Method;
use serde_json::json;

use super::signed_in;
use crate::harness::{App, Browser, FHIR, OPAQUE, World, escaped};
use crate::token::refresh_token::{SCOPE, Scene};

#[tokio::test]
async fn on_04_everybody_sees_their_own_apps_and_what_each_may_do() {
    let mut scene = Scene::start().await;
    let chart = App::secret(&scene.world, json!({"resources": [FHIR, OPAQUE]})).await;
    let name = json!({"client_name": "Zebra <b>Diary</b>", "organization": "Diary & Co"});
    let diary = App::public(&scene.world, name).await;
    let lee = scene.world.clinician().await;
    scene.launch(&chart, SCOPE).await;
    scene.launch(&diary, "openid online_access").await;
    let mut of_lee = Browser::new(&scene.world);
    let empty = of_lee.account(&lee).await;
    assert!(empty.shows(200).text().contains("No app may act for you at the moment."));
    assert!(empty.text().contains("Dr. Kim Lee") && !empty.text().contains("Growth Chart"));

    let page = scene.browser.open("/account").await;
    let text = page.shows(200).text();
    for part in [
        "Pat Rivera",
        "<bdi>Growth Chart</bdi>",
        "Vouched for by <bdi>Chart Makers</bdi>",
        "Patient <bdi>rivera</bdi>",
        "Test results and measurements",
        "Yes, until you end it here",
        &escaped("Zebra <b>Diary</b>"),
        &escaped("Diary & Co"),
        "only while you stay signed in",
        "<time datetime=\"20",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(text.find("Growth Chart") < text.find("Zebra"), "in the order of their names");
    assert_eq!(page.fields().iter().filter(|(name, _)| name == "client").count(), 2);
    assert_eq!(page.answer.header("referrer-policy"), Some("no-referrer"));

    // Another server is another place, under the same app.
    let elsewhere = chart.authorize_with("openid patient/Goal.rs", &[("aud", OPAQUE)]);
    scene.browser.authorize(&elsewhere, &scene.pat).await.code();
    let page = scene.browser.open("/account").await;
    assert_eq!(page.text().matches("Growth Chart").count(), 1);
    assert!(page.text().contains("<bdi>fhir</bdi>") && page.text().contains("<bdi>opaque</bdi>"));
    assert!(page.text().contains("No. It has no access now"), "agreed to, and no code was redeemed");
}

#[tokio::test]
async fn on_04_an_app_that_was_stopped_or_removed_is_told_so() {
    let mut scene = Scene::start().await;
    let (stopped, removed) =
        (App::secret(&scene.world, json!({})).await, App::secret(&scene.world, json!({})).await);
    for app in [&stopped, &removed] {
        scene.launch(app, SCOPE).await;
    }
    let path = format!("/admin/v1/clients/{}/disable", stopped.id);
    assert_eq!(scene.world.administer(Method::POST, &path, None).await.status, 200);
    let path = format!("/admin/v1/clients/{}", removed.id);
    assert_eq!(scene.world.administer(Method::DELETE, &path, None).await.status, 204);
    let mut browser = signed_in(&scene, 0).await;
    let page = browser.open("/account").await;
    assert!(page.text().contains("<b>Stopped.</b>") && page.text().contains("<b>Removed.</b>"));
    assert!(page.text().contains("An app that was removed") && !page.text().contains("While you are away"));
    for app in [&removed, &stopped] {
        let page = browser.open("/account").await;
        let answer = browser.end_access(&page, &app.id).await;
        let page = browser.follow(answer).await;
        assert!(page.text().contains("can no longer act for you"));
        assert!(!page.text().contains(&app.id), "{}", page.text());
    }
    assert!(browser.open("/account").await.text().contains("No app may act"));
}

#[tokio::test]
async fn on_04_a_patient_who_is_registered_is_told_by_name() {
    let mut scene = Scene::start().await;
    let app = App::secret(&scene.world, json!({})).await;
    scene.launch(&app, SCOPE).await;
    let path = format!("/admin/v1/users/{}", scene.pat.subject);
    let own = json!({"resource": FHIR, "patient": "rivera", "relation": "self", "name": "Patricia Rivera",
        "birthDate": "1984-02-29", "identifier": "M-7"});
    let patched = scene.world.administer(Method::PATCH, &path, Some(json!({"patients": [own]}))).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    let page = scene.browser.open("/account").await;
    let told = "<dd><bdi>Patricia Rivera, born 29 February 1984, M-7</bdi></dd>";
    assert!(page.text().contains(told) && !page.text().contains("Patient <bdi>"), "{}", page.text());
}

#[tokio::test]
async fn on_04_when_an_app_was_used_last_is_told() {
    let mut scene = Scene::start().await;
    let app = App::secret(&scene.world, json!({})).await;
    let tokens = scene.launch(&app, SCOPE).await;
    let database = &scene.world.database;
    database.execute("update family set used_at = '2101-02-03 04:05:06Z'").await;
    let page = scene.browser.open("/account").await;
    let told = r#"<time datetime="2101-02-03T04:05:06Z">3 February 2101, 04:05 UTC</time>"#;
    assert!(page.text().contains(told), "{}", page.text());
    let back = "update family set used_at = null";
    let used = "select count(*) from family where used_at is not null";
    database.execute(back).await;
    let page = scene.browser.open("/account").await;
    assert!(page.text().contains(" UTC</time>"), "what the release before this wrote is told too");
    assert!(scene.is_alive(&tokens).await);
    assert_eq!(database.count(used).await, 1, "a FHIR server has asked about it");
    database.execute(back).await;
    assert!(scene.is_alive(&tokens).await);
    assert_eq!(database.count(used).await, 0, "asking about the same token again is no news");
    app.refresh(&scene.world.public(), tokens.refresh()).await.granted();
    assert_eq!(database.count(used).await, 1, "it was refreshed");
}

#[tokio::test]
async fn on_04_what_can_do_nothing_any_more_is_not_listed() {
    let mut scene = Scene::start().await;
    // Anybody may listen on its address, so that nothing is remembered for it.
    let native = json!({"redirect_uris": ["http://127.0.0.1/cb"]});
    let native = App::public(&scene.world, native).await;
    let tokens = scene.launch(&native, SCOPE).await;
    assert!(scene.browser.open("/account").await.text().contains(&native.id));
    native.ask(&scene.world.public(), "/oauth2/revoke", &[("token", tokens.refresh())]).await;
    assert!(!scene.browser.open("/account").await.text().contains(&native.id));
    // What is remembered is listed: it may begin again without a question.
    let web = App::secret(&scene.world, json!({})).await;
    let tokens = scene.launch(&web, SCOPE).await;
    web.ask(&scene.world.public(), "/oauth2/revoke", &[("token", tokens.refresh())]).await;
    let page = scene.browser.open("/account").await;
    assert!(page.text().contains(&web.id) && page.text().contains("It has no access now"));
    // A reset ends all of it.
    let path = format!("/admin/v1/users/{}/reset", scene.pat.subject);
    let reset = scene.world.administer(Method::POST, &path, Some(json!({}))).await;
    reset.json()["password"].as_str().unwrap().clone_into(&mut scene.pat.password);
    let page = scene.browser.account(&scene.pat).await;
    assert!(page.text().contains("No app may act"));
}

#[tokio::test]
async fn t10_a_link_changes_nothing_and_tells_nothing_that_is_not_so() {
    let mut scene = Scene::start().await;
    let app = App::secret(&scene.world, json!({})).await;
    let other = App::secret(&scene.world, json!({"client_name": "Unrelated"})).await;
    let tokens = scene.launch(&app, SCOPE).await;
    scene.browser.headers = vec![("sec-fetch-site", "cross-site".to_owned())];
    for query in [
        format!("?ended={}", app.id),
        format!("?ended={}", other.id),
        format!("?client={}&revoke=all", app.id),
        "?ended=%3Cb%3E&ended=&&to=https://evil.test".to_owned(),
        "?ended=%ff".to_owned(),
    ] {
        let page = scene.browser.get(&format!("/account{query}")).await;
        page.shows(200);
        assert!(!page.text().contains("Access ended") && !page.text().contains("Unrelated"), "{query}");
        assert!(page.text().contains("Growth Chart") && !page.text().contains("evil"));
    }
    assert!(scene.is_alive(&tokens).await);
    assert!(scene.world.audit("access.withdraw").await.is_empty());
}

#[tokio::test]
async fn on_04_a_wrong_method_is_told_which_are_right() {
    let world = World::start().await;
    let answer = world.public().send(Method::DELETE, "/account", None, None).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, POST")));
}
