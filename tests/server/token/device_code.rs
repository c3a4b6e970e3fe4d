//! The grant of devices at the token endpoint (RFC 8628, 3.4 and 3.5).

use futures_util::future::join_all;
use serde_json::json;

use super::{claims, reasons, text};
use crate::device::{GRANT, SCOPE, approve, ask, expire, members, poll, poll_of, public, world, world_of};
use crate::harness::{App, Browser, FHIR, World};

/// As if the device had asked a moment ago, however long this takes.
async fn hurry(world: &World) {
    world.database.execute("update device_code set polled_at = now() + interval '1 hour'").await;
}

/// How many questions have a record of their own; those of a minute that is over are counted in one of no client.
async fn recorded(world: &World, app: &App) -> usize {
    let records = world.audit("token.issue").await;
    records.iter().filter(|record| record["client"] == json!(app.id)).count()
}

#[tokio::test]
async fn dv_02_a_device_that_asks_too_fast_is_slowed_down_and_no_question_has_a_record_of_its_own() {
    let world = world_of(2).await;
    let (app, pat) = (public(&world).await, world.patient_person().await);
    let codes = ask(&world, &app, SCOPE).await;
    poll(&world, &app, &codes).await.refused(400, "authorization_pending");
    for index in 0..20 {
        hurry(&world).await;
        poll_of(&world, index % 2, &app, &codes).await.refused(400, "slow_down");
    }
    let interval = "select interval_seconds from device_code";
    assert_eq!(world.database.count(interval).await, 60, "five seconds each time, to an end");
    // Whoever keeps to the interval is not slowed down.
    world.database.execute("update device_code set polled_at = now() - interval '60 seconds'").await;
    poll(&world, &app, &codes).await.refused(400, "authorization_pending");
    assert_eq!(world.database.count(interval).await, 60);
    assert_eq!(recorded(&world, &app).await, 0);

    approve(&mut Browser::new(&world), &codes, &pat).await;
    poll(&world, &app, &codes).await.granted();
}

#[tokio::test]
async fn dv_02_the_questions_of_a_device_that_proves_itself_use_its_assertions_up_and_have_no_record() {
    let world = world().await;
    let (app, pat) = (App::asymmetric(&world, members()).await, world.patient_person().await);
    let codes = ask(&world, &app, SCOPE).await;
    let before = world.database.count("select count(*) from proof").await;
    poll(&world, &app, &codes).await.refused(400, "authorization_pending");
    hurry(&world).await;
    poll(&world, &app, &codes).await.refused(400, "slow_down");
    assert_eq!(world.database.count("select count(*) from proof").await, before + 2);
    assert_eq!(recorded(&world, &app).await, 0);
    approve(&mut Browser::new(&world), &codes, &pat).await;
    let tokens = poll(&world, &app, &codes).await.granted();
    app.refresh(&world.public(), text(&tokens, "refresh_token")).await.granted();
}

#[tokio::test]
async fn dv_02_f13_a_device_code_is_redeemed_once_and_its_replay_ends_what_came_of_it() {
    let world = world().await;
    let (app, pat) = (public(&world).await, world.patient_person().await);
    let codes = ask(&world, &app, SCOPE).await;
    approve(&mut Browser::new(&world), &codes, &pat).await;
    let tokens = poll(&world, &app, &codes).await.granted();
    // Later too, for as long as it is remembered.
    expire(&world).await;
    poll(&world, &app, &codes).await.refused(400, "invalid_grant");
    let refresh = text(&tokens, "refresh_token");
    app.refresh(&world.public(), refresh).await.refused(400, "invalid_grant");
    assert_eq!(reasons(&world, "token.issue").await, ["device_code_replayed", "family_revoked"]);
}

