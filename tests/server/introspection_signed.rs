//! Signed answers of introspection (RFC 9701).

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use crate::authorize::verified;
use crate::harness::{ASSERTION_TYPE, Answer, App, Backend, FHIR, OPAQUE, Peer, World, encoded, now};
use crate::token::{agreed, claims, header, reasons, text};

const PATH: &str = "/oauth2/introspect";
const JWT: &str = "application/token-introspection+jwt";

/// Introspects as a client, in the form that these headers accept.
async fn accepting(world: &World, who: &Backend, token: &str, accept: &[&str]) -> Answer {
    let assertion = who.assertion(world).sign(&who.key);
    let form =
        [("token", token), ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)];
    asked(&world.public(), &form, accept, None).await
}

async fn asked(peer: &Peer, form: &[(&str, &str)], accept: &[&str], bearer: Option<&str>) -> Answer {
    let mut request = peer.request(Method::POST, PATH);
    for value in accept {
        request = request.header("accept", *value);
    }
    if let Some(bearer) = bearer {
        request = request.bearer_auth(bearer);
    }
    Answer::read(encoded(request, form).send().await.expect("an answer")).await
}

/// What a signed answer says of the token, once signature, type, issuer and audience have held.
async fn told(world: &World, answer: &Answer, (client, algorithm): (&str, &str)) -> Value {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(JWT)), "{}", answer.text);
    assert_eq!(
        (answer.header("cache-control"), answer.header("pragma")),
        (Some("no-store"), Some("no-cache"))
    );
    assert_eq!(answer.header("vary"), Some("accept"));
    let head = header(&answer.text);
    assert_eq!((&head["typ"], &head["alg"]), (&json!("token-introspection+jwt"), &json!(algorithm)));
    let claims = verified(world, &answer.text).await;
    let mut names: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["aud", "iat", "iss", "token_introspection"],
        "no sub and no exp at the top (RFC 9701, 5)"
    );
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(world.issuer()), &json!(client)));
    assert!((claims["iat"].as_i64().unwrap() - now()).abs() < 30);
    claims["token_introspection"].clone()
}

async fn server(world: &World, members: Value) -> Backend {
    Backend::register(world, Algorithm::Es256, members).await
}

#[tokio::test]
async fn sm_i_10_a_resource_server_is_told_the_same_signed_as_it_registered() {
    let world = World::start().await;
    let client = server(&world, json!({})).await;
    let token = client.ask(&world, &world.public(), "system/Claim.rs").await.token();
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let scope = "openid fhirUser launch/patient patient/Observation.rs";
    let of_person = agreed(&world, &app, &pat, scope).await;
    for (registered, algorithm) in [(None, "RS256"), (Some("RS256"), "RS256"), (Some("ES256"), "ES256")] {
        let mut members = json!({"introspects": [FHIR]});
        if let Some(name) = registered {
            members["introspection_signed_response_alg"] = json!(name);
        }
        let fhir = server(&world, members).await;
        for token in [token.as_str(), text(&of_person, "access_token")] {
            let plain = fhir.introspect(&world, &world.public(), token).await;
            assert_eq!(
                (plain.header("content-type"), plain.header("vary")),
                (Some("application/json"), Some("accept"))
            );
            let answer = accepting(&world, &fhir, token, &[JWT]).await;
            let said = told(&world, &answer, (&fhir.id, algorithm)).await;
            assert_eq!(said, plain.active(), "RFC 9701, 6: the form is that which the request asks for");
        }
    }
    // By a token of the caller's own it is for that caller.
    let fhir =
        server(&world, json!({"introspects": [FHIR], "introspection_signed_response_alg": "ES256"})).await;
    let own = fhir.ask(&world, &world.public(), "system/Claim.rs").await.token();
    let answer = asked(&world.public(), &[("token", &token)], &[JWT], Some(&own)).await;
    assert_eq!(told(&world, &answer, (&fhir.id, "ES256")).await["active"], json!(true));
    // D8: the record is the same as of the plain answer.
    let records = world.audit("token.introspect").await;
    assert!(
        records
            .iter()
            .any(|record| record["token"] == claims(&token)["jti"] && record["outcome"] == "granted")
    );
}

