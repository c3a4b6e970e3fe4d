//! Apps that prove who they are by their certificate (RFC 8705, 2), and bound grants in the hands of others.

use serde_json::json;

use super::refresh_token::{SCOPE, Scene, Tokens};
use super::{claims, reasons};
use crate::harness::App;

const URI: &str = "https://app.example/";

#[tokio::test]
async fn mt_02_mt_05_an_app_redeems_and_refreshes_by_its_certificate() {
    let mut scene = Scene::start().await;
    let method = json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_uri": URI});
    let app = App::public(&scene.world, method).await;
    let own = scene.world.authority.client(URI);
    let other = scene.world.authority.client("https://other.example/");
    let code = app.code(&mut scene.browser, &scene.pat, SCOPE).await;
    for peer in [scene.world.public(), scene.world.mtls_of(0, None), scene.world.mtls(&other)] {
        app.redeem(&peer, &code).await.invalid_client();
    }
    let first = Tokens(app.redeem(&scene.world.mtls(&own), &code).await.granted());
    assert_eq!(claims(first.access())["cnf"]["x5t#S256"], own.thumbprint());
    for peer in [scene.world.public(), scene.world.mtls(&other)] {
        app.refresh(&peer, first.refresh()).await.invalid_client();
    }
    // The name is what was registered, so the certificate may be a new one.
    let renewed = scene.world.authority.client(URI);
    let second = Tokens(app.refresh(&scene.world.mtls(&renewed), first.refresh()).await.granted());
    assert_eq!(claims(second.access())["cnf"]["x5t#S256"], renewed.thumbprint());
    assert!(scene.is_alive(&second).await);
}

#[tokio::test]
async fn m10_c01_a_bound_grant_is_ended_by_whoever_holds_its_key_or_its_verifier_alone() {
    let mut scene = Scene::start().await;
    let members = json!({"tls_client_certificate_bound_access_tokens": true});
    let app = App::public(&scene.world, members).await;
    let own = scene.world.authority.client(URI);
    let thief = scene.world.authority.client("https://thief.example/");
    let code = app.code(&mut scene.browser, &scene.pat, SCOPE).await;
    let held = scene.world.mtls(&own);
    let tokens = Tokens(app.redeem(&held, &code).await.granted());

    // A copy of the code and the refresh token: everything but the key and the verifier.
    let stolen = scene.world.mtls(&thief);
    app.redeem_with(&stolen, &code, &"x".repeat(43)).await.refused(400, "invalid_grant");
    for peer in [scene.world.public(), stolen] {
        let answer = app.ask(&peer, "/oauth2/revoke", &[("token", tokens.refresh())]).await;
        assert_eq!(answer.status, 200);
    }
    assert!(scene.is_alive(&tokens).await && scene.alerts().await.is_empty());
    let revoked = reasons(&scene.world, "token.revoke").await;
    assert_eq!(revoked, ["refresh_token_of_another_sender"; 2]);

    app.redeem(&held, &code).await.refused(400, "invalid_grant");
    assert!(!scene.is_alive(&tokens).await);
    let next = app.code(&mut scene.browser, &scene.pat, SCOPE).await;
    let next = Tokens(app.redeem(&held, &next).await.granted());
    assert_eq!(app.ask(&held, "/oauth2/revoke", &[("token", next.refresh())]).await.status, 200);
    assert!(!scene.is_alive(&next).await);

    // A thief with the verifier who came first has bound the tokens to his own key; the app still ends them.
    let code = app.code(&mut scene.browser, &scene.pat, SCOPE).await;
    let taken = Tokens(app.redeem(&scene.world.mtls(&thief), &code).await.granted());
    app.redeem(&held, &code).await.refused(400, "invalid_grant");
    assert!(!scene.is_alive(&taken).await);
    assert_eq!(scene.alerts().await.len(), 2);
}