#[tokio::test]
async fn inv_3_many_redemptions_at_once_in_two_processes_are_one() {
    let world = world_of(2).await;
    let (app, pat) = (public(&world).await, world.patient_person().await);
    let codes = ask(&world, &app, SCOPE).await;
    approve(&mut Browser::new(&world), &codes, &pat).await;
    let all = (0..12).map(|index| poll_of(&world, index % 2, &app, &codes));
    let answers: Vec<u16> = join_all(all).await.iter().map(|answer| answer.status).collect();
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert_eq!(world.database.count("select count(*) from family").await, 1);
}

#[tokio::test]
async fn dv_02_a_device_code_expires_answered_or_not() {
    let world = world().await;
    let (app, pat) = (public(&world).await, world.patient_person().await);
    let (waiting, answered) = (ask(&world, &app, SCOPE).await, ask(&world, &app, SCOPE).await);
    let mut browser = Browser::new(&world);
    approve(&mut browser, &answered, &pat).await;
    let question = crate::device::question(&mut browser, &waiting, &pat).await;
    expire(&world).await;
    for codes in [&waiting, &answered] {
        poll(&world, &app, codes).await.refused(400, "expired_token");
    }
    // The page was open all the time.
    let page = browser.allow(&question).await;
    page.shows(403);
    poll(&world, &app, &waiting).await.refused(400, "expired_token");
}

#[tokio::test]
async fn f13_what_is_taken_back_or_signed_out_of_is_not_given() {
    let world = world().await;
    let (app, pat) = (public(&world).await, world.patient_person().await);
    let mut browser = Browser::new(&world);
    let first = ask(&world, &app, SCOPE).await;
    approve(&mut browser, &first, &pat).await;
    poll(&world, &app, &first).await.granted();
    let codes = ask(&world, &app, SCOPE).await;
    approve(&mut browser, &codes, &pat).await;
    let account = browser.account(&pat).await;
    assert_eq!(browser.end_access(&account, &app.id).await.answer.status, 303);
    poll(&world, &app, &codes).await.refused(400, "access_denied");

    let codes = ask(&world, &app, SCOPE).await;
    approve(&mut browser, &codes, &pat).await;
    let page = browser.get("/oauth2/logout").await;
    let csrf = page.hidden("csrf");
    browser.post("/oauth2/logout", &[("csrf", csrf.as_str()), ("scope_of", "here")]).await;
    poll(&world, &app, &codes).await.refused(400, "invalid_grant");
    assert_eq!(world.database.count("select count(*) from family where revoked_at is null").await, 0);
}

#[tokio::test]
async fn f13_who_signs_in_again_goes_on_and_so_does_what_they_agreed_to() {
    let world = world().await;
    let pat = world.patient_person().await;
    let both = json!({"grant_types": [GRANT, "authorization_code", "refresh_token"]});
    let app = App::public(&world, both).await;
    let mut browser = Browser::new(&world);
    let (first, second) = (ask(&world, &app, SCOPE).await, ask(&world, &app, SCOPE).await);
    approve(&mut browser, &first, &pat).await;
    approve(&mut browser, &second, &pat).await;
    for _ in 0..2 {
        browser.authorize(&app.authorize_with(SCOPE, &[("prompt", "login")]), &pat).await.code();
    }
    poll(&world, &app, &first).await.granted();
    // The last of these sessions is the one that counts.
    let page = browser.get("/oauth2/logout").await;
    let csrf = page.hidden("csrf");
    browser.post("/oauth2/logout", &[("csrf", csrf.as_str()), ("scope_of", "here")]).await;
    poll(&world, &app, &second).await.refused(400, "invalid_grant");
    assert_eq!(reasons(&world, "token.issue").await, ["session_ended"]);
}

