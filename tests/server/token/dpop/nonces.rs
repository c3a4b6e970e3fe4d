//! The nonces of this server (RFC 9449, 8).

use hilum::jose::algorithm::Algorithm;
use serde_json::{Value, json};

use super::{SCOPE, Scene};
use crate::harness::{Answer, Backend, Database, Prover, World};

fn nonce(answer: &Answer) -> &str {
    let nonce = answer.header("dpop-nonce").expect("a nonce");
    assert!(nonce.len() >= 16 && nonce.bytes().all(|byte| byte.is_ascii_graphic()), "{nonce}");
    nonce
}

#[tokio::test]
async fn dp_03_a_proof_needs_a_nonce_and_asking_for_one_uses_nothing_up() {
    let scene = Scene::start(json!({})).await;
    let assertion = scene.backend.assertion(&scene.world).sign(&scene.backend.key);
    let form = Backend::form(&assertion, SCOPE);
    let peer = |proof: String| scene.world.public().with("dpop", &proof);
    let mut given = String::new();
    for wrong in [Value::Null, json!("AAAAAAAAAAAAAAAAAAAAAA")] {
        let proof = scene.proof().claim("nonce", wrong).sign(&scene.prover.key);
        let answer = peer(proof).post("/oauth2/token", &form).await;
        answer.refused(400, "use_dpop_nonce");
        assert_eq!(answer.header("www-authenticate"), None, "the client is none the less known");
        nonce(&answer).clone_into(&mut given);
    }
    // The same assertion and another proof: whoever is sent back for a nonce has lost nothing.
    let proof = scene.proof().claim("nonce", json!(given)).sign(&scene.prover.key);
    let answer = peer(proof.clone()).post("/oauth2/token", &form).await;
    answer.granted();
    nonce(&answer);
    // Refusals of other things come with a nonce too; answers to those who show no proof come without.
    let answer = peer(scene.proof().sign(&scene.prover.key)).post("/oauth2/token", &[]).await;
    answer.refused(401, "invalid_client");
    nonce(&answer);
    let plain = scene.backend.ask(&scene.world, &scene.world.public(), SCOPE).await;
    assert_eq!((plain.status, plain.header("dpop-nonce")), (200, None));
    let kept = scene.world.public().with("dpop", &proof).get("/oauth2/jwks").await;
    assert_eq!((kept.status, kept.header("dpop-nonce")), (200, None), "what is kept tells no nonce");
    // To be told a nonce is no refusal of anything: it is counted, and has no record of its own, though one for all
    // when the minute is over.
    let records = scene.world.audit("token.issue").await;
    let is_count =
        |record: &Value| record["detail"].as_str().is_some_and(|text| text.starts_with("counted: "));
    let refused = records.iter().filter(|record| record["outcome"] == "refused" && !is_count(record));
    let said: Vec<&Value> = refused.map(|record| &record["reason"]).collect();
    assert_eq!(said, [&json!("no_client_named")]);
}

#[tokio::test]
async fn dp_03_where_nonces_are_optional_one_that_is_shown_is_still_right() {
    let world = World::configured(2, "[tokens]\ndpop_nonce = \"optional\"", Database::url).await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let public = world.public();
    let mut prover = Prover { key: crate::harness::key(Algorithm::Es256), nonce: String::new() };
    let ask = |proof: String| {
        let peer = public.with("dpop", &proof);
        let (world, backend) = (&world, &backend);
        async move { backend.ask(world, &peer, SCOPE).await }
    };
    let bare = prover.post(&public, "/oauth2/token").claim("nonce", Value::Null).sign(&prover.key);
    let answer = ask(bare).await;
    answer.granted();
    nonce(&answer).clone_into(&mut prover.nonce);
    ask(prover.post(&public, "/oauth2/token").sign(&prover.key)).await.granted();
    let wrong = prover.post(&public, "/oauth2/token").claim("nonce", json!("x")).sign(&prover.key);
    ask(wrong).await.refused(400, "use_dpop_nonce");
    // Every process knows the nonces of the others, and the address is that of the issuer at each.
    let proof = prover.post(&public, "/oauth2/token").sign(&prover.key);
    backend.ask(&world, &world.public_of(1).with("dpop", &proof), SCOPE).await.granted();
    // And every process knows what was shown to the others.
    backend.ask(&world, &public.with("dpop", &proof), SCOPE).await.refused(400, "invalid_dpop_proof");
    let printed = world.command(&["check"], "").expect_success();
    assert!(printed.contains("dpop_nonce = \"optional\""), "{printed}");
}
