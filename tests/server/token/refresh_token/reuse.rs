//! A spent refresh token: the end of its family, or a lost answer.

use serde_json::json;
use time::Duration;

use super::lifetime::Inside;
use super::{SCOPE, Scene, Tokens};
use crate::harness::{App, Browser, Database, World};
use crate::token::reasons;

/// How often reuse was recorded, and how often the use of what was revoked by it; nothing else was refused.
async fn told(world: &World) -> (usize, usize) {
    let reasons = reasons(world, "token.issue").await;
    let count = |reason: &str| reasons.iter().filter(|found| *found == reason).count();
    let (reused, revoked) = (count("refresh_token_reused"), count("family_revoked"));
    assert_eq!(reused + revoked, reasons.len(), "{reasons:?}");
    (reused, revoked)
}

#[tokio::test]
async fn t01_sm_r_04_bc_05_reuse_kills_its_family_everywhere_and_no_other_and_raises_an_alert() {
    let mut scene = Scene::of(World::with_processes(2).await).await;
    let (here, there) = (scene.world.public_of(0), scene.world.public_of(1));
    let app = App::public(&scene.world, json!({})).await;
    let other = scene.launch(&app, SCOPE).await;
    let first = scene.launch(&app, SCOPE).await;
    let second = Tokens(app.refresh(&here, first.refresh()).await.granted());
    assert_ne!(first.refresh(), second.refresh());
    for tokens in [&first, &second, &other] {
        assert!(scene.is_alive(tokens).await);
    }

    app.refresh(&there, first.refresh()).await.refused(400, "invalid_grant");
    assert!(!scene.is_alive(&first).await && !scene.is_alive(&second).await);
    for peer in [&here, &there] {
        app.refresh(peer, second.refresh()).await.refused(400, "invalid_grant");
        app.refresh(peer, first.refresh()).await.refused(400, "invalid_grant");
    }
    assert_eq!(told(&scene.world).await, (1, 4));

    let alerts = scene.alerts().await;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!((&alerts[0]["kind"], &alerts[0]["client"]), (&json!("refresh_token_reused"), &json!(app.id)));
    assert_eq!(alerts[0]["person"], json!(scene.pat.subject));
    let records = scene.world.audit("token.issue").await;
    let record = records.iter().find(|record| record["reason"] == "refresh_token_reused").unwrap();
    assert_eq!(record["id"], alerts[0]["audit_event"]);
    assert_eq!(record["detail"], "every token of this grant was revoked");
    assert_eq!((&record["patient"], &record["grant_type"]), (&json!("rivera"), &json!("refresh_token")));

    let printed = scene.world.command(&["audit", "alerts"], "").expect_success();
    assert!(printed.contains("refresh_token_reused") && printed.contains(&app.id), "{printed}");
    let printed = scene.world.command(&["audit", "alerts", "--json"], "").expect_success();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).unwrap(), json!(alerts));

    // Another launch of the same app by the same person is another family.
    assert!(scene.is_alive(&other).await);
    let next = Tokens(app.refresh(&there, other.refresh()).await.granted());
    assert!(scene.is_alive(&next).await);
}

#[tokio::test]
async fn d2_a_lost_answer_is_given_again_with_the_same_successor_until_that_is_used() {
    let mut scene = Scene::patient(2).await;
    let peers = [scene.world.public_of(0), scene.world.public_of(1)];
    let members =
        [App::secret(&scene.world, json!({})).await, App::asymmetric(&scene.world, json!({})).await];
    for app in members {
        let first = scene.launch(&app, SCOPE).await;
        let second = Tokens(app.refresh(&peers[0], first.refresh()).await.granted());
        for at in 0..4 {
            let again = Tokens(app.refresh(&peers[at % 2], first.refresh()).await.granted());
            assert_eq!(again.refresh(), second.refresh(), "one successor");
            assert_ne!(again.access(), second.access());
            assert!(scene.is_alive(&again).await);
        }
        let third = Tokens(app.refresh(&peers[1], second.refresh()).await.granted());
        assert_ne!(third.refresh(), second.refresh());
        let again = Tokens(app.refresh(&peers[0], second.refresh()).await.granted());
        assert_eq!(again.refresh(), third.refresh());
        assert!(scene.is_alive(&third).await);

        // The successor of the first was used: whoever shows the first now is not the one who uses it.
        app.refresh(&peers[0], first.refresh()).await.refused(400, "invalid_grant");
        assert!(!scene.is_alive(&third).await && !scene.is_alive(&again).await);
        app.refresh(&peers[1], third.refresh()).await.refused(400, "invalid_grant");
    }
    assert_eq!(scene.alerts().await.len(), 2);
    assert_eq!(told(&scene.world).await, (2, 2));
}

#[tokio::test]
async fn d2_the_time_to_ask_again_ends_and_is_none_where_none_is_configured() {
    let world = World::start().await;
    let app = App::secret(&world, json!({"token_endpoint_auth_method": "client_secret_post"})).await;
    let pat = world.patient_person().await;
    let code = app.code(&mut Browser::new(&world), &pat, SCOPE).await;
    let inside = Inside::of(&world).await;
    let first = inside.redeem(&app, &code).await.unwrap().refresh;
    let second = inside.refresh(&app, &first).await.unwrap().refresh;
    inside.clock.advance(Duration::seconds(9));
    assert_eq!(inside.refresh(&app, &first).await.unwrap().refresh, second);
    inside.clock.advance(Duration::seconds(1));
    inside.refuses(&app, &first, "refresh_token_reused").await;
    inside.refuses(&app, &second, "family_revoked").await;

    let none = World::configured(1, "[tokens]\nrefresh_retry_seconds = 0\n", Database::url).await;
    let mut scene = Scene::of(none).await;
    let app = App::asymmetric(&scene.world, json!({})).await;
    let first = scene.launch(&app, SCOPE).await;
    let second = Tokens(app.refresh(&scene.world.public(), first.refresh()).await.granted());
    app.refresh(&scene.world.public(), first.refresh()).await.refused(400, "invalid_grant");
    assert!(!scene.is_alive(&second).await);
}