#[tokio::test]
async fn the_code_of_a_device_and_that_of_a_browser_are_two_things() {
    let world = world().await;
    let pat = world.patient_person().await;
    let both = json!({"grant_types": [GRANT, "authorization_code", "refresh_token"]});
    let app = App::public(&world, both).await;
    let codes = ask(&world, &app, SCOPE).await;
    let mut browser = Browser::new(&world);
    approve(&mut browser, &codes, &pat).await;
    let device = text(&codes, "device_code");
    app.redeem(&world.public(), device).await.refused(400, "invalid_grant");
    app.redeem_with(&world.public(), device, device).await.refused(400, "invalid_grant");
    let code = app.code(&mut browser, &pat, SCOPE).await;
    poll(&world, &app, &json!({"device_code": code})).await.refused(400, "invalid_grant");
    poll(&world, &app, &codes).await.granted();
    app.redeem(&world.public(), &code).await.granted();
    let missing = app.ask(&world.public(), "/oauth2/token", &[("grant_type", GRANT)]).await;
    missing.refused(400, "invalid_request");
    let codes = ask(&world, &app, SCOPE).await;
    approve(&mut browser, &codes, &pat).await;
    let elsewhere = [
        ("grant_type", GRANT),
        ("device_code", text(&codes, "device_code")),
        ("resource", "https://elsewhere.example"),
    ];
    app.ask(&world.public(), "/oauth2/token", &elsewhere).await.refused(400, "invalid_target");
    poll(&world, &app, &codes).await.granted();
}

#[tokio::test]
async fn mt_05_the_tokens_of_a_device_are_bound_to_its_certificate() {
    let world = world().await;
    let pat = world.patient_person().await;
    let mut bound = members();
    bound["tls_client_certificate_bound_access_tokens"] = json!(true);
    let app = App::public(&world, bound).await;
    let own = world.authority.client("https://screen.example/");
    let thief = world.authority.client("https://thief.example/");
    let codes =
        app.ask(&world.mtls(&own), "/oauth2/device", &[("scope", SCOPE), ("aud", FHIR)]).await.granted();
    approve(&mut Browser::new(&world), &codes, &pat).await;
    poll(&world, &app, &codes).await.refused(400, "invalid_request");
    let form = [("grant_type", GRANT), ("device_code", text(&codes, "device_code"))];
    let tokens = app.ask(&world.mtls(&own), "/oauth2/token", &form).await.granted();
    assert_eq!(claims(text(&tokens, "access_token"))["cnf"]["x5t#S256"], own.thumbprint());
    let refresh = text(&tokens, "refresh_token");
    app.refresh(&world.mtls(&thief), refresh).await.refused(400, "invalid_grant");
    app.refresh(&world.mtls(&own), refresh).await.granted();
}

#[tokio::test]
async fn f13_a_replay_without_the_key_of_the_tokens_ends_nothing() {
    let world = world().await;
    let pat = world.patient_person().await;
    let mut bound = members();
    bound["tls_client_certificate_bound_access_tokens"] = json!(true);
    let app = App::public(&world, bound).await;
    let own = world.authority.client("https://screen.example/");
    let thief = world.authority.client("https://thief.example/");
    let form = [("scope", SCOPE), ("aud", FHIR)];
    let codes = app.ask(&world.mtls(&own), "/oauth2/device", &form).await.granted();
    approve(&mut Browser::new(&world), &codes, &pat).await;
    let form = [("grant_type", GRANT), ("device_code", text(&codes, "device_code"))];
    let tokens = app.ask(&world.mtls(&own), "/oauth2/token", &form).await.granted();
    app.ask(&world.mtls(&thief), "/oauth2/token", &form).await.refused(400, "invalid_grant");
    let tokens = app.refresh(&world.mtls(&own), text(&tokens, "refresh_token")).await.granted();
    app.ask(&world.mtls(&own), "/oauth2/token", &form).await.refused(400, "invalid_grant");
    app.refresh(&world.mtls(&own), text(&tokens, "refresh_token")).await.refused(400, "invalid_grant");
    let expected = ["device_code_replayed_without_key", "device_code_replayed", "family_revoked"];
    assert_eq!(reasons(&world, "token.issue").await, expected);
}
