//! The assertions of the JWT-bearer grant: what must stand in them, and who has signed them (RFC 7523, 3).

use hilum::jose::algorithm::Algorithm;
use serde_json::{Value, json};

use super::jwt_bearer::{ISSUER, Scene, grants, show_as};
use super::reasons;
use crate::harness::{App, World, key, now};

#[tokio::test]
async fn jb_01_jb_02_j01_to_j12_an_assertion_that_is_not_right_in_every_point_is_an_invalid_grant() {
    let scene = Scene::start().await;
    let (issuer, token_url) = (scene.world.issuer().to_owned(), scene.world.issuer_url("/oauth2/token"));
    let now = now();
    let changes: Vec<(&str, Value, &str)> = vec![
        ("iss", Value::Null, "assertion_iss"),
        ("iss", json!("https://idp.example/"), "issuer_not_trusted"),
        ("iss", json!(issuer), "issuer_not_trusted"),
        ("iss", json!([ISSUER]), "assertion_iss"),
        ("iss", json!("a\0"), "assertion_malformed"),
        ("sub", json!("pat\0"), "assertion_malformed"),
        ("more", json!({"\0": [1]}), "assertion_malformed"),
        ("sub", Value::Null, "assertion_sub"),
        ("sub", json!(["pat"]), "assertion_sub"),
        ("aud", Value::Null, "assertion_aud"),
        ("aud", json!(format!("{token_url}/")), "assertion_aud"),
        ("aud", json!(format!("{issuer}/oauth2/introspect")), "assertion_aud"),
        ("aud", json!("https://other.example/oauth2/token"), "assertion_aud"),
        ("aud", json!([issuer, "https://other.example"]), "assertion_aud"),
        ("aud", json!([]), "assertion_aud"),
        ("aud", json!(1), "assertion_aud"),
        ("exp", Value::Null, "assertion_exp"),
        ("exp", json!("9999999999"), "assertion_exp"),
        ("exp", json!(-1), "assertion_exp"),
        ("exp", json!(now - 60), "assertion_expired"),
        ("exp", json!(now + 400), "assertion_exp_far_ahead"),
        ("exp", json!(1e10), "assertion_exp_far_ahead"),
        ("iat", json!(now + 600), "assertion_from_the_future"),
        ("nbf", json!(now + 600), "assertion_from_the_future"),
        ("nbf", json!("99999999999"), "assertion_times"),
        ("jti", Value::Null, "assertion_jti"),
        ("jti", json!(""), "assertion_jti"),
        ("jti", json!(7), "assertion_jti"),
        ("jti", json!("x".repeat(300)), "assertion_jti"),
    ];
    let mut expected = Vec::new();
    for (name, value, reason) in changes {
        scene
            .show(&scene.assertion().claim(name, value).sign(&scene.key), &[])
            .await
            .refused(400, "invalid_grant");
        expected.push(reason);
    }
    let heads: Vec<(&str, Value, &str)> = vec![
        ("kid", Value::Null, "assertion_kid_missing"),
        ("kid", json!("../../dev/null"), "assertion_key_unknown"),
        ("kid", json!(["idp-1"]), "assertion_malformed"),
        ("alg", json!("none"), "assertion_malformed"),
        ("alg", json!("HS256"), "assertion_malformed"),
        ("alg", json!("ES256"), "assertion_key_unknown"),
        ("crit", json!(["b64"]), "assertion_malformed"),
        ("jku", json!("https://evil.example/jwks"), "assertion_jku_not_registered"),
        ("typ", json!("at+jwt"), "assertion_typ"),
        ("typ", json!("client-authentication+jwt"), "assertion_typ"),
        ("typ", json!("logout+jwt"), "assertion_typ"),
    ];
    for (name, value, reason) in heads {
        scene
            .show(&scene.assertion().head(name, value).sign(&scene.key), &[])
            .await
            .refused(400, "invalid_grant");
        expected.push(reason);
    }
    let forged = scene.assertion().head("jwk", key(Algorithm::Es384).public_jwk("idp-1"));
    for text in [forged.sign(&key(Algorithm::Es384)), scene.assertion().sign(&key(Algorithm::Es384))] {
        scene.show(&text, &[]).await.refused(400, "invalid_grant");
        expected.push("assertion_signature");
    }
    for text in ["x", "a.b.c", "...."] {
        scene.show(text, &[]).await.refused(400, "invalid_grant");
        expected.push("assertion_malformed");
    }
    scene.show("", &[]).await.refused(400, "invalid_request");
    expected.push("missing_parameter");
    assert_eq!(reasons(&scene.world, "token.issue").await, expected);

    // None of it used anything up, and each form that is right is believed.
    for audience in [json!(issuer), json!(token_url), json!([issuer])] {
        scene.show(&scene.assertion().claim("aud", audience).sign(&scene.key), &[]).await.granted();
    }
    for typ in [Value::Null, json!("JWT"), json!("authorization-grant+jwt")] {
        scene.show(&scene.assertion().head("typ", typ).sign(&scene.key), &[]).await.granted();
    }
    let skewed = scene.assertion().claim("iat", json!(now + 8)).claim("nbf", json!(now + 8));
    scene.show(&skewed.sign(&scene.key), &[]).await.granted();
}

#[tokio::test]
async fn jb_01_j06_an_assertion_is_good_once_whoever_shows_it_and_however_the_client_authenticates() {
    let world = World::with_processes(2).await;
    let app = App::asymmetric(&world, grants()).await;
    let scene = Scene::of(world, app).await;
    let other = App::secret(&scene.world, grants()).await;
    scene.trust(json!({"clients": [scene.app.id, other.id]})).await;
    let once = scene.assertion().sign(&scene.key);
    let shows = (0..8).map(|_| scene.show(&once, &[]));
    let answers = futures_util::future::join_all(shows).await;
    let granted = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(granted, 1);
    // Whoever waited too long for the others was told to come again: nothing was decided.
    let refused: Vec<_> = answers.iter().filter(|answer| ![200, 503].contains(&answer.status)).collect();
    for answer in &refused {
        // The client itself has proved who it is, each time with another assertion of its own.
        answer.refused(400, "invalid_grant");
    }
    show_as(&scene.world, &other, &once, &[]).await.refused(400, "invalid_grant");
    let expected = vec!["assertion_replayed"; refused.len() + 1];
    assert_eq!(reasons(&scene.world, "token.issue").await, expected);
}

#[tokio::test]
async fn jb_01_an_issuer_may_be_held_to_a_shorter_life_of_its_assertions() {
    let scene = Scene::start().await;
    scene.trust(json!({"assertion_seconds": 30})).await;
    scene.ask(&[]).await.refused(400, "invalid_grant");
    let short = scene.assertion().claim("exp", json!(now() + 25)).sign(&scene.key);
    scene.show(&short, &[]).await.granted();
    assert_eq!(reasons(&scene.world, "token.issue").await, ["assertion_exp_far_ahead"]);
}

#[tokio::test]
async fn k07_the_absence_of_an_issuer_s_keys_is_no_fault_of_this_server() {
    let scene = Scene::start().await;
    scene.trust(json!({"jwks": null, "jwks_uri": "https://idp.example/jwks"})).await;
    for jku in [Value::Null, json!("https://idp.example/jwks")] {
        scene
            .show(&scene.assertion().head("jku", jku).sign(&scene.key), &[])
            .await
            .refused(400, "invalid_grant");
    }
    let found = reasons(&scene.world, "token.issue").await;
    assert_eq!(found, ["issuer_keys_unavailable", "issuer_keys_unavailable"]);
}