#[tokio::test]
async fn d4_s13_sm_i_05_what_is_not_the_callers_is_inactive_in_a_jwt_too_and_in_no_other_words() {
    let world = World::start().await;
    let opaque = server(&world, json!({"introspects": [OPAQUE]})).await;
    let client = server(&world, json!({})).await;
    let foreign = client.ask(&world, &world.public(), "system/Claim.rs").await.token();
    let revoked = client.ask(&world, &world.public(), "system/Claim.rs").await.token();
    assert_eq!(client.revoke(&world, &world.public(), &revoked).await.status, 200);
    for token in [foreign.as_str(), &revoked, "garbage", "hat_x", "é"] {
        let answer = accepting(&world, &opaque, token, &[JWT]).await;
        assert_eq!(told(&world, &answer, (&opaque.id, "RS256")).await, json!({"active": false}));
    }
    assert_eq!(reasons(&world, "token.introspect").await, ["introspection_for_another_resource"]);
    let fhir = server(&world, json!({"introspects": [FHIR]})).await;
    let answer = accepting(&world, &fhir, &foreign, &[JWT]).await;
    assert_eq!(told(&world, &answer, (&fhir.id, "RS256")).await["active"], json!(true));
}

#[tokio::test]
async fn the_form_is_the_one_that_is_wanted_most_and_none_when_neither_is() {
    let world = World::start().await;
    let fhir = server(&world, json!({"introspects": [FHIR]})).await;
    let token = fhir.ask(&world, &world.public(), "system/Claim.rs").await.token();
    let both = format!("application/json, {JWT}");
    let second = format!("application/json, {JWT};q=0.9");
    let first = format!("application/json;q=0.5, {JWT};q=0.8, */*;q=0.1");
    let never = format!("{JWT};q=0, */*");
    let or_any = format!("{JWT}, */*;q=0.1");
    let shouted = JWT.to_uppercase();
    for (accept, is_signed) in [
        (&["*/*"][..], false),
        (&["application/*"], false),
        (&["application/json"], false),
        (&["application/json;charset=utf-8"], false),
        (&["nonsense"], false),
        (&[second.as_str()], false),
        (&[never.as_str()], false),
        (&["text/html, application/json;q=0.1"], false),
        (&[JWT], true),
        (&[shouted.as_str()], true),
        (&[both.as_str()], true),
        (&[first.as_str()], true),
        (&[or_any.as_str()], true),
        (&["application/json", JWT], true),
        (&["application/json;q=0, */*"], true),
    ] {
        let answer = accepting(&world, &fhir, &token, accept).await;
        if is_signed {
            told(&world, &answer, (&fhir.id, "RS256")).await;
        } else {
            answer.active();
            assert_eq!(
                (answer.header("content-type"), answer.header("vary")),
                (Some("application/json"), Some("accept"))
            );
        }
    }
    for accept in [
        &["text/html"][..],
        &["application/jwt"],
        &["application/json;q=0"],
        &["*/*;q=0"],
        &["text/*, image/png"],
    ] {
        let answer = accepting(&world, &fhir, &token, accept).await;
        answer.refused(406, "invalid_request");
        assert_eq!(answer.header("vary"), Some("accept"));
    }
    assert_eq!(reasons(&world, "token.introspect").await, ["not_acceptable"; 5]);
}

#[tokio::test]
async fn errors_stay_json_whatever_is_wanted() {
    let world = World::start().await;
    let fhir = server(&world, json!({"introspects": [FHIR]})).await;
    let peer = world.public();
    let unproven = asked(&peer, &[("token", "x")], &[JWT], None).await;
    unproven.invalid_client();
    assert_eq!(
        (unproven.header("content-type"), unproven.header("vary")),
        (Some("application/json"), Some("accept"))
    );
    asked(&peer, &[("token", "x")], &[JWT], Some("x.y.z")).await.refused(401, "invalid_token");
    let own = fhir.ask(&world, &peer, "system/Claim.rs").await.token();
    asked(&peer, &[], &[JWT], Some(&own)).await.refused(400, "invalid_request");
    let get = peer.request(Method::GET, PATH).header("accept", JWT).send().await.unwrap();
    assert_eq!(get.status(), 405);
}

#[tokio::test]
async fn i03_at_04_a_signed_answer_is_no_token() {
    let world = World::start().await;
    let fhir = server(&world, json!({"introspects": [FHIR]})).await;
    let token = fhir.ask(&world, &world.public(), "system/Claim.rs").await.token();
    let answer = accepting(&world, &fhir, &token, &[JWT]).await;
    let peer = world.public();
    fhir.introspect(&world, &peer, &answer.text).await.inactive();
    asked(&peer, &[("token", &token)], &[], Some(&answer.text)).await.refused(401, "invalid_token");
    peer.send(Method::GET, "/oauth2/userinfo", Some(&answer.text), None).await.refused(401, "invalid_token");
}
