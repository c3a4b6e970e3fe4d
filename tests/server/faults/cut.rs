//! The connection of a writer, cut at every message of the token path.

use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use serde_json::json;

use super::proxy::{Cut, Proxy};
use super::{unbalanced, unmatched};
use crate::harness::{App, Backend, Browser, Database, OPAQUE, World, eventually};

#[tokio::test]
async fn inv_8_a_connection_cut_at_any_message_leaves_nothing_half_done_and_no_answer_untrue() {
    let (world, proxy) = behind_a_proxy().await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let peer = world.public();
    let (mut cuts, mut lost_answers) = (0, 0);
    for how in [Cut::Before, Cut::After] {
        for message in 1..60 {
            let assertion = backend.assertion(&world).claim("jti", json!(format!("{how:?} {message}")));
            let assertion = assertion.sign(&backend.key);
            let form = Backend::form(&assertion, "system/Claim.rs");
            proxy.cut(message, how);
            let answer = peer.post("/oauth2/token", &form).await;
            let happened = !proxy.is_armed();
            proxy.disarm();
            assert!(
                [200, 503].contains(&answer.status),
                "{how:?} {message}: {} {}",
                answer.status,
                answer.text
            );
            assert_whole(&world, &unmatched(&backend.id)).await;
            if answer.status == 503 {
                assert_eq!(answer.header("retry-after"), Some("1"));
                // Told that nothing was done: the same assertion is still good.
                peer.post("/oauth2/token", &form).await.token();
            }
            peer.post("/oauth2/token", &form).await.invalid_client();
            if !happened {
                break;
            }
            cuts += 1;
            lost_answers += usize::from(how == Cut::After && answer.status == 200);
        }
    }
    assert!(cuts >= 8, "the sweep cut {cuts} times");
    let found_out = world.processes[0].log().matches("the answer to a commit was lost").count();
    assert!(found_out >= 1 && lost_answers >= found_out, "a commit whose answer was lost is found out");
}

/// A world whose only writer can be cut.
async fn behind_a_proxy() -> (World, Proxy) {
    let proxy = Proxy::start(Database::socket()).await;
    let port = proxy.port;
    let url = |database: &Database| {
        format!("postgres://hilum_app@127.0.0.1:{port}/{}?sslmode=disable", database.name())
    };
    (World::configured(1, "[database]\nwriters = 1\n", url).await, proxy)
}

/// Every place where the connection can be cut.
fn places() -> impl Iterator<Item = (Cut, usize)> {
    [Cut::Before, Cut::After].into_iter().flat_map(|how| (1..60).map(move |message| (how, message)))
}

const SCOPE: &str = "offline_access patient/Observation.rs";

#[tokio::test]
async fn inv_8_a_connection_cut_at_any_message_of_a_redemption_leaves_a_code_whole_or_spent() {
    let (world, proxy) = behind_a_proxy().await;
    let app = App::public(&world, json!({"resources": [OPAQUE]})).await;
    let (pat, mut browser, peer) = (world.patient_person().await, Browser::new(&world), world.public());
    let request = app.authorize_with(SCOPE, &[("aud", OPAQUE)]);
    let (mut cuts, mut lost_answers, mut over) = (0, 0, None);
    for (how, message) in places() {
        if over == Some(how) {
            continue;
        }
        let code = browser.authorize(&request, &pat).await.code();
        proxy.cut(message, how);
        let answer = app.redeem(&peer, &code).await;
        let happened = !proxy.is_armed();
        proxy.disarm();
        assert!([200, 503].contains(&answer.status), "{how:?} {message}: {} {}", answer.status, answer.text);
        assert_whole(&world, &unbalanced(&app.id, 0)).await;
        if answer.status == 503 {
            assert_eq!(answer.header("retry-after"), Some("1"));
            // Told that nothing was done: the same code is still good.
            app.redeem(&peer, &code).await.granted();
        }
        app.redeem(&peer, &code).await.refused(400, "invalid_grant");
        assert_whole(&world, &unbalanced(&app.id, 0)).await;
        over = (!happened).then_some(how);
        cuts += usize::from(happened);
        lost_answers += usize::from(happened && how == Cut::After && answer.status == 200);
    }
    assert!(cuts >= 8 && lost_answers >= 1, "the sweep cut {cuts} times, {lost_answers} answers were lost");
}

#[tokio::test]
async fn inv_8_a_connection_cut_at_any_message_of_a_refresh_leaves_a_token_whole_or_spent() {
    let (world, proxy) = behind_a_proxy().await;
    // Without a time to ask again: what was spent by a lost answer would be the end of the family.
    let app = App::public(&world, json!({"resources": [OPAQUE]})).await;
    let (pat, mut browser, peer) = (world.patient_person().await, Browser::new(&world), world.public());
    let request = app.authorize_with(SCOPE, &[("aud", OPAQUE)]);
    let code = browser.authorize(&request, &pat).await.code();
    let mut tokens = app.redeem(&peer, &code).await.granted();
    let (mut cuts, mut lost_answers, mut over) = (0, 0, None);
    for (how, message) in places() {
        if over == Some(how) {
            continue;
        }
        let token = tokens["refresh_token"].as_str().unwrap().to_owned();
        proxy.cut(message, how);
        let answer = app.refresh(&peer, &token).await;
        let happened = !proxy.is_armed();
        proxy.disarm();
        assert!([200, 503].contains(&answer.status), "{how:?} {message}: {} {}", answer.status, answer.text);
        assert_whole(&world, &unbalanced(&app.id, 0)).await;
        tokens = match answer.status {
            200 => answer.granted(),
            // Told that nothing was done: the same token is still good.
            _ => app.refresh(&peer, &token).await.granted(),
        };
        over = (!happened).then_some(how);
        cuts += usize::from(happened);
        lost_answers += usize::from(happened && how == Cut::After && answer.status == 200);
    }
    assert!(cuts >= 8 && lost_answers >= 1, "the sweep cut {cuts} times, {lost_answers} answers were lost");
    assert_whole(&world, &unbalanced(&app.id, 0)).await;
    assert_eq!(world.database.count("select count(*) from alert").await, 0);
}

/// Changes and records are as many as each other, and nothing stays open.
async fn assert_whole(world: &World, differing: &str) {
    assert_eq!(world.database.count(differing).await, 0, "{differing}");
    let open = format!(
        "select count(*) from pg_stat_activity where datname = '{}' and state like 'idle in transaction%'",
        world.database.name()
    );
    // PostgreSQL may need a moment to see that a connection is gone.
    eventually("no transaction stays open", Duration::from_mins(1), || async {
        (world.database.count(&open).await == 0).then_some(())
    })
    .await;
}
