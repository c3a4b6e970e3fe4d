//! Refresh tokens and keys (RFC 9449, 5): a public app's are bound, those of a client that authenticates are not.

use serde_json::json;

use super::refusals;
use crate::harness::{App, Prover};
use crate::token::claims;
use crate::token::refresh_token::{SCOPE, Scene, Tokens};

#[tokio::test]
async fn dp_04_m10_e07_a_public_apps_refresh_token_is_nothing_without_its_key() {
    let mut scene = Scene::patient(1).await;
    let public = scene.world.public();
    let app = App::public(&scene.world, json!({})).await;
    let (own, thief) = (Prover::new(&public).await, Prover::new(&public).await);
    let code = app.code(&mut scene.browser, &scene.pat, SCOPE).await;
    let first = Tokens(app.redeem(&own.token(&public), &code).await.granted());
    let second = Tokens(app.refresh(&own.token(&public), first.refresh()).await.granted());
    assert_eq!(second.0["token_type"], "DPoP");
    assert_eq!(claims(second.access())["cnf"], json!({"jkt": own.jkt()}));
    // A lost answer may be asked for again: the proof tells who asks.
    let again = Tokens(app.refresh(&own.token(&public), first.refresh()).await.granted());
    assert_eq!(again.refresh(), second.refresh());
    let certificate = scene.world.authority.client("https://app.example/");
    for token in [second.refresh(), first.refresh()] {
        for peer in [public.clone(), thief.token(&public), scene.world.mtls(&certificate)] {
            app.refresh(&peer, token).await.refused(400, "invalid_grant");
        }
    }
    assert_eq!(refusals(&scene.world).await, ["refresh_token_of_another_sender"; 6]);
    assert!(scene.is_alive(&second).await && scene.alerts().await.is_empty());
    let third = Tokens(app.refresh(&own.token(&public), second.refresh()).await.granted());
    // Ending is no use: the app need not prove its key for that, as it can nowhere be told to.
    assert_eq!(app.ask(&public, "/oauth2/revoke", &[("token", third.refresh())]).await.status, 200);
    assert!(!scene.is_alive(&third).await);
    app.refresh(&own.token(&public), third.refresh()).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn dp_04_a_client_that_authenticates_may_come_with_another_key() {
    let mut scene = Scene::start().await;
    let public = scene.world.public();
    let app = App::asymmetric(&scene.world, json!({"dpop_bound_access_tokens": true})).await;
    let (old, new) = (Prover::new(&public).await, Prover::new(&public).await);
    let code = app.code(&mut scene.browser, &scene.pat, SCOPE).await;
    let first = Tokens(app.redeem(&old.token(&public), &code).await.granted());
    assert_eq!(claims(first.access())["cnf"], json!({"jkt": old.jkt()}));
    let second = Tokens(app.refresh(&new.token(&public), first.refresh()).await.granted());
    assert_eq!(claims(second.access())["cnf"], json!({"jkt": new.jkt()}));
    // Without any, no token is bound, and nothing is spent.
    app.refresh(&public, second.refresh()).await.refused(400, "invalid_request");
    app.refresh(&new.token(&public), second.refresh()).await.granted();
}

#[tokio::test]
async fn dp_04_a_family_that_was_not_bound_is_not_bound_later() {
    let mut scene = Scene::start().await;
    let public = scene.world.public();
    let app = App::public(&scene.world, json!({})).await;
    let prover = Prover::new(&public).await;
    let first = scene.launch(&app, SCOPE).await;
    assert_eq!(first.0["token_type"], "Bearer");
    let second = Tokens(app.refresh(&prover.token(&public), first.refresh()).await.granted());
    assert_eq!(claims(second.access())["cnf"], json!({"jkt": prover.jkt()}));
    let third = Tokens(app.refresh(&public, second.refresh()).await.granted());
    assert_eq!((&third.0["token_type"], claims(third.access()).get("cnf")), (&json!("Bearer"), None));
}
