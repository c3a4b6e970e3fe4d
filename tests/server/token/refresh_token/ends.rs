//! What ends a family: whoever agreed, whoever asked, and whoever revokes.

use reqwest::Method;
use serde_json::json;

use super::{SCOPE, Scene, Tokens};
use crate::harness::{App, Browser, PASSWORD, World};
use crate::token::reasons;

async fn administer(scene: &Scene, path: &str, body: Option<serde_json::Value>) {
    let answer = scene.world.administer(Method::POST, path, body).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
}

#[tokio::test]
async fn t09_a_person_disabled_or_given_another_password_ends_what_was_begun_in_their_name() {
    let mut scene = Scene::of(World::with_processes(2).await).await;
    let there = scene.world.public_of(1);
    let app = App::public(&scene.world, json!({})).await;
    let kept = scene.launch(&app, SCOPE).await;
    for (username, path, body) in [
        ("disabled", "disable", None),
        ("reset", "reset", None),
        ("chosen", "reset", Some(json!({"password": format!("{PASSWORD} two")}))),
    ] {
        let person = scene.world.person(username, json!({})).await;
        let code = app.code(&mut Browser::new(&scene.world), &person, SCOPE).await;
        let first = Tokens(app.redeem(&there, &code).await.granted());
        let second = Tokens(app.refresh(&there, first.refresh()).await.granted());
        assert!(scene.is_alive(&first).await && scene.is_alive(&second).await);
        administer(&scene, &format!("/admin/v1/users/{}/{path}", person.subject), body).await;
        app.refresh(&there, second.refresh()).await.refused(400, "invalid_grant");
        assert!(!scene.is_alive(&first).await && !scene.is_alive(&second).await, "{username}");
        administer(&scene, &format!("/admin/v1/users/{}/enable", person.subject), None).await;
        app.refresh(&there, second.refresh()).await.refused(400, "invalid_grant");
        assert!(!scene.is_alive(&second).await, "let in again, with nothing of before");
    }
    assert_eq!(reasons(&scene.world, "token.issue").await, ["person_disabled"; 6]);
    app.refresh(&there, kept.refresh()).await.granted();
}

#[tokio::test]
async fn t09_a_client_disabled_refreshes_nothing_and_enabled_again_nothing_of_before() {
    let mut scene = Scene::of(World::with_processes(2).await).await;
    let there = scene.world.public_of(1);
    let (public, secret) =
        (App::public(&scene.world, json!({})).await, App::secret(&scene.world, json!({})).await);
    let kept_app = App::public(&scene.world, json!({})).await;
    let kept = scene.launch(&kept_app, SCOPE).await;
    for app in [public, secret] {
        let tokens = scene.launch(&app, SCOPE).await;
        administer(&scene, &format!("/admin/v1/clients/{}/disable", app.id), None).await;
        app.refresh(&there, tokens.refresh()).await.invalid_client();
        assert!(!scene.is_alive(&tokens).await);
        administer(&scene, &format!("/admin/v1/clients/{}/enable", app.id), None).await;
        app.refresh(&there, tokens.refresh()).await.refused(400, "invalid_grant");
        assert!(!scene.is_alive(&tokens).await);
    }
    assert_eq!(reasons(&scene.world, "token.issue").await, ["client_disabled"; 4]);
    assert!(scene.is_alive(&kept).await);
    kept_app.refresh(&there, kept.refresh()).await.granted();
}

#[tokio::test]
async fn t10_without_a_scope_for_it_there_is_no_refresh_token() {
    let mut scene = Scene::start().await;
    let app = App::public(&scene.world, json!({})).await;
    let tokens = scene.launch(&app, "openid launch/patient patient/Observation.rs").await;
    assert_eq!(tokens.0.get("refresh_token"), None);
    assert!(scene.is_alive(&tokens).await);
    // Asked for, and not consented to.
    let page = scene.browser.open(&app.authorize_with(SCOPE, &[("prompt", "consent")])).await;
    let sent = scene.browser.decide(&page, "allow", &["openid", "launch/patient"]).await;
    let code = scene.browser.follow(sent).await.code();
    let tokens = app.redeem(&scene.world.public(), &code).await.granted();
    assert_eq!((tokens.get("refresh_token"), &tokens["scope"]), (None, &json!("openid launch/patient")));
    // Asked for by an app that is not registered for the grant.
    let members = json!({"grant_types": ["authorization_code"]});
    let app = App::public(&scene.world, members).await;
    let tokens = scene.launch(&app, SCOPE).await;
    assert_eq!(tokens.0.get("refresh_token"), None);
    assert_eq!(tokens.0["scope"], "openid launch/patient patient/Observation.rs");
}

