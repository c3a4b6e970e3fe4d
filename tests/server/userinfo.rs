//! The userinfo endpoint (OpenID Connect Core, 5.3; RFC 6750).

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, App, Backend, Browser, FHIR, OPAQUE, Peer, World, encoded};
use crate::token::{agreed, claims, reasons, text};

const PATH: &str = "/oauth2/userinfo";
const DEAD: &str = r#"Bearer realm="hilum", error="invalid_token""#;

async fn get(peer: &Peer, token: &str) -> Answer {
    peer.send(Method::GET, PATH, Some(token), None).await
}

#[track_caller]
fn challenged(answer: &Answer, status: u16, error: &str, challenge: &str) {
    answer.refused(status, error);
    assert_eq!(answer.header("www-authenticate"), Some(challenge));
}

#[tokio::test]
async fn oi_07_whoever_holds_a_token_with_openid_is_told_who_signed_in_as_far_as_was_granted() {
    let world = World::start().await;
    let (app, pat) =
        (App::public(&world, json!({"resources": [FHIR, OPAQUE]})).await, world.patient_person().await);
    let nameless = world.person("nameless", json!({"fhir_user": null})).await;
    let fhir_user = format!("{FHIR}/Patient/rivera");
    let sub = json!(pat.subject);
    for (person, scope, expected) in [
        (&pat, "openid launch/patient", json!({"sub": sub})),
        (
            &pat,
            "openid fhirUser launch/patient patient/Observation.rs",
            json!({"sub": sub, "fhirUser": fhir_user}),
        ),
        (&pat, "openid profile", json!({"sub": sub, "name": "Pat Rivera", "preferred_username": "pat"})),
        (
            &nameless,
            "openid profile fhirUser",
            json!({"sub": nameless.subject, "preferred_username": "nameless"}),
        ),
    ] {
        let tokens = agreed(&world, &app, person, scope).await;
        let token = text(&tokens, "access_token");
        let told = get(&world.public(), token).await;
        let changed_at = scope.contains("profile").then(|| told.json()["updated_at"].clone());
        let mut expected = expected;
        if let Some(changed_at) = changed_at {
            assert!(changed_at.is_i64());
            expected["updated_at"] = changed_at;
        }
        assert_eq!(told.granted(), expected, "{scope}");
        assert_eq!(told.header("content-type"), Some("application/json"));
        assert_eq!(told.json()["sub"], claims(text(&tokens, "id_token"))["sub"]);
        let posted = world.public().send(Method::POST, PATH, Some(token), None).await;
        assert_eq!(posted.granted(), expected);
        let in_form = world.public().post(PATH, &[("access_token", token)]).await;
        assert_eq!(in_form.granted(), expected);
    }
    // A token that is opaque, and one for this endpoint alone.
    let url = app.authorize_with("openid launch/patient", &[("aud", OPAQUE)]);
    let code = Browser::new(&world).authorize(&url, &pat).await.code();
    let token = app.redeem(&world.public(), &code).await.token();
    assert!(token.starts_with("hat_"));
    assert_eq!(get(&world.public(), &token).await.granted()["sub"], sub);
    let code =
        Browser::new(&world).authorize(&app.authorize_with("openid", &[("aud", "")]), &pat).await.code();
    let token = app.redeem(&world.public(), &code).await.token();
    assert_eq!(claims(&token)["aud"], world.issuer_url(PATH));
    assert_eq!(get(&world.public(), &token).await.granted()["sub"], sub);
    assert!(reasons(&world, "userinfo.read").await.is_empty());
}

