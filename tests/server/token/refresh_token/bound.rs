//! Refresh tokens of a public app that are nothing without its certificate (RFC 8705, 4).

use serde_json::json;

use super::{SCOPE, Scene, Tokens};
use crate::harness::App;
use crate::token::{claims, reasons};

#[tokio::test]
async fn mt_07_a_public_apps_refresh_token_is_nothing_without_its_certificate() {
    let mut scene = Scene::patient(1).await;
    let members = json!({"tls_client_certificate_bound_access_tokens": true});
    let app = App::public(&scene.world, members).await;
    let (own, other) = (
        scene.world.authority.client("https://a.example/"),
        scene.world.authority.client("https://b.example/"),
    );
    let (held, stolen) = (scene.world.mtls(&own), scene.world.mtls(&other));
    let bare = [scene.world.public(), scene.world.mtls_of(0, None)];
    let code = app.code(&mut scene.browser, &scene.pat, SCOPE).await;
    let first = Tokens(app.redeem(&held, &code).await.granted());
    let second = Tokens(app.refresh(&held, first.refresh()).await.granted());
    assert_eq!(claims(second.access())["cnf"]["x5t#S256"], own.thumbprint());
    // A lost answer may be asked for again: the certificate proves who asks.
    let again = Tokens(app.refresh(&held, first.refresh()).await.granted());
    assert_eq!(again.refresh(), second.refresh());
    let third = Tokens(app.refresh(&held, second.refresh()).await.granted());

    // The live one, and the one by which its own app would end the family.
    for token in [third.refresh(), first.refresh()] {
        app.refresh(&stolen, token).await.refused(400, "invalid_grant");
        for peer in &bare {
            app.refresh(peer, token).await.refused(400, "invalid_grant");
        }
    }
    assert_eq!(reasons(&scene.world, "token.issue").await, ["refresh_token_of_another_sender"; 6]);
    assert!(scene.is_alive(&third).await && scene.alerts().await.is_empty());
    let fourth = Tokens(app.refresh(&held, third.refresh()).await.granted());
    app.refresh(&held, first.refresh()).await.refused(400, "invalid_grant");
    assert!(!scene.is_alive(&fourth).await);
}

#[tokio::test]
async fn mt_07_a_client_that_authenticates_may_come_with_a_renewed_certificate() {
    let mut scene = Scene::start().await;
    let members = json!({"tls_client_certificate_bound_access_tokens": true});
    let app = App::secret(&scene.world, members).await;
    let (old, renewed) = (
        scene.world.authority.client("https://a.example/"),
        scene.world.authority.client("https://a.example/"),
    );
    let code = app.code(&mut scene.browser, &scene.pat, SCOPE).await;
    let first = Tokens(app.redeem(&scene.world.mtls(&old), &code).await.granted());
    let second = Tokens(app.refresh(&scene.world.mtls(&renewed), first.refresh()).await.granted());
    assert_eq!(claims(second.access())["cnf"]["x5t#S256"], renewed.thumbprint());
    // Without any, no token is bound, and nothing is spent.
    app.refresh(&scene.world.public(), second.refresh()).await.refused(400, "invalid_request");
    app.refresh(&scene.world.mtls(&renewed), second.refresh()).await.granted();
}