async fn sign_out(browser: &mut Browser, extent: &str) {
    let page = browser.get("/oauth2/logout").await;
    let csrf = page.hidden("csrf");
    browser.post("/oauth2/logout", &[("csrf", &csrf), ("scope_of", extent)]).await.shows(200);
}

#[tokio::test]
async fn t10_sm_r_06_online_access_ends_with_signing_out_here_or_everywhere() {
    let mut scene = Scene::of(World::with_processes(2).await).await;
    let there = scene.world.public_of(1);
    let app = App::public(&scene.world, json!({})).await;
    let online = "openid online_access launch/patient patient/Observation.rs";
    let offline = scene.launch(&app, SCOPE).await;
    let first = scene.launch(&app, online).await;
    let second = Tokens(app.refresh(&there, first.refresh()).await.granted());
    let mut elsewhere = Browser::new(&scene.world);
    let code = app.code(&mut elsewhere, &scene.pat, online).await;
    let third = Tokens(app.redeem(&there, &code).await.granted());

    sign_out(&mut scene.browser, "here").await;
    app.refresh(&there, second.refresh()).await.refused(400, "invalid_grant");
    assert!(!scene.is_alive(&first).await && !scene.is_alive(&second).await);
    let third = Tokens(app.refresh(&there, third.refresh()).await.granted());
    assert!(scene.is_alive(&third).await, "the other browser is still signed in");

    let mut anywhere = Browser::new(&scene.world);
    app.code(&mut anywhere, &scene.pat, online).await;
    sign_out(&mut anywhere, "everywhere").await;
    app.refresh(&there, third.refresh()).await.refused(400, "invalid_grant");
    assert!(!scene.is_alive(&third).await);
    assert_eq!(reasons(&scene.world, "token.issue").await, ["session_ended"; 2]);
    app.refresh(&there, offline.refresh()).await.granted();
}

#[tokio::test]
async fn rv_02_rv_03_a_revoked_refresh_token_takes_its_family_along_and_anothers_stays() {
    let mut scene = Scene::of(World::with_processes(2).await).await;
    let (here, there) = (scene.world.public_of(0), scene.world.public_of(1));
    let (public, secret) =
        (App::public(&scene.world, json!({})).await, App::secret(&scene.world, json!({})).await);
    let stranger = App::secret(&scene.world, json!({})).await;
    for app in [public, secret] {
        let kept = scene.launch(&app, SCOPE).await;
        let first = scene.launch(&app, SCOPE).await;
        let second = Tokens(app.refresh(&here, first.refresh()).await.granted());
        let form = [("token", second.refresh()), ("token_type_hint", "access_token")];
        let answer = stranger.ask(&here, "/oauth2/revoke", &form).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""));
        here.post("/oauth2/revoke", &form[..1]).await.invalid_client();
        assert!(scene.is_alive(&first).await && scene.is_alive(&second).await);
        let second = Tokens(app.refresh(&there, second.refresh()).await.granted());

        let form = [("token", second.refresh()), ("token_type_hint", "access_token")];
        let answer = app.ask(&here, "/oauth2/revoke", &form).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""));
        assert!(!scene.is_alive(&first).await && !scene.is_alive(&second).await);
        for peer in [&here, &there] {
            app.refresh(peer, second.refresh()).await.refused(400, "invalid_grant");
        }
        let record = &scene.world.audit("token.revoke").await[0];
        assert_eq!((&record["outcome"], &record["client"]), (&json!("granted"), &json!(app.id)));
        assert_eq!((&record["person"], &record["patient"]), (&json!(scene.pat.subject), &json!("rivera")));
        assert!(scene.is_alive(&kept).await);
        app.refresh(&there, kept.refresh()).await.granted();
    }
    let expected = ["token_of_another_client"; 2];
    let found = reasons(&scene.world, "token.revoke").await;
    assert_eq!(found.iter().filter(|reason| *reason == expected[0]).count(), 2, "{found:?}");
    assert!(scene.alerts().await.is_empty());
}
