//! `hilum restore`: once the database was put back from a backup, nothing of before may come back to life.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{App, World, run_briefly};
use crate::token::reasons;
use crate::token::refresh_token::{SCOPE, Scene, Tokens};

/// Declares, for the first time, that the database was put back from a backup.
pub fn declare(world: &World) {
    let told = world.command(&["restore", "--declare", "--json"], "").expect_success();
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), json!({"epoch": 2}));
}

#[tokio::test]
async fn inv_22_f_34_after_a_restore_what_was_spent_or_revoked_since_the_backup_stays_dead() {
    let mut scene = Scene::of(World::with_processes(2).await).await;
    let (here, there) = (scene.world.public_of(0), scene.world.public_of(1));
    let app = App::public(&scene.world, json!({})).await;
    let online = "openid online_access launch/patient patient/Observation.rs";
    let (spent, revoked) = (scene.launch(&app, SCOPE).await, scene.launch(&app, SCOPE).await);
    let (live, of_session) = (scene.launch(&app, SCOPE).await, scene.launch(&app, online).await);
    let (redeemed, fresh) = (
        app.code(&mut scene.browser, &scene.pat, SCOPE).await,
        app.code(&mut scene.browser, &scene.pat, SCOPE).await,
    );
    // What came after the backup, and is forgotten by it.
    let world = &scene.world;
    app.refresh(&here, spent.refresh()).await.granted();
    app.ask(&here, "/oauth2/revoke", &[("token", revoked.refresh())]).await;
    app.redeem(&there, &redeemed).await.granted();
    let forget = "update family set generation = 1, rotated_at = null, revoked_at = null;
                  update authorization_code set redeemed_at = null, family_id = null";
    world.database.execute(forget).await;

    declare(world);
    for peer in [&here, &there] {
        for tokens in [&spent, &revoked, &live] {
            app.refresh(peer, tokens.refresh()).await.refused(400, "invalid_grant");
        }
        app.refresh(peer, of_session.refresh()).await.refused(400, "invalid_grant");
        for code in [&redeemed, &fresh] {
            app.redeem(peer, code).await.refused(400, "invalid_grant");
        }
    }
    let reasons = reasons(world, "token.issue").await;
    let count = |reason: &str| reasons.iter().filter(|found| *found == reason).count();
    let counted = (count("refresh_token_of_before_a_restore"), count("code_unknown"));
    assert_eq!(counted, (8, 4), "{reasons:?}");
    for tokens in [&spent, &revoked, &live, &of_session] {
        assert!(!scene.is_alive(tokens).await, "nor does an access token come back");
    }
    assert!(scene.alerts().await.is_empty(), "who shows what died by a restore is no thief");

    let page = scene.browser.open(&app.authorize_url(SCOPE)).await;
    assert!(page.shows(200).asks_to_sign_in(), "nobody is signed in any more");
    let next = scene.launch(&app, SCOPE).await;
    let next = Tokens(app.refresh(&there, next.refresh()).await.granted());
    assert!(scene.is_alive(&next).await);
    app.refresh(&here, next.refresh()).await.granted();

    let record = &scene.world.audit("database.restore").await[0];
    assert_eq!(record["outcome"], "granted");
    assert!(record["person"].as_str().unwrap().starts_with("terminal:"), "{record}");
    let detail = record["detail"].as_str().unwrap();
    assert!(detail.contains("epoch 2"), "{detail}");
    let told = scene.world.command(&["restore", "--declare"], "").expect_success();
    assert!(told.contains("epoch 3"), "{told}");
}

#[tokio::test]
async fn a_restore_is_declared_in_so_many_words_or_not_at_all() {
    let mut scene = Scene::start().await;
    let app = App::public(&scene.world, json!({})).await;
    let tokens = scene.launch(&app, SCOPE).await;
    let config = scene.world.config();
    let config = config.to_string_lossy();
    for usage in [
        &["restore"][..],
        &["restore", "--config", &config],
        &["restore", "--declare", "now", "--config", &config],
        &["restore", "--declare=false", "--config", &config],
    ] {
        let ran = run_briefly(usage, &[("DATABASE_URL", scene.world.database.url())]).await;
        assert_eq!((ran.code(), ran.output().as_str()), (Some(2), ""), "{usage:?}");
        assert!(ran.complaint().contains("help"), "{usage:?}: {}", ran.complaint());
    }
    assert_eq!(scene.world.database.count("select number from epoch").await, 1);
    app.refresh(&scene.world.public(), tokens.refresh()).await.granted();
    scene.world.database.execute("revoke insert on audit_event from hilum_app").await;
    let ran = scene.world.command(&["restore", "--declare"], "");
    assert_eq!((ran.code(), ran.output().as_str()), (Some(1), ""), "{}", ran.complaint());
    assert_eq!(scene.world.database.count("select number from epoch").await, 1, "not without its record");
    scene.world.database.execute("grant insert on audit_event to hilum_app").await;
    assert_eq!(scene.world.administer(Method::GET, "/admin/v1/alerts", None).await.status, 200);
}
