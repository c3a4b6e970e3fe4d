//! Access tokens: their form (RFC 9068), their keys, and the end of both.

use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use hilum::jose::jwk::Jwk;
use hilum::jose::jws::UnverifiedJws;
use reqwest::Method;
use serde_json::{Value, json};

use super::{claims, header};
use crate::harness::{Backend, FHIR, OPAQUE, Peer, World};

/// The published keys of a process.
async fn published(peer: &Peer) -> Vec<Value> {
    peer.get("/oauth2/jwks").await.json()["keys"].as_array().expect("keys").clone()
}

/// Verifies a token as a resource server does, with the published key that its header names.
async fn verified(peer: &Peer, token: &str) {
    let kid = header(token)["kid"].clone();
    let keys = published(peer).await;
    let key = keys.iter().find(|key| key["kid"] == kid).expect("a published key");
    UnverifiedJws::parse(token).unwrap().verify(&Jwk::parse(key).unwrap()).expect("a good signature");
}

#[tokio::test]
async fn at_01_at_02_at_03_at_05_a_token_is_an_at_jwt_for_one_audience_that_the_key_set_verifies() {
    let world = World::start().await;
    let backend = Backend::register(&world, Algorithm::Es384, json!({})).await;
    let tokens = [
        backend.ask(&world, &world.public(), "system/Claim.rs").await.token(),
        backend.ask(&world, &world.public(), "system/Claim.rs").await.token(),
    ];
    for token in &tokens {
        let head = header(token);
        assert_eq!((head["typ"].as_str(), head["alg"].as_str()), (Some("at+jwt"), Some("ES256")));
        verified(&world.public(), token).await;
    }
    let said = claims(&tokens[0]);
    let mut names: Vec<&str> = said.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["aud", "client_id", "exp", "iat", "iss", "jti", "scope", "sub"],
        "and nothing of a person"
    );
    assert_eq!((said["iss"].as_str(), said["aud"].as_str()), (Some(world.issuer()), Some(FHIR)));
    assert_eq!((said["sub"].as_str(), &said["client_id"]), (Some(backend.id.as_str()), &said["sub"]));
    let (from, until) = (said["iat"].as_i64().unwrap(), said["exp"].as_i64().unwrap());
    assert!(until - from == 300 && (crate::harness::now() - from).abs() < 30);
    assert_ne!(said["jti"], claims(&tokens[1])["jti"]);
    let records = world.audit("token.issue").await;
    let record = records.iter().find(|record| record["token"] == said["jti"]).expect("its record");
    assert_eq!(
        (record["outcome"].as_str(), record["client"].as_str()),
        (Some("granted"), Some(backend.id.as_str()))
    );
    assert_eq!(
        (record["audience"].as_str(), record["scopes_granted"].as_str()),
        (Some(FHIR), Some("system/Claim.rs"))
    );
}

#[tokio::test]
async fn x3_a_resource_server_may_have_its_tokens_signed_with_rs256() {
    let world = World::start().await;
    let change = Some(json!({"token_signing_alg": "RS256"}));
    assert_eq!(world.administer(Method::PATCH, "/admin/v1/resources/fhir", change).await.status, 200);
    let backend = Backend::register(&world, Algorithm::Rs384, json!({})).await;
    let server = Backend::register(&world, Algorithm::Rs384, json!({"introspects": [FHIR]})).await;
    let token = backend.ask(&world, &world.public(), "system/Claim.rs").await.token();
    assert_eq!(
        (header(&token)["alg"].as_str(), header(&token)["typ"].as_str()),
        (Some("RS256"), Some("at+jwt"))
    );
    verified(&world.public(), &token).await;
    server.introspect(&world, &world.public(), &token).await.active();
    for wrong in ["none", "HS256", "ES384", "RS1"] {
        let change = Some(json!({"token_signing_alg": wrong}));
        assert_eq!(world.administer(Method::PATCH, "/admin/v1/resources/fhir", change).await.status, 400);
    }
}

#[tokio::test]
async fn at_05_an_opaque_token_means_nothing_without_introspection() {
    let world = World::with_processes(2).await;
    let members = json!({"resources": [OPAQUE], "tls_client_certificate_bound_access_tokens": true});
    let backend = Backend::register(&world, Algorithm::Es256, members).await;
    let server = Backend::register(&world, Algorithm::Es256, json!({"introspects": [OPAQUE]})).await;
    let certificate = world.authority.client("https://payer.example/");
    let token = backend.ask(&world, &world.mtls(&certificate), "system/Claim.rs").await.token();
    assert!(token.starts_with("hat_") && token.len() >= 47 && !token.contains('.'), "{token}");
    for index in [0, 1] {
        let said = server.introspect(&world, &world.public_of(index), &token).await.active();
        assert_eq!((said["aud"].as_str(), said["scope"].as_str()), (Some(OPAQUE), Some("system/Claim.rs")));
        assert_eq!(said["cnf"]["x5t#S256"], certificate.thumbprint());
    }
    let kept = world.database.text("select string_agg(o::text, ' ') from opaque_token o").await;
    assert!(!kept.contains(&token[4..]), "the database keeps a digest alone");
    for other in [&token[..token.len() - 1], &token[4..], &format!("{token}A"), &token.to_uppercase()] {
        server.introspect(&world, &world.public(), other).await.inactive();
    }
    // When its time is over it is dead, though its row is still there.
    world
        .database
        .execute(
            "update opaque_token set expires_at = now() - interval '1 second', claims = \
        jsonb_set(claims, '{exp}', to_jsonb(extract(epoch from now())::bigint - 1))",
        )
        .await;
    server.introspect(&world, &world.public(), &token).await.inactive();
}

#[tokio::test]
async fn md_05_the_next_keys_are_published_before_they_sign() {
    let world = World::start().await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let before = published(&world.public()).await;
    let token = backend.ask(&world, &world.public(), "system/Claim.rs").await.token();
    world.command(&["keys", "rotate"], "").expect_success();
    let after = until(async || {
        let keys = published(&world.public()).await;
        (keys.len() == before.len() * 2).then_some(keys)
    })
    .await;
    assert!(before.iter().all(|key| after.contains(key)));
    assert!(after.iter().all(|key| key.get("d").is_none() && key["use"] == "sig"));
    let next = backend.ask(&world, &world.public(), "system/Claim.rs").await.token();
    assert_eq!(header(&next)["kid"], header(&token)["kid"], "they sign once their notice is over");
    verified(&world.public(), &token).await;
}

#[tokio::test]
async fn at_01_tokens_of_a_key_that_is_withdrawn_die_and_new_ones_come_from_another() {
    let world = World::with_processes(2).await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let server = Backend::register(&world, Algorithm::Es256, json!({"introspects": [FHIR]})).await;
    let token = backend.ask(&world, &world.public(), "system/Claim.rs").await.token();
    server.introspect(&world, &world.public_of(1), &token).await.active();
    world.command(&["keys", "rotate", "--now"], "").expect_success();
    for index in [0, 1] {
        let peer = world.public_of(index);
        server.introspect(&world, &peer, &token).await.inactive();
        until(async || {
            let gone = published(&peer).await.iter().all(|key| key["kid"] != header(&token)["kid"]);
            gone.then_some(())
        })
        .await;
        let next = backend.ask(&world, &peer, "system/Claim.rs").await.token();
        assert_ne!(header(&next)["kid"], header(&token)["kid"]);
        verified(&peer, &next).await;
        server.introspect(&world, &world.public(), &next).await.active();
    }
}

/// Asks again until there is an answer; every process reads the keys again each second.
async fn until<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(found) = ask().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it did not happen within a minute");
}