#[tokio::test]
async fn oi_07_i09_i10_a_token_is_shown_once_in_its_place_with_openid_in_it() {
    let world = World::start().await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let peer = world.public();
    let tokens = agreed(&world, &app, &pat, "openid launch/patient patient/Observation.rs").await;
    let token = text(&tokens, "access_token");
    let malformed = r#"Bearer realm="hilum", error="invalid_request""#;
    let in_url = format!("{PATH}?access_token={token}");
    for method in [Method::GET, Method::POST] {
        challenged(&peer.send(method.clone(), &in_url, None, None).await, 400, "invalid_request", malformed);
        let beside = peer.send(method, &in_url, Some(token), None).await;
        challenged(&beside, 400, "invalid_request", malformed);
    }
    let twice = peer.request(Method::POST, PATH).bearer_auth(token);
    let twice = Answer::read(encoded(twice, &[("access_token", token)]).send().await.unwrap()).await;
    challenged(&twice, 400, "invalid_request", malformed);
    let repeated = peer.post(PATH, &[("access_token", token), ("access_token", token)]).await;
    challenged(&repeated, 400, "invalid_request", malformed);
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = peer.send(method, PATH, Some(token), None).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, POST, OPTIONS")));
    }
    // Whoever shows nothing is told how to come, and no more (RFC 6750, 3.1).
    let bare = r#"Bearer realm="hilum""#;
    challenged(&peer.get(PATH).await, 401, "invalid_token", bare);
    challenged(&peer.send(Method::POST, PATH, None, None).await, 401, "invalid_token", bare);
    let basic = peer.request(Method::GET, PATH).basic_auth(&app.id, Some("x")).send().await.unwrap();
    challenged(&Answer::read(basic).await, 401, "invalid_token", DEAD);

    let lacking = r#"Bearer realm="hilum", error="insufficient_scope", scope="openid""#;
    let without = agreed(&world, &app, &pat, "launch/patient patient/Observation.rs").await;
    let refused = get(&peer, text(&without, "access_token")).await;
    challenged(&refused, 403, "insufficient_scope", lacking);
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let of_system = backend.ask(&world, &peer, "system/Claim.rs").await.token();
    challenged(&get(&peer, &of_system).await, 403, "insufficient_scope", lacking);
    let records = world.audit("userinfo.read").await;
    assert!(records.iter().any(|record| record["client"] == backend.id && record["outcome"] == "refused"));
    assert!(!world.processes[0].log().contains(token), "I09: not logged");
    get(&peer, token).await.granted();
}

#[tokio::test]
async fn oi_07_rv_05_t09_a_token_that_is_revoked_or_whose_person_or_client_is_stopped_tells_nothing() {
    let world = World::start().await;
    let peer = world.public();
    let stop = async |path: String| {
        let answer = world.administer(Method::POST, &path, None).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    for case in ["access token", "refresh token", "person", "password", "client"] {
        let app = App::public(&world, json!({})).await;
        let who = world.person(&case.replace(' ', "."), json!({})).await;
        let tokens = agreed(&world, &app, &who, "openid offline_access").await;
        let token = text(&tokens, "access_token");
        get(&peer, token).await.granted();
        match case {
            "access token" => {
                let form = [("token", token)];
                assert_eq!(app.ask(&peer, "/oauth2/revoke", &form).await.status, 200);
            }
            "refresh token" => {
                let form = [("token", text(&tokens, "refresh_token"))];
                assert_eq!(app.ask(&peer, "/oauth2/revoke", &form).await.status, 200);
            }
            "person" => stop(format!("/admin/v1/users/{}/disable", who.subject)).await,
            "password" => stop(format!("/admin/v1/users/{}/reset", who.subject)).await,
            _ => stop(format!("/admin/v1/clients/{}/disable", app.id)).await,
        }
        challenged(&get(&peer, token).await, 401, "invalid_token", DEAD);
    }
    for garbage in ["x", "a.b.c", "hat_x", "x%00"] {
        challenged(&get(&peer, garbage).await, 401, "invalid_token", DEAD);
    }
    assert_eq!(
        reasons(&world, "userinfo.read").await,
        [["token_not_alive"; 8].as_slice(), &["token_unreadable"]].concat()
    );
}

#[tokio::test]
async fn m10_a_bound_token_tells_nothing_without_its_certificate() {
    let world = World::start().await;
    let bound = json!({"tls_client_certificate_bound_access_tokens": true});
    let (app, pat) = (App::public(&world, bound).await, world.patient_person().await);
    let own = world.authority.client("https://app.example/");
    let thief = world.authority.client("https://thief.example/");
    let code = app.code(&mut Browser::new(&world), &pat, "openid").await;
    let token = app.redeem(&world.mtls(&own), &code).await.token();
    for peer in [world.public(), world.mtls_of(0, None), world.mtls(&thief)] {
        challenged(&get(&peer, &token).await, 401, "invalid_token", DEAD);
        challenged(&peer.post(PATH, &[("access_token", &token)]).await, 401, "invalid_token", DEAD);
    }
    assert_eq!(reasons(&world, "userinfo.read").await, ["token_of_another_sender"; 6]);
    for answer in
        [get(&world.mtls(&own), &token).await, world.mtls(&own).post(PATH, &[("access_token", &token)]).await]
    {
        let told: Value = answer.granted();
        assert_eq!(told, json!({"sub": pat.subject}));
    }
}
