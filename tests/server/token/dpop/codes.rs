//! Codes that are bound to a key (RFC 9449, 10), and what becomes of those that are not.

use serde_json::json;

use super::refusals;
use crate::harness::{App, Prover};
use crate::token::claims;
use crate::token::refresh_token::{SCOPE, Scene, Tokens};

#[tokio::test]
async fn dp_05_e07_a_bound_code_is_nothing_without_its_key() {
    let mut scene = Scene::start().await;
    let public = scene.world.public();
    let app = App::public(&scene.world, json!({})).await;
    let (own, thief) = (Prover::new(&public).await, Prover::new(&public).await);
    let url = app.authorize_with(SCOPE, &[("dpop_jkt", &own.jkt())]);
    let code = scene.browser.authorize(&url, &scene.pat).await.code();
    for peer in [public.clone(), thief.token(&public)] {
        app.redeem(&peer, &code).await.refused(400, "invalid_grant");
    }
    // Not even wrong verifiers count for whoever does not hold the key.
    for _ in 0..6 {
        app.redeem_with(&thief.token(&public), &code, &"x".repeat(43)).await.refused(400, "invalid_grant");
    }
    assert_eq!(refusals(&scene.world).await, ["code_of_another_key"; 8]);
    let tokens = Tokens(app.redeem(&own.token(&public), &code).await.granted());
    assert_eq!(tokens.0["token_type"], "DPoP");
    assert_eq!(claims(tokens.access())["cnf"], json!({"jkt": own.jkt()}));
    // A replay ends the tokens when it comes from whoever holds the key, and from nobody else.
    app.redeem(&thief.token(&public), &code).await.refused(400, "invalid_grant");
    assert!(scene.is_alive(&tokens).await);
    app.redeem(&own.token(&public), &code).await.refused(400, "invalid_grant");
    assert!(!scene.is_alive(&tokens).await);
}

#[tokio::test]
async fn dp_05_a_false_proof_spends_no_code() {
    let mut scene = Scene::start().await;
    let public = scene.world.public();
    let app = App::public(&scene.world, json!({"dpop_bound_access_tokens": true})).await;
    let prover = Prover::new(&public).await;
    let code = app.code(&mut scene.browser, &scene.pat, SCOPE).await;
    let late = prover.post(&public, "/oauth2/token").claim("iat", json!(1_700_000_000)).sign(&prover.key);
    app.redeem(&public.with("dpop", &late), &code).await.refused(400, "invalid_dpop_proof");
    let bare = prover.post(&public, "/oauth2/token").claim("nonce", json!(null)).sign(&prover.key);
    app.redeem(&public.with("dpop", &bare), &code).await.refused(400, "use_dpop_nonce");
    app.redeem(&public, &code).await.refused(400, "invalid_request");
    let proof = prover.post(&public, "/oauth2/token").sign(&prover.key);
    let tokens = Tokens(app.redeem(&public.with("dpop", &proof), &code).await.granted());
    // A proof that was shown before costs the code's family nothing either.
    app.refresh(&public.with("dpop", &proof), tokens.refresh()).await.refused(400, "invalid_dpop_proof");
    assert!(scene.is_alive(&tokens).await);
    app.refresh(&prover.token(&public), tokens.refresh()).await.granted();
}

#[tokio::test]
async fn dp_05_a_thumbprint_that_is_none_is_told_at_the_callback() {
    let mut scene = Scene::start().await;
    let app = App::public(&scene.world, json!({})).await;
    for bad in
        ["x", "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4", "0ZcOCORZNYy+DWpqq30jZyJGHTN0d2HglBV3uiguA4I"]
    {
        let page = scene.browser.open(&app.authorize_with(SCOPE, &[("dpop_jkt", bad)])).await;
        page.told(&app.callback, "invalid_request", Some(&app.state));
    }
}
