//! Whenever a session ends that an app had tokens in, a notice to the app stands written.

use reqwest::Method;
use serde_json::json;

use super::{Scene, address, execute, id_token, sign_out_while};
use crate::harness::{App, Browser};

/// A receiver that is never reached.
const TOLD: &str = "https://app.example/told";

async fn begin() -> Scene {
    Scene::with(json!({"backchannel_logout_uri": TOLD})).await
}

impl Scene {
    async fn notices(&self, of: &App) -> i64 {
        let count = format!("select count(*) from backchannel_logout where client_id = '{}'", of.id);
        self.world.database.count(&count).await
    }
}

#[tokio::test]
async fn lo_02_signing_out_here_tells_the_apps_of_this_session_and_everywhere_those_of_all() {
    let mut scene = begin().await;
    let other = App::secret(&scene.world, json!({"backchannel_logout_uri": TOLD})).await;
    let silent = App::secret(&scene.world, json!({})).await;
    let mut second = Browser::new(&scene.world);
    for app in [&scene.app, &other, &silent] {
        id_token(&scene.world, app, &scene.pat, &mut second).await;
    }
    let mut third = Browser::new(&scene.world);
    id_token(&scene.world, &other, &scene.pat, &mut third).await;
    // A code that was never redeemed gave no tokens.
    let url = other.authorize_with("openid", &[("aud", "")]);
    scene.browser.authorize(&url, &scene.pat).await.code();

    let page = scene.ask(&[]).await;
    scene.agree(&page, "here").await.shows(200);
    assert_eq!((scene.notices(&scene.app).await, scene.notices(&other).await), (1, 0));
    let page = third.account(&scene.pat).await;
    let csrf = page.choices("csrf").pop().unwrap();
    let form = [("csrf", csrf.as_str()), ("scope_of", "everywhere")];
    third.post("/oauth2/logout", &form).await.shows(200);
    assert_eq!((scene.notices(&scene.app).await, scene.notices(&other).await), (2, 2));
    assert_eq!(scene.notices(&silent).await, 0);
}

#[tokio::test]
async fn lo_02_an_administrator_who_stops_or_resets_somebody_has_the_apps_told() {
    for step in ["disable", "reset"] {
        let scene = begin().await;
        let path = format!("/admin/v1/users/{}", scene.pat.subject);
        let renamed = scene.world.administer(Method::PATCH, &path, Some(json!({"name": "Pat R."}))).await;
        assert_eq!((renamed.status, scene.notices(&scene.app).await), (200, 0), "the session goes on");
        let done = scene.world.administer(Method::POST, &format!("{path}/{step}"), None).await;
        assert_eq!((done.status, scene.notices(&scene.app).await), (200, 1), "{step}");
        assert!(!scene.is_signed_in().await);
    }
}

#[tokio::test]
async fn lo_02_who_signs_in_over_somebody_ends_their_session_and_who_proves_again_goes_on() {
    let mut scene = begin().await;
    let again = scene.app.authorize_with("openid", &[("aud", ""), ("prompt", "login")]);
    scene.browser.authorize(&again, &scene.pat).await.code();
    scene.browser.authorize(&again, &scene.pat).await.code();
    assert_eq!(scene.notices(&scene.app).await, 0, "the same person is still here");
    id_token(&scene.world, &scene.app, &scene.pat, &mut scene.browser).await;
    let lee = scene.world.clinician().await;
    scene.browser.authorize(&again, &lee).await.code();
    assert_eq!(scene.notices(&scene.app).await, 2, "one for each session in which the app had tokens");
    let whose = format!("select count(*) from backchannel_logout where subject <> '{}'", scene.pat.subject);
    assert_eq!(scene.world.database.count(&whose).await, 0);
}

#[tokio::test]
async fn lo_02_a_refused_form_and_a_second_end_tell_nobody() {
    let mut scene = begin().await;
    let page = scene.ask(&[]).await;
    scene.browser.post("/oauth2/logout", &[("scope_of", "here"), ("csrf", "x")]).await.shows(403);
    assert_eq!(scene.notices(&scene.app).await, 0);
    let mut kept = scene.browser.clone();
    scene.agree(&page, "here").await.shows(200);
    let csrf = page.hidden("csrf");
    kept.post("/oauth2/logout", &[("csrf", &csrf), ("scope_of", "everywhere")]).await.shows(200);
    assert_eq!(scene.notices(&scene.app).await, 1);
}

#[tokio::test]
async fn lo_02_whoever_signs_out_while_a_code_is_redeemed_has_its_app_told() {
    let mut scene = begin().await;
    let other = App::secret(&scene.world, json!({"backchannel_logout_uri": TOLD})).await;
    let code =
        scene.browser.authorize(&other.authorize_with("openid", &[("aud", "")]), &scene.pat).await.code();
    let peer = scene.world.public();
    let address = address(&[("id_token_hint", &scene.id_token)]);
    let sign_out = scene.browser.get(&address);
    let (redeemed, page) = sign_out_while(&scene.world, other.redeem(&peer, &code), sign_out).await;
    redeemed.granted();
    page.shows(200);
    assert_eq!((scene.notices(&scene.app).await, scene.notices(&other).await), (1, 1));
}

#[tokio::test]
async fn lo_02_a_code_is_not_redeemed_while_its_session_ends() {
    let mut scene = begin().await;
    let code =
        scene.browser.authorize(&scene.app.authorize_with("openid", &[("aud", "")]), &scene.pat).await.code();
    let mut ending = scene.world.database.superuser().await;
    execute(&mut ending, "begin; update session set ended_at = now() where ended_at is null").await;
    let peer = scene.world.public();
    let commit = async {
        scene.world.database.locks_awaited(1, "").await;
        execute(&mut ending, "commit").await;
    };
    let (redeemed, ()) = tokio::join!(scene.app.redeem(&peer, &code), commit);
    redeemed.refused(400, "invalid_grant");
    assert_eq!(crate::token::reasons(&scene.world, "token.issue").await, ["session_ended"]);
}
