//! FAPI 2.0 Message Signing: requests that are signed by who asks, and answers that are signed by who gives.

use hilum::jose::base64url;
use serde_json::{Value, json};

use super::fapi::{Bound, By, Client, PLAIN, SCOPE, Suite};
use super::fapi_flow::id_token;
use crate::authorize::verified;
use crate::harness::{Answer, App, Assertion, now};
use crate::token::{header, text};

/// What is registered for a client whose requests are signed.
fn signed() -> Value {
    json!({"require_signed_request_object": true, "request_object_signing_alg": "ES256"})
}

/// A server and a client whose requests are signed.
async fn start() -> (Suite, Client) {
    let suite = Suite::start().await;
    let client = suite.client(PLAIN, signed()).await;
    (suite, client)
}

/// A right request object, to be signed.
fn object(suite: &Suite, app: &App) -> Assertion {
    app.request_object(&suite.world, SCOPE, &[("nonce", "n-0S6_WzA2Mj")])
}

/// Pushes a request object that is changed so.
async fn pushed(suite: &Suite, client: &Client, change: impl FnOnce(Assertion) -> Assertion) -> Answer {
    client.push_object(&change(object(suite, &client.app)).sign(client.app.key())).await
}

/// A request object that is changed so leads to tokens.
async fn succeeds_with(change: impl FnOnce(Assertion) -> Assertion) {
    let (suite, client) = start().await;
    let answer = pushed(&suite, &client, change).await;
    let code = suite.authorize(&client, &answer).await.code();
    let tokens = client.redeem(&code).await.granted();
    assert_eq!(id_token(&suite, &client, &tokens).await["nonce"], "n-0S6_WzA2Mj");
}

/// A request object that is changed so is refused when it is pushed.
async fn fails_with(change: impl FnOnce(Assertion) -> Assertion) {
    let (suite, client) = start().await;
    pushed(&suite, &client, change).await.refused(400, "invalid_request_object");
    assert_eq!(suite.world.database.count("select count(*) from pushed_request").await, 0);
}

/// The happy flow as Message Signing has it: a signed request, and a signed answer.
#[tokio::test]
async fn a_signed_request_has_a_signed_answer() {
    let suite = Suite::start().await;
    for bound in [Bound::Certificate, Bound::Proof] {
        let mut members = signed();
        members["authorization_signed_response_alg"] = json!("ES256");
        let client = suite.client((By::Key, bound), members).await;
        let answer = pushed(&suite, &client, |object| object.claim("response_mode", json!("jwt"))).await;
        let page = suite.authorize(&client, &answer).await;
        let response = page.param("response").expect("a signed answer");
        assert!(page.param("code").is_none() && page.param("state").is_none(), "{}", page.location());
        assert_eq!(header(&response)["alg"], "ES256");
        let said = verified(&suite.world, &response).await;
        assert_eq!((&said["iss"], &said["aud"]), (&json!(suite.world.issuer()), &json!(client.app.id)));
        assert_eq!(said["state"], client.app.state);
        assert!((now()..=now() + 600).contains(&said["exp"].as_i64().unwrap()), "{said}");
        let tokens = client.redeem(text(&said, "code")).await.granted();
        id_token(&suite, &client, &tokens).await;
        client.userinfo(text(&tokens, "access_token")).await.granted();
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_with_multiple_aud_succeeds() {
    let (suite, client) = start().await;
    let both = json!([suite.world.issuer(), "https://other1.example.com/"]);
    let answer = pushed(&suite, &client, |object| object.claim("aud", both)).await;
    let code = suite.authorize(&client, &answer).await.code();
    client.redeem(&code).await.granted();
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted() {
    succeeds_with(|object| object.claim("nbf", json!(now() + 8))).await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_without_exp_fails() {
    fails_with(|object| object.claim("exp", Value::Null)).await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_without_nbf_fails() {
    fails_with(|object| object.claim("nbf", Value::Null)).await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_expired_request_object_fails() {
    fails_with(|object| object.claim("exp", json!(now() - 300)).claim("nbf", json!(now() - 600))).await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_with_bad_aud_fails() {
    let (suite, client) = start().await;
    for aud in [json!("https://www.other1.com/"), json!([]), json!(7), Value::Null] {
        let answer = pushed(&suite, &client, |object| object.claim("aud", aud)).await;
        answer.refused(400, "invalid_request_object");
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_with_exp_over_60_fails() {
    fails_with(|object| object.claim("exp", json!(now() + 70 * 60))).await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_with_nbf_over_60_fails() {
    fails_with(|object| object.claim("nbf", json!(now() - 70 * 60))).await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_signature_algorithm_is_not_none() {
    let (suite, client) = start().await;
    let unsigned = object(&suite, &client.app).head("alg", json!("none"));
    for object in [format!("{}.", unsigned.text()), unsigned.sign(client.app.key())] {
        client.push_object(&object).await.refused(400, "invalid_request_object");
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_with_invalid_signature_fails() {
    let (suite, client) = start().await;
    let right = object(&suite, &client.app).sign(client.app.key());
    let (said, signature) = right.rsplit_once('.').expect("a signature");
    let mut bytes = base64url::decode(signature).expect("base64url");
    bytes[0] ^= 0x5a;
    let wrong = format!("{said}.{}", base64url::encode(&bytes));
    client.push_object(&wrong).await.refused(400, "invalid_request_object");
    assert_eq!(client.push_object(&right).await.status, 201);
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_matching_key_in_authorization_request() {
    let (suite, client) = start().await;
    let other = suite.client(PLAIN, signed()).await;
    // The key of another client, which has the same name; and the request of another client, signed by it.
    let foreign = object(&suite, &client.app).sign(other.app.key());
    client.push_object(&foreign).await.refused(400, "invalid_request_object");
    let foreign = object(&suite, &other.app).sign(other.app.key());
    client.push_object(&foreign).await.refused(400, "invalid_request_object");
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_unsigned_request_at_par_endpoint_fails() {
    let (_suite, client) = start().await;
    client.push(SCOPE, &[]).await.refused(400, "invalid_request");
}
