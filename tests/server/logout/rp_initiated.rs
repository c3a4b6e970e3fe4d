//! Apps that send people here to sign out (OpenID Connect RP-Initiated Logout 1.0), well and badly.

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::json;

use super::{BACK, Scene, address, id_token, is_signed_in};
use crate::faults::within;
use crate::harness::{App, Browser};
use crate::token::{claims, reasons};

#[tokio::test]
async fn lo_01_r18_nobody_is_sent_to_what_is_not_registered_sign_by_sign_for_the_app_that_asks() {
    let mut scene = Scene::begin().await;
    let other =
        App::secret(&scene.world, json!({"post_logout_redirect_uris": ["https://other.example/out"]}));
    let other = other.await;
    let (hint, app) = (scene.id_token.clone(), scene.app.id.clone());
    let bad = [
        "https://evil.test",
        "//evil.test",
        "/\\evil.test",
        "/\t/evil.test",
        "https://app.example/signed-out/",
        "https://app.example/signed-out?",
        "https://app.example/signed-out#x",
        "https://app.example/Signed-out",
        "HTTPS://app.example/signed-out",
        "https://app.example:443/signed-out",
        "https://app.example/out",
        "https://app.example/cb",
        "https://other.example/out",
        "javascript:alert(1)",
    ];
    for uri in bad {
        for named in [("id_token_hint", hint.as_str()), ("client_id", &app)] {
            let page = scene.ask(&[named, ("post_logout_redirect_uri", uri), ("state", "s")]).await;
            page.shows(400);
            assert!(page.text().contains(r#"href="/oauth2/logout""#) && !page.text().contains("evil"));
        }
    }
    // Another app's id token does not open this one's address, nor does it go by another's name.
    scene.ask(&[("id_token_hint", &hint), ("client_id", &other.id)]).await.shows(400);
    for client in ["nobody", "a b"] {
        scene.ask(&[("client_id", client), ("post_logout_redirect_uri", BACK)]).await.shows(400);
    }
    scene.ask(&[("client_id", &other.id), ("post_logout_redirect_uri", BACK)]).await.shows(400);
    let twice = format!("{}&state=t", address(&[("id_token_hint", &hint), ("state", "s")]));
    assert_eq!(scene.browser.get(&twice).await.answer.status, 400);
    assert!(scene.is_signed_in().await, "and nothing was ended");

    let good =
        [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", "https://app.example/out?tenant=1")];
    let page = scene.ask(&[good[0], good[1], ("state", "a&b=c#d")]).await;
    assert_eq!(page.location(), "https://app.example/out?tenant=1&state=a%26b%3Dc%23d");
}

#[tokio::test]
async fn lo_01_an_id_token_of_any_age_signs_out_at_once_and_is_good_for_the_way_back_ever_after() {
    let mut scene = Scene::begin().await;
    let request = [("id_token_hint", scene.id_token.clone()), ("post_logout_redirect_uri", BACK.to_owned())];
    let request: Vec<(&str, &str)> = request.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let kept = scene.browser.clone();
    let page = scene.ask(&request).await;
    assert_eq!((page.answer.status, page.location()), (303, BACK));
    assert!(page.set_cookies[0].starts_with("__Host-hilum_session=;"), "{:?}", page.set_cookies);
    assert!(!is_signed_in(&kept, &scene.app).await, "the cookie is dead, wherever it was kept");
    // There is nothing to sign out of any more.
    for browser in [&mut scene.browser.clone(), &mut kept.clone(), &mut Browser::new(&scene.world)] {
        let page = browser.get(&address(&request)).await;
        assert_eq!((page.answer.status, page.location()), (303, BACK));
    }
    let records = scene.world.audit("sign_out").await;
    assert_eq!(records.len(), 1);
    assert_eq!(
        (&records[0]["person"], &records[0]["client"]),
        (&json!(scene.pat.subject), &json!(scene.app.id))
    );
    // Who only names the app is offered a way, and not sent it.
    let page = scene.ask(&[("client_id", &scene.app.id.clone()), ("post_logout_redirect_uri", BACK)]).await;
    assert!(page.shows(200).text().contains(&format!(r#"<a href="{BACK}">go back to <bdi>Growth Chart"#)));
}

#[tokio::test]
async fn lo_01_f11_whoever_shows_no_id_token_of_this_very_session_makes_the_person_be_asked() {
    let mut scene = Scene::begin().await;
    let app = scene.app.id.clone();
    let mut elsewhere = Browser::new(&scene.world);
    let of_another_session = id_token(&scene.world, &scene.app, &scene.pat, &mut elsewhere).await;
    let lee = scene.world.clinician().await;
    let of_another_person = id_token(&scene.world, &scene.app, &lee, &mut Browser::new(&scene.world)).await;
    let rows = [
        vec![("client_id", app.as_str()), ("logout_hint", "pat"), ("ui_locales", "de")],
        vec![("id_token_hint", of_another_session.as_str())],
        vec![("id_token_hint", of_another_person.as_str()), ("client_id", &app)],
    ];
    for mut row in rows {
        row.extend([("post_logout_redirect_uri", BACK), ("state", "s")]);
        let page = scene.ask(&row).await;
        page.shows(200);
        assert!(page.text().contains("Pat Rivera") && page.text().contains("Growth Chart"));
        let policy = page.answer.header("content-security-policy").unwrap();
        assert!(policy.contains("form-action 'self' https://app.example;"), "{policy}");
        assert!(scene.is_signed_in().await);
        // By the form of another site, or one without its token, nothing is ended either.
        let mut form = page.fields();
        form.retain(|(name, _)| name != "csrf");
        form.push(("scope_of".to_owned(), "here".to_owned()));
        let form: Vec<(&str, &str)> =
            form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        scene.browser.post("/oauth2/logout", &form).await.shows(403);
        assert!(scene.is_signed_in().await && is_signed_in(&elsewhere, &scene.app).await);
        // Who agrees is signed out and sent back.
        let before = scene.browser.clone();
        let answer = scene.agree(&page, "here").await;
        assert_eq!(
            (answer.answer.status, answer.location()),
            (303, "https://app.example/signed-out?state=s")
        );
        assert!(!is_signed_in(&before, &scene.app).await);
        scene.id_token = id_token(&scene.world, &scene.app, &scene.pat, &mut scene.browser).await;
    }
    assert!(is_signed_in(&elsewhere, &scene.app).await);
}

#[tokio::test]
async fn lo_01_what_is_changed_in_the_form_sends_nobody_anywhere_but_signs_out() {
    let mut scene = Scene::begin().await;
    let app = scene.app.id.clone();
    let page = scene.ask(&[("client_id", &app), ("post_logout_redirect_uri", BACK)]).await;
    let csrf = page.hidden("csrf");
    let form = [
        ("csrf", csrf.as_str()),
        ("scope_of", "here"),
        ("client_id", &app),
        ("post_logout_redirect_uri", "https://evil.test"),
    ];
    let page = scene.browser.post("/oauth2/logout", &form).await;
    assert!(page.shows(200).text().contains("You are signed out") && !page.text().contains("evil"));
    assert!(!scene.is_signed_in().await);
}

#[tokio::test]
async fn lo_01_the_form_of_an_app_is_taken_and_cookies_that_the_browser_keeps_back_come_with_the_next() {
    let mut scene = Scene::begin().await;
    let hint = scene.id_token.clone();
    let request = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BACK), ("state", "s")];
    // SameSite=Lax: the form of another site comes without cookies.
    let mut bare = Browser {
        headers: vec![
            ("sec-fetch-site", "cross-site".to_owned()),
            ("origin", "https://app.example".to_owned()),
        ],
        ..Browser::new(&scene.world)
    };
    let page = bare.post("/oauth2/logout", &request).await;
    page.shows(200);
    assert!(page.set_cookies.is_empty(), "no cookie of another tab is replaced");
    assert!(scene.is_signed_in().await);
    let form = page.fields();
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(form, request);
    // Its button sends the same from here.
    let page = scene.browser.post("/oauth2/logout", &form).await;
    assert_eq!((page.answer.status, page.location()), (303, "https://app.example/signed-out?state=s"));
    assert!(!scene.is_signed_in().await);
}

#[tokio::test]
async fn lo_01_an_id_token_whose_key_has_retired_is_known_again_and_one_whose_key_was_withdrawn_is_not() {
    let mut scene = Scene::begin().await;
    let hint = scene.id_token.clone();
    let request = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BACK)];
    let long_ago = "update signing_key set activates_at = now() - interval '9 days', announced_at = now() - interval '10 days'";
    scene.world.database.execute(long_ago).await;
    let commands = [&["keys", "rotate"][..], &["keys", "rotate", "--now"]];
    let retire = "update signing_key set retires_at = now() - interval '2 days' where retires_at is not null";
    scene.world.command(commands[0], "").expect_success();
    scene.world.database.execute(retire).await;
    scene.world.processes[0].kill();
    scene.world.restart(0).await;
    let page = scene.ask(&request).await;
    assert_eq!((page.answer.status, page.location()), (303, BACK));
    scene.world.command(commands[1], "").expect_success();
    scene.world.processes[0].kill();
    scene.world.restart(0).await;
    scene.ask(&request).await.shows(400);
}

#[tokio::test]
async fn i05_no_other_token_is_taken_for_an_id_token() {
    let mut scene = Scene::begin().await;
    let url = scene.app.authorize_url("openid offline_access launch/patient patient/Patient.rs");
    let code = scene.browser.authorize(&url, &scene.pat).await.code();
    let tokens = scene.app.redeem(&scene.world.public(), &code).await.granted();
    for name in ["access_token", "refresh_token"] {
        let token = tokens[name].as_str().unwrap();
        scene.ask(&[("id_token_hint", token), ("post_logout_redirect_uri", BACK)]).await.shows(400);
    }
    assert!(scene.is_signed_in().await);
    assert_eq!(reasons(&scene.world, "sign_out").await, ["id_token_hint_not_ours"; 2]);
}

#[tokio::test]
async fn i05_what_says_less_than_an_id_token_is_none_though_it_is_signed_with_the_same_keys() {
    let mut scene = Scene::begin().await;
    let state = within::state(&scene.world, None, &scene.world.database.url()).await;
    let said = claims(&scene.id_token);
    for missing in ["none", "iat", "exp", "auth_time", "sub"] {
        let mut less = said.as_object().unwrap().clone();
        less.remove(missing);
        let token = state.keys.sign(Algorithm::Rs256, "JWT", &less, state.clock.now()).await.unwrap();
        let silent =
            scene.app.authorize_with("openid", &[("aud", ""), ("prompt", "none"), ("id_token_hint", &token)]);
        let page = scene.browser.open(&silent).await;
        if missing == "none" {
            page.code();
        } else {
            page.told(&scene.app.callback, "invalid_request", Some(&scene.app.state));
            scene.ask(&[("id_token_hint", &token), ("post_logout_redirect_uri", BACK)]).await.shows(400);
        }
    }
    assert!(scene.is_signed_in().await);
}

#[tokio::test]
async fn r20_an_app_that_nobody_approved_gets_a_browser_back_only_from_a_person_who_was_asked() {
    let mut scene = Scene::begin().await;
    let mut elsewhere = Browser::new(&scene.world);
    let of_elsewhere = id_token(&scene.world, &scene.app, &scene.pat, &mut elsewhere).await;
    let by_itself = format!(
        "update client set registered_by = 'initial_access_token', registered_with = gen_random_uuid(),
                version = version + 1 where client_id = '{}'",
        scene.app.id
    );
    scene.world.database.execute(&by_itself).await;
    let link = format!(r#"<a href="{BACK}">go back to <bdi>Growth Chart"#);
    let hint = scene.id_token.clone();
    let request = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BACK)];
    // Somebody who is not signed in is sent here with the id token of whoever registered the app.
    let page = Browser::new(&scene.world).get(&address(&request)).await;
    assert!(page.shows(200).text().contains(&link), "{}", page.text());
    // One of this very session ends it, and does not send anybody on.
    let mut ended = elsewhere.clone();
    let own = [("id_token_hint", of_elsewhere.as_str()), ("post_logout_redirect_uri", BACK)];
    let page = ended.get(&address(&own)).await;
    assert!(page.shows(200).text().contains(&link), "{}", page.text());
    assert!(elsewhere.open("/account").await.asks_to_sign_in());
    // Who is asked and agrees has seen where to.
    let named = [("client_id", scene.app.id.clone()), ("post_logout_redirect_uri", BACK.to_owned())];
    let named = named.each_ref().map(|(name, value)| (*name, value.as_str()));
    let page = scene.ask(&named).await;
    let page = scene.agree(&page, "here").await;
    assert_eq!((page.answer.status, page.location()), (303, BACK));
}

#[tokio::test]
async fn lo_01_a_stopped_app_sends_nobody_anywhere_but_its_people_are_signed_out() {
    let mut scene = Scene::begin().await;
    let hint = scene.id_token.clone();
    let path = format!("/admin/v1/clients/{}/disable", scene.app.id);
    let stopped = scene.world.administer(Method::POST, &path, None).await;
    assert_eq!(stopped.status, 200, "{}", stopped.text);
    scene.ask(&[("id_token_hint", &hint), ("post_logout_redirect_uri", BACK)]).await.shows(400);
    let page = scene.ask(&[("id_token_hint", &hint)]).await;
    assert!(page.shows(200).text().contains("You are signed out"));
    assert!(scene.browser.session().is_none());
}

#[tokio::test]
async fn lo_01_who_has_proved_again_who_they_are_is_signed_out_by_the_id_token_of_before() {
    let mut scene = Scene::begin().await;
    let before = scene.id_token.clone();
    let url = scene.app.authorize_with("openid", &[("aud", ""), ("prompt", "login")]);
    scene.browser.authorize(&url, &scene.pat).await.code();
    assert!(scene.is_signed_in().await);
    let page = scene.ask(&[("id_token_hint", &before), ("post_logout_redirect_uri", BACK)]).await;
    assert_eq!((page.answer.status, page.location()), (303, BACK));
    assert!(!scene.is_signed_in().await);
}

#[tokio::test]
async fn lo_03_t10_signing_out_ends_what_lasts_while_here_and_keeps_what_lasts_while_away() {
    let mut scene = Scene::begin().await;
    let mut tokens = Vec::new();
    for lasting in ["online_access", "offline_access"] {
        let url = scene.app.authorize_url(&format!("openid {lasting} launch/patient patient/Patient.rs"));
        let code = scene.browser.authorize(&url, &scene.pat).await.code();
        tokens.push(scene.app.redeem(&scene.world.public(), &code).await.granted());
    }
    let hint = scene.id_token.clone();
    scene.ask(&[("id_token_hint", &hint)]).await.shows(200);
    let peer = scene.world.public();
    let refresh = |index: usize| tokens[index]["refresh_token"].as_str().unwrap().to_owned();
    scene.app.refresh(&peer, &refresh(0)).await.refused(400, "invalid_grant");
    scene.app.refresh(&peer, &refresh(1)).await.granted();
    assert_eq!(reasons(&scene.world, "token.issue").await, ["session_ended"]);
}

#[tokio::test]
async fn lo_02_each_app_knows_a_session_by_a_name_of_its_own_that_is_not_the_cookie() {
    let mut scene = Scene::begin().await;
    let other = App::secret(&scene.world, json!({})).await;
    let sid = |token: &str| crate::token::claims(token)["sid"].as_str().unwrap().to_owned();
    let first = sid(&scene.id_token);
    let again = id_token(&scene.world, &scene.app, &scene.pat, &mut scene.browser).await;
    assert_eq!(sid(&again), first, "the session is the same");
    let of_other = id_token(&scene.world, &other, &scene.pat, &mut scene.browser).await;
    let elsewhere = id_token(&scene.world, &scene.app, &scene.pat, &mut Browser::new(&scene.world)).await;
    assert!(sid(&of_other) != first && sid(&elsewhere) != first);
    assert!(!scene.browser.session().unwrap().contains(&first));
    let rows = format!("select count(*) from session where session_id::text like '%{first}%'");
    assert_eq!(scene.world.database.count(&rows).await, 0);
}
