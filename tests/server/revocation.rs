//! Revocation (RFC 7009).

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::json;

use crate::harness::{ASSERTION_TYPE, Answer, Backend, FHIR, OPAQUE, World, registration};
use crate::token::reasons;

const PATH: &str = "/oauth2/revoke";

#[track_caller]
fn done(answer: &Answer) {
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn rv_01_rv_02_i06_what_is_unknown_or_anothers_is_answered_alike_and_stays_as_it_was() {
    let world = World::start().await;
    let peer = world.public();
    let fhir = Backend::register(&world, Algorithm::Es256, json!({"introspects": [FHIR, OPAQUE]})).await;
    let victim = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let opaque = Backend::register(&world, Algorithm::Es256, json!({"resources": [OPAQUE]})).await;
    let tokens = [
        victim.ask(&world, &peer, "system/Claim.rs").await.token(),
        opaque.ask(&world, &peer, "system/Claim.rs").await.token(),
    ];
    for token in &tokens {
        // Not even the resource server that may introspect it.
        done(&fhir.revoke(&world, &peer, token).await);
        fhir.introspect(&world, &peer, token).await.active();
    }
    for unknown in ["x", "hat_x", "a.b.c", &tokens[0][1..], &victim.assertion(&world).sign(&victim.key)] {
        done(&fhir.revoke(&world, &peer, unknown).await);
    }
    let (foreign, unknown) = ("token_of_another_client", "token_unknown_or_expired");
    let expected = [foreign, foreign, unknown, unknown, unknown, unknown, unknown];
    assert_eq!(reasons(&world, "token.revoke").await, expected);
    let records = world.audit("token.revoke").await;
    assert!(records.iter().any(|record| record["client"] == fhir.id && record["target"] == victim.id));
    assert_eq!(world.database.count("select count(*) from revoked_token").await, 0);

    // An expired token has nothing to revoke, and is no error.
    world
        .database
        .execute(
            "update opaque_token set expires_at = now() - interval '1 second', claims = \
        jsonb_set(claims, '{exp}', to_jsonb(extract(epoch from now())::bigint - 1))",
        )
        .await;
    done(&opaque.revoke(&world, &peer, &tokens[1]).await);
    done(&victim.revoke(&world, &peer, &tokens[0]).await);
    fhir.introspect(&world, &peer, &tokens[0]).await.inactive();
}

#[tokio::test]
async fn rv_05_i08_a_revoked_token_is_dead_everywhere_once_the_answer_is_there_and_after_a_crash() {
    let mut world = World::with_processes(2).await;
    let fhir = Backend::register(&world, Algorithm::Es256, json!({"introspects": [FHIR, OPAQUE]})).await;
    for url in [FHIR, OPAQUE] {
        let client = Backend::register(&world, Algorithm::Es256, json!({"resources": [url]})).await;
        for (here, there) in [(0, 1), (1, 0)] {
            let token = client.ask(&world, &world.public_of(here), "system/Claim.rs").await.token();
            let kept = client.ask(&world, &world.public_of(here), "system/Claim.rs").await.token();
            fhir.introspect(&world, &world.public_of(there), &token).await.active();
            done(&client.revoke(&world, &world.public_of(here), &token).await);
            fhir.introspect(&world, &world.public_of(there), &token).await.inactive();
            fhir.introspect(&world, &world.public_of(here), &token).await.inactive();
            fhir.introspect(&world, &world.public_of(there), &kept).await.active();
            done(&client.revoke(&world, &world.public_of(there), &token).await);
        }
    }
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let token = client.ask(&world, &world.public(), "system/Claim.rs").await.token();
    done(&client.revoke(&world, &world.public(), &token).await);
    world.processes[0].kill();
    world.restart(0).await;
    fhir.introspect(&world, &world.public(), &token).await.inactive();
}

#[tokio::test]
async fn rv_01_rv_02_a_client_proves_who_it_is_and_names_a_token_whatever_the_hint() {
    let world = World::start().await;
    let peer = world.public();
    let fhir = Backend::register(&world, Algorithm::Es256, json!({"introspects": [FHIR]})).await;
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let public = world.register(registration("none", json!({"grant_types": []}))).await;
    let token = client.ask(&world, &peer, "system/Claim.rs").await.token();
    peer.post(PATH, &[("token", &token)]).await.invalid_client();
    peer.post(PATH, &[("token", &token), ("client_id", &client.id)]).await.invalid_client();
    let bearer = peer.request(Method::POST, PATH).bearer_auth(&token);
    let bearer = crate::harness::encoded(bearer, &[("token", &token)]).send().await.unwrap();
    Answer::read(bearer).await.invalid_client();
    done(&peer.post(PATH, &[("token", &token), ("client_id", &public)]).await);
    let get = peer.get(&format!("{PATH}?token={token}")).await;
    assert_eq!((get.status, get.header("allow")), (405, Some("POST, OPTIONS")));
    fhir.introspect(&world, &peer, &token).await.active();

    let assertion = client.assertion(&world).sign(&client.key);
    let proof = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)];
    peer.post(PATH, &proof).await.refused(400, "invalid_request");
    let assertion = client.assertion(&world).sign(&client.key);
    let hinted = [
        ("token", token.as_str()),
        ("token_type_hint", "refresh_token"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &assertion),
    ];
    done(&peer.post(PATH, &hinted).await);
    fhir.introspect(&world, &peer, &token).await.inactive();
}

#[tokio::test]
async fn i07_rv_04_a_revocation_that_could_not_be_kept_is_not_said_to_be_done() {
    let world = World::start().await;
    let peer = world.public();
    let fhir = Backend::register(&world, Algorithm::Es256, json!({"introspects": [FHIR]})).await;
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let token = client.ask(&world, &peer, "system/Claim.rs").await.token();
    for table in ["revoked_token", "audit_event", "proof"] {
        world.database.execute(&format!("revoke insert on {table} from public, hilum_app")).await;
        let assertion = client.assertion(&world).sign(&client.key);
        let form = [
            ("token", token.as_str()),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ];
        let answer = peer.post(PATH, &form).await;
        answer.refused(503, "temporarily_unavailable");
        assert!(answer.header("retry-after").is_some());
        world.database.execute(&format!("grant insert on {table} to hilum_app")).await;
        fhir.introspect(&world, &peer, &token).await.active();
        if table == "proof" {
            // Nothing was consumed: the same request can be made again.
            done(&peer.post(PATH, &form).await);
        }
    }
    fhir.introspect(&world, &peer, &token).await.inactive();
}
