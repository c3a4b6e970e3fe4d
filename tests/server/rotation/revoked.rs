//! One key, revoked: what it signed is dead, everywhere, once the answer was given.

use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{ADMIN_SCOPES, App, Backend, FHIR, World, eventually};
use crate::token::{agreed, claims, header, text};

async fn revoke(world: &World, kid: &str) -> crate::harness::Answer {
    let path = format!("/admin/v1/keys/{kid}/revocation");
    world.administer(Method::POST, &path, Some(json!({"reason": "its HSM was stolen"}))).await
}

fn kid(token: &str) -> String {
    header(token)["kid"].as_str().unwrap().to_owned()
}

async fn listed(world: &World, kid: &str) -> Value {
    let list = world.administer(Method::GET, "/admin/v1/keys", None).await.json();
    list["items"].as_array().unwrap().iter().find(|key| key["kid"] == kid).expect("the key").clone()
}

#[tokio::test]
async fn o07_a_revoked_key_kills_what_it_signed_on_every_process_and_another_signs_at_once() {
    let world = World::with_processes(2).await;
    let (here, there) = (world.public(), world.public_of(1));
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let server = Backend::register(&world, Algorithm::Es256, json!({"introspects": [FHIR]})).await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let tokens =
        agreed(&world, &app, &pat, "openid fhirUser launch/patient offline_access patient/*.rs").await;
    let of_person = text(&tokens, "access_token");
    let of_system = backend.ask(&world, &there, "system/Claim.rs").await.token();
    let of_admin = world.admin_token(ADMIN_SCOPES).await;
    let old = kid(&of_system);
    assert_eq!((kid(of_person), kid(&of_admin)), (old.clone(), old.clone()), "all by the one key of ES256");
    let other = kid(text(&tokens, "id_token"));
    for token in [of_person, &of_system] {
        server.introspect(&world, &there, token).await.active();
    }

    let done = revoke(&world, &old).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let successor = text(&done.json(), "successor").to_owned();
    for peer in [&here, &there] {
        for token in [of_person, &of_system] {
            server.introspect(&world, peer, token).await.inactive();
        }
        assert_eq!(peer.send(Method::GET, "/oauth2/userinfo", Some(of_person), None).await.status, 401);
    }
    for index in [0, 1] {
        let admin = world.mtls_of(index, Some(&world.admin));
        assert_eq!(admin.send(Method::GET, "/admin/v1/keys", Some(&of_admin), None).await.status, 401);
        eventually("the key has left the set", Duration::from_mins(1), || async {
            let set = world.public_of(index).get("/oauth2/jwks").await;
            (!set.text.contains(&old) && set.text.contains(&successor)).then_some(())
        })
        .await;
        let next = backend.ask(&world, &world.public_of(index), "system/Claim.rs").await.token();
        assert_eq!(kid(&next), successor);
        server.introspect(&world, &there, &next).await.active();
    }
    // No refresh token is signed by it: what a person has begun goes on.
    let refreshed = app.refresh(&there, text(&tokens, "refresh_token")).await.granted();
    assert_eq!(kid(text(&refreshed, "access_token")), successor);
    assert_eq!(kid(text(&refreshed, "id_token")), other, "keys of other algorithms stay");
    assert_eq!(claims(text(&refreshed, "id_token"))["sub"], json!(pat.subject));

    let record = &world.audit("keys.revoke").await[0];
    assert_eq!(
        (record["outcome"].as_str(), record["target"].as_str()),
        (Some("granted"), Some(old.as_str()))
    );
    assert_eq!(record["detail"], format!("its HSM was stolen; {successor} signs in its place"));
    let alerts = world.administer(Method::GET, "/admin/v1/alerts", None).await.json();
    assert_eq!(
        (&alerts["items"][0]["kind"], &alerts["items"][0]["audit_event"]),
        (&json!("key_revoked"), &record["id"])
    );
    let key = listed(&world, &old).await;
    assert_eq!((&key["state"], &key["revocation_reason"]), (&json!("revoked"), &json!("its HSM was stolen")));
    assert!(key["revoked_at"].is_string() && listed(&world, &successor).await["state"] == "active");
}

