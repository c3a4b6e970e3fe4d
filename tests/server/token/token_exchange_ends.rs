//! What an exchanged token ends with, and how often one is exchanged for another.

use reqwest::Method;
use serde_json::json;

use super::token_exchange::{ACCESS_TOKEN, DOWNSTREAM, Scene, exchange_as, service};
use super::{claims, reasons, text};
use crate::harness::{Backend, Browser, FHIR};

#[tokio::test]
async fn te_02_t09_an_exchanged_token_ends_with_the_token_the_grant_the_person_and_every_client_before_it() {
    let mut scene = Scene::start().await;
    let public = scene.world.public();
    let given = scene.tokens().await;
    let first = scene.exchanged(text(&given, "access_token")).await;
    assert!(scene.is_alive(&first).await);
    scene.app.ask(&public, "/oauth2/revoke", &[("token", text(&given, "access_token"))]).await;
    assert!(!scene.is_alive(&first).await, "CDS Hooks: the token of the hook was revoked when it ended");

    let given = scene.tokens().await;
    let second = scene.exchanged(text(&given, "access_token")).await;
    scene.app.ask(&public, "/oauth2/revoke", &[("token", text(&given, "refresh_token"))]).await;
    assert!(!scene.is_alive(&second).await, "the family was revoked");

    let given = scene.tokens().await;
    let third = scene.exchanged(text(&given, "access_token")).await;
    let mut browser = Browser::new(&scene.world);
    let page = browser.account(&scene.pat).await;
    browser.end_access(&page, &scene.app.id).await;
    assert!(!scene.is_alive(&third).await, "the person took it back");

    for which in ["app", "service"] {
        let given = scene.tokens().await;
        let token = scene.exchanged(text(&given, "access_token")).await;
        assert!(scene.is_alive(&token).await);
        let id = if which == "app" { &scene.app.id } else { &scene.service.id };
        let path = format!("/admin/v1/clients/{id}/disable");
        scene.world.administer(Method::POST, &path, None).await;
        assert!(!scene.is_alive(&token).await, "{which} was disabled");
        let path = format!("/admin/v1/clients/{id}/enable");
        scene.world.administer(Method::POST, &path, None).await;
        assert!(!scene.is_alive(&token).await, "{which} was enabled again");
        scene.app = crate::harness::App::public(&scene.world, json!({})).await;
        scene.service = service(&scene.world, json!({})).await;
    }

    let given = scene.tokens().await;
    let last = scene.exchanged(text(&given, "access_token")).await;
    let path = format!("/admin/v1/users/{}/disable", scene.pat.subject);
    scene.world.administer(Method::POST, &path, None).await;
    assert!(!scene.is_alive(&last).await, "the person was disabled");
    scene.exchange(&last, &[]).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn te_02_a_system_s_exchanged_token_ends_with_that_system() {
    let scene = Scene::start().await;
    let payer = Backend::register(&scene.world, hilum::jose::algorithm::Algorithm::Es384, json!({})).await;
    let token = payer.ask(&scene.world, &scene.world.public(), "system/Claim.rs").await.token();
    let exchanged = scene.exchanged(&token).await;
    assert!(scene.is_alive(&exchanged).await);
    let path = format!("/admin/v1/clients/{}/disable", payer.id);
    scene.world.administer(Method::POST, &path, None).await;
    assert!(!scene.is_alive(&exchanged).await);
}

#[tokio::test]
async fn e01_te_02_the_chain_of_actors_is_kept_and_does_not_grow_without_end() {
    let scene = Scene::start().await;
    let (world, public) = (&scene.world, scene.world.public());
    let given = scene.tokens().await;
    let mut token = text(&given, "access_token").to_owned();
    let mut act = json!({"sub": scene.app.id});
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let next = service(world, json!({})).await;
        token = exchange_as(world, &public, &next, (&token, &[("resource", FHIR)])).await.token();
        act = json!({"sub": next.id, "act": act});
        assert_eq!(claims(&token)["act"], act);
        tokens.push(token.clone());
    }
    // Whoever exchanges a token of its own loses nothing of it, and gets nobody in front of itself.
    let own = exchange_as(world, &public, &scene.service, (&tokens[0], &[("resource", FHIR)])).await.token();
    assert_eq!(claims(&own)["act"]["act"], claims(&tokens[0])["act"]);
    let again = scene.exchange(&own, &[("resource", FHIR)]).await.token();
    assert_eq!(claims(&again)["act"], claims(&own)["act"]);
    scene.exchange(&token, &[]).await.refused(400, "invalid_request");
    assert_eq!(reasons(world, "token.issue").await, ["exchanged_too_often"]);
    // Each is gone with any before it: the first service ends what it was given.
    let exp = |token: &str| claims(token)["exp"].as_i64().unwrap();
    assert!(tokens.windows(2).all(|pair| exp(&pair[1]) <= exp(&pair[0])));
    scene.app.ask(&public, "/oauth2/revoke", &[("token", text(&given, "access_token"))]).await;
    for token in &tokens {
        assert!(!scene.is_alive(token).await);
    }
}

#[tokio::test]
async fn te_02_no_exchanged_token_outlives_the_one_before() {
    let scene = Scene::start().await;
    let short = json!({"token_seconds": 30});
    scene.world.administer(Method::PATCH, "/admin/v1/resources/fhir", Some(short)).await;
    let given = scene.tokens().await;
    let before = claims(text(&given, "access_token"));
    let granted = scene.exchange(text(&given, "access_token"), &[]).await.granted();
    assert!(granted["expires_in"].as_i64().unwrap() <= 30, "{granted}");
    assert!(claims(text(&granted, "access_token"))["exp"].as_i64() <= before["exp"].as_i64());
}

#[tokio::test]
async fn rfc8693_an_actor_token_says_who_asks_and_no_more() {
    let scene = Scene::start().await;
    let both = json!({"grant_types": ["client_credentials", super::token_exchange::EXCHANGE]});
    let acting = service(&scene.world, both).await;
    let own = acting.assertion(&scene.world).sign(&acting.key);
    let mut form = Backend::form(&own, "system/Claim.rs");
    form.push(("resource", DOWNSTREAM));
    let actor = scene.world.public().post("/oauth2/token", &form).await.token();
    let given = scene.tokens().await;
    let shown = (
        text(&given, "access_token"),
        &[("actor_token", actor.as_str()), ("actor_token_type", ACCESS_TOKEN)][..],
    );
    let granted = exchange_as(&scene.world, &scene.world.public(), &acting, shown).await.token();
    assert_eq!(claims(&granted)["act"], json!({"sub": acting.id, "act": {"sub": scene.app.id}}));
}
