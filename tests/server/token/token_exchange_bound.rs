//! Token exchange and the keys that tokens are bound to (RFC 8705, 3).

use hilum::jose::algorithm::Algorithm;
use serde_json::json;

use super::token_exchange::{EXCHANGE, Scene, exchange_as, service};
use super::{claims, reasons};
use crate::harness::{Backend, FHIR};

#[tokio::test]
async fn e01_m10_a_bound_token_becomes_no_token_that_anybody_could_use() {
    let scene = Scene::start().await;
    let world = &scene.world;
    let own = world.authority.client("https://payer.example/");
    let other = world.authority.client("https://other.example/");
    let members = json!({"tls_client_certificate_bound_access_tokens": true,
        "grant_types": ["client_credentials", EXCHANGE]});
    let payer = Backend::register(world, Algorithm::Es384, members).await;
    let token = payer.ask(world, &world.mtls(&own), "system/Claim.rs").await.token();
    assert_eq!(claims(&token)["cnf"]["x5t#S256"], own.thumbprint());

    // The service has no key to bind to, and then one of its own.
    scene.exchange(&token, &[]).await.refused(400, "invalid_request");
    let bound = json!({"tls_client_certificate_bound_access_tokens": true});
    let service = service(world, bound).await;
    let shown = (token.as_str(), &[][..]);
    exchange_as(world, &world.public(), &service, shown).await.refused(400, "invalid_request");
    let exchanged = exchange_as(world, &world.mtls(&other), &service, shown).await.token();
    assert_eq!(claims(&exchanged)["cnf"]["x5t#S256"], other.thumbprint());

    // Its own token is exchanged with its own key alone.
    let shown = (token.as_str(), &[("resource", FHIR)][..]);
    for peer in [world.public(), world.mtls(&other)] {
        exchange_as(world, &peer, &payer, shown).await.refused(400, "invalid_request");
    }
    let narrowed = exchange_as(world, &world.mtls(&own), &payer, shown).await.token();
    assert_eq!(claims(&narrowed)["cnf"]["x5t#S256"], own.thumbprint());
    assert_eq!(
        reasons(world, "token.issue").await,
        [
            "binding_lost",
            "certificate_required_by_registration",
            "subject_token_of_another_sender",
            "subject_token_of_another_sender"
        ]
    );
}