#[tokio::test]
async fn o07_whichever_key_is_revoked_one_of_its_algorithm_signs() {
    let world = World::start().await;
    let states = async |world: &World| -> Vec<(String, String)> {
        let list = world.administer(Method::GET, "/admin/v1/keys", None).await.json();
        let of_es256 = list["items"].as_array().unwrap().iter().filter(|key| key["alg"] == "ES256");
        of_es256.map(|key| (text(key, "kid").to_owned(), text(key, "state").to_owned())).collect()
    };
    let in_state = |states: &[(String, String)], state: &str| -> Vec<String> {
        states.iter().filter(|(_, found)| found == state).map(|(kid, _)| kid.clone()).collect()
    };
    let only = |mut kids: Vec<String>| {
        assert_eq!(kids.len(), 1, "{kids:?}");
        kids.remove(0)
    };
    let first = only(in_state(&states(&world).await, "active"));
    // One that was announced: the one that signs goes on, and ends when the schedule says.
    assert_eq!(world.administer(Method::POST, "/admin/v1/keys/rotate", None).await.status, 200);
    let announced = only(in_state(&states(&world).await, "announced"));
    assert!(listed(&world, &first).await["retires_at"].is_string());
    assert_eq!(revoke(&world, &announced).await.json()["successor"], json!(null));
    let key = listed(&world, &first).await;
    assert_eq!((&key["state"], &key["retires_at"]), (&json!("active"), &json!(null)));
    // One that signs, with another ready: that one begins.
    assert_eq!(world.administer(Method::POST, "/admin/v1/keys/rotate", None).await.status, 200);
    let ready = only(in_state(&states(&world).await, "announced"));
    assert_eq!(revoke(&world, &first).await.json()["successor"], json!(ready));
    assert_eq!(only(in_state(&states(&world).await, "active")), ready);
    // Two at once: one does it, and the other is told so.
    let (one, two) = tokio::join!(revoke(&world, &ready), revoke(&world, &ready));
    let mut said = [one.status, two.status];
    said.sort_unstable();
    // Whoever came second may have lost its own token to the first.
    assert!(said[0] == 200 && [401, 409].contains(&said[1]), "{said:?}: {} {}", one.text, two.text);
    let fresh = only(in_state(&states(&world).await, "active"));
    assert_eq!(revoke(&world, &ready).await.status, 409, "a key dies once");
    // From a terminal.
    let shown =
        world.command(&["keys", "revoke", &fresh, "--reason", "drill", "--json"], "").expect_success();
    let shown: Vec<Value> = serde_json::from_str(&shown).unwrap();
    let key = shown.iter().find(|key| key["kid"] == json!(fresh)).unwrap();
    assert_eq!((&key["state"], &key["revocation_reason"]), (&json!("revoked"), &json!("drill")));
    // The process hears of it within a second; what it signs by that key until then is dead at birth.
    eventually("the key has left the set", Duration::from_mins(1), || async {
        (!world.public().get("/oauth2/jwks").await.text.contains(&fresh)).then_some(())
    })
    .await;
    let again = world.command(&["keys", "revoke", &fresh], "");
    assert_eq!(again.code(), Some(1), "{}", again.complaint());
    assert!(again.complaint().contains("has been revoked before"), "{}", again.complaint());
    // What is no key, or says no reason, revokes nothing.
    let active = only(in_state(&states(&world).await, "active"));
    let path = format!("/admin/v1/keys/{active}/revocation");
    for body in [
        json!({}),
        json!({"reason": ""}),
        json!({"reason": "x".repeat(257)}),
        json!({"reason": "x", "more": 1}),
    ] {
        assert_eq!(world.administer(Method::POST, &path, Some(body)).await.status, 400);
    }
    assert_eq!(revoke(&world, "nobody").await.status, 404);
    assert_eq!(only(in_state(&states(&world).await, "active")), active);
}
