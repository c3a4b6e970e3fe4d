//! What time does, with a clock that is set.

use hilum::jose::algorithm::Algorithm;
use hilum::platform::clock::Clock;
use hilum::tokens::introspect::{Form, Told};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::within;
use crate::harness::{Assertion, Backend, FHIR, World};

fn now() -> i64 {
    crate::harness::now()
}

#[tokio::test]
async fn i03_a_token_is_dead_the_moment_it_expires_whatever_this_machines_clock_says() {
    let world = World::start().await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({"introspects": [FHIR]})).await;
    let clock = Clock::set_to(OffsetDateTime::from_unix_timestamp(now() + 1).unwrap());
    let state = within::state(&world, Some(clock.clone()), &world.database.url()).await;
    let assertion = |id: &str| {
        let issued = clock.now().unix_timestamp();
        let assertion = backend.assertion(&world).claim("jti", json!(id));
        assertion.claim("iat", json!(issued)).claim("exp", json!(issued + 60)).sign(&backend.key)
    };
    let first = assertion("first");
    let request = within::request(&Backend::form(&first, "system/Claim.rs"));
    let granted = state.token.respond(&request, &state.entropy).await.unwrap();
    let token = granted.access_token.expose().to_owned();
    for (after, alive) in [(299, true), (1, false)] {
        clock.advance(Duration::seconds(after));
        let text = assertion(&format!("introspection {after}"));
        let form = [
            ("token", token.as_str()),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &text),
        ];
        let request = within::request(&form);
        let answer = state.introspection.respond(&request, Form::Json, &state.entropy).await.unwrap();
        let Told::Json(said) = answer else { panic!("JSON was asked for") };
        assert_eq!(said["active"], alive, "after {after} s more");
    }
}

#[tokio::test]
async fn an_assertion_id_may_come_back_once_its_assertion_has_expired_even_when_nothing_was_purged() {
    let world = World::start().await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let clock = Clock::set_to(OffsetDateTime::from_unix_timestamp(now() + 1).unwrap());
    let state = within::state(&world, Some(clock.clone()), &world.database.url()).await;
    let ask = async |expires: i64| {
        let assertion: Assertion = backend.assertion(&world).claim("jti", json!("the same"));
        let at = clock.now().unix_timestamp();
        let text = assertion.claim("iat", json!(at)).claim("exp", json!(at + expires)).sign(&backend.key);
        let request = within::request(&Backend::form(&text, "system/Claim.rs"));
        state.token.respond(&request, &state.entropy).await.is_ok()
    };
    assert!(ask(60).await);
    assert!(!ask(60).await, "unique while it lives");
    clock.advance(Duration::seconds(85));
    assert!(!ask(60).await, "and for the time that clocks may differ");
    clock.advance(Duration::seconds(10));
    assert!(ask(60).await, "the standard asks for no more");
}
