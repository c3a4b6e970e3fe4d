//! What a proof must be at the token endpoint (RFC 9449, 4.3).

use hilum::jose::algorithm::Algorithm;
use serde_json::{Value, json};

use super::{SCOPE, Scene, refusals};
use crate::harness::{Prover, key, now};
use crate::token::claims;

#[tokio::test]
async fn dp_01_dp_02_e07_each_fault_of_a_proof_is_told_and_binds_nothing() {
    let scene = Scene::start(json!({})).await;
    let (public, other) = (scene.world.public(), key(Algorithm::Es256));
    let url = |path: &str| json!(format!("{}{path}", public.base));
    let claim = |name: &str, value: Value| scene.proof().claim(name, value);
    let cases = [
        (scene.proof().head("typ", json!("JWT")), "dpop_typ"),
        (scene.proof().head("typ", Value::Null), "dpop_typ"),
        (scene.proof().head("alg", json!("none")), "dpop_alg"),
        (scene.proof().head("alg", json!("HS256")), "dpop_alg"),
        (scene.proof().head("jwk", Value::Null), "dpop_jwk"),
        (scene.proof().head("jwk", scene.prover.key.private_jwk("k").unwrap()), "dpop_jwk"),
        (scene.proof().head("jwk", json!({"kty": "oct", "k": "AAAA"})), "dpop_jwk"),
        (scene.proof().head("jwk", other.public_jwk("k")), "dpop_signature"),
        (claim("jti", Value::Null), "dpop_jti"),
        (claim("htm", Value::Null), "dpop_htm"),
        (claim("htm", json!("GET")), "dpop_htm"),
        (claim("htu", Value::Null), "dpop_htu"),
        (claim("htu", url("/oauth2/revoke")), "dpop_htu"),
        (claim("htu", json!("https://evil.example/oauth2/token")), "dpop_htu"),
        (claim("iat", Value::Null), "dpop_times"),
        (claim("iat", json!(now() - 3600)), "dpop_old"),
        (claim("iat", json!(now() + 3600)), "dpop_from_the_future"),
        (claim("exp", json!(now() - 1)), "dpop_old"),
        (claim("nbf", json!(now() + 300)), "dpop_from_the_future"),
    ];
    for (proof, reason) in &cases {
        let answer = scene.ask(proof).await;
        answer.refused(400, "invalid_dpop_proof");
        assert!(answer.header("dpop-nonce").is_some_and(|nonce| !nonce.is_empty()), "{reason}");
    }
    for text in ["", "x", "a.b.c"] {
        scene.ask_as(text).await.refused(400, "invalid_dpop_proof");
    }
    let expected: Vec<&str> = cases.iter().map(|(_, reason)| *reason).chain(["dpop_malformed"; 3]).collect();
    assert_eq!(refusals(&scene.world).await, expected);
    let (first, second) = (scene.proof().sign(&scene.prover.key), scene.proof().sign(&scene.prover.key));
    let twice = public.with("dpop", &first).with("dpop", &second);
    scene.backend.ask(&scene.world, &twice, SCOPE).await.refused(400, "invalid_dpop_proof");
    scene.ask_as(&format!("{first}, {second}")).await.refused(400, "invalid_dpop_proof");
    scene.ask_as(&first).await.granted();
}

#[tokio::test]
async fn dp_01_dp_02_a_right_proof_may_say_more_and_spell_the_address_otherwise() {
    let scene = Scene::start(json!({})).await;
    let base = scene.world.public().base;
    let port = base.rsplit_once(':').unwrap().1;
    for htu in [
        format!("{base}/oauth2/token?a=b#c"),
        format!("HTTPS://LocalHost:{port}/oauth2/%74oken"),
        format!("{}/oauth2/token", scene.world.mtls_of(0, None).base),
    ] {
        scene.ask(&scene.proof().claim("htu", json!(htu))).await.granted();
    }
    for iat in [now() - 10, now() + 10] {
        scene.ask(&scene.proof().claim("iat", json!(iat))).await.granted();
    }
    let more =
        scene.proof().claim("nbf", json!(now())).claim("exp", json!(now() + 300)).claim("x", json!([1]));
    scene.ask(&more.head("kid", json!("k"))).await.granted();
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es384, Algorithm::EdDsa] {
        let prover = Prover::of(algorithm, &scene.world.public()).await;
        let peer = prover.token(&scene.world.public());
        let token = scene.backend.ask(&scene.world, &peer, SCOPE).await.token();
        assert_eq!(claims(&token)["cnf"], json!({"jkt": prover.jkt()}));
    }
}

#[tokio::test]
async fn dp_02_e07_a_proof_is_shown_once_and_is_its_keys_alone() {
    let scene = Scene::start(json!({})).await;
    let proof = scene.proof();
    scene.ask(&proof).await.granted();
    for _ in 0..2 {
        scene.ask(&proof).await.refused(400, "invalid_dpop_proof");
    }
    assert_eq!(refusals(&scene.world).await, ["dpop_replayed"; 2]);
    // The same jti in a proof for another listener, or of another key, is another proof.
    let elsewhere = format!("{}/oauth2/token", scene.world.mtls_of(0, None).base);
    scene.ask(&proof.clone().claim("htu", json!(elsewhere))).await.granted();
    let other = Prover::new(&scene.world.public()).await;
    let same = other.post(&scene.world.public(), "/oauth2/token").claim("jti", proof.claims["jti"].clone());
    scene.ask_as(&same.sign(&other.key)).await.granted();

    // Eight at once: one of them is the first.
    let text = scene.proof().sign(&scene.prover.key);
    let all = futures_util::future::join_all((0..8).map(|_| scene.ask_as(&text))).await;
    assert_eq!(all.iter().filter(|answer| answer.status == 200).count(), 1);
}
