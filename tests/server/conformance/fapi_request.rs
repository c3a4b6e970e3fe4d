//! FAPI 2.0 Security Profile: what is asked for, pushed beforehand, and what stands beside it.

use reqwest::Method;
use serde_json::{Value, json};

use super::fapi::{Client, PAR, PLAIN, SCOPE, Suite, VARIANTS};
use super::fapi_flow::id_token;
use crate::harness::{Answer, Browser, query};
use crate::token::text;

/// A pushed request leads to a code, and the code to tokens.
async fn succeeds(suite: &Suite, client: &Client, change: &[(&str, &str)]) -> Value {
    let pushed = client.push(SCOPE, change).await;
    let page = suite.authorize(client, &pushed).await;
    let state = change.iter().find(|(name, _)| *name == "state").map(|(_, value)| *value);
    let expected = state.unwrap_or(&client.app.state);
    assert_eq!(page.param("state").as_deref(), Some(expected).filter(|state| !state.is_empty()));
    let tokens = client.redeem(&page.code()).await.granted();
    id_token(suite, client, &tokens).await
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_authorization_request_without_state_success() {
    let (suite, client) = Suite::plain().await;
    succeeds(&suite, &client, &[("state", "")]).await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_authorization_request_without_nonce_success() {
    let (suite, client) = Suite::plain().await;
    assert!(succeeds(&suite, &client, &[("nonce", "")]).await.get("nonce").is_none());
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_authorization_request_with_64_char_nonce_success() {
    let (suite, client) = Suite::plain().await;
    let nonce = "n0nce-64".repeat(8);
    assert_eq!(succeeds(&suite, &client, &[("nonce", &nonce)]).await["nonce"], nonce);
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_authorization_request_with_long_nonce() {
    let (suite, client) = Suite::plain().await;
    let nonce = "n0nce384".repeat(48);
    assert_eq!(succeeds(&suite, &client, &[("nonce", &nonce)]).await["nonce"], nonce);
    let beyond = client.push(SCOPE, &[("nonce", &"n".repeat(1025))]).await;
    beyond.refused(400, "invalid_request");
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_authorization_request_with_long_state() {
    let (suite, client) = Suite::plain().await;
    succeeds(&suite, &client, &[("state", &"state-10".repeat(125))]).await;
    let beyond = client.push(SCOPE, &[("state", &"s".repeat(4097))]).await;
    beyond.refused(400, "invalid_request");
}

/// The same request twice: as parameters that are pushed, and as a signed object.
async fn both(suite: &Suite, client: &Client, change: &[(&str, &str)]) -> [Answer; 2] {
    let object = client.app.request_object(&suite.world, SCOPE, change).sign(client.app.key());
    [client.push(SCOPE, change).await, client.push_object(&object).await]
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_different_nonce_inside_and_outside_request_object() {
    let (suite, client) = Suite::plain().await;
    for pushed in both(&suite, &client, &[("nonce", "inside")]).await {
        let address = format!("{}&nonce=outside", client.app.pushed_url(&pushed));
        let code = suite.open(&address).await.code();
        let tokens = client.redeem(&code).await.granted();
        assert_eq!(id_token(&suite, &client, &tokens).await["nonce"], "inside");
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_different_state_inside_and_outside_request_object() {
    let (suite, client) = Suite::plain().await;
    for pushed in both(&suite, &client, &[("state", "inside")]).await {
        let address = format!("{}&state=outside", client.app.pushed_url(&pushed));
        let page = suite.open(&address).await;
        assert_eq!(page.param("state").as_deref(), Some("inside"));
        client.redeem(&page.code()).await.granted();
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_state_only_outside_request_object_not_used() {
    let (suite, client) = Suite::plain().await;
    for pushed in both(&suite, &client, &[("state", "")]).await {
        let address = format!("{}&state=outside", client.app.pushed_url(&pushed));
        let page = suite.open(&address).await;
        assert_eq!(page.param("state"), None, "{}", page.location());
        let tokens = client.redeem(&page.code()).await.granted();
        assert!(id_token(&suite, &client, &tokens).await.get("s_hash").is_none());
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_object_without_redirect_uri_fails() {
    let (suite, client) = Suite::plain().await;
    let object =
        client.app.request_object(&suite.world, SCOPE, &[("redirect_uri", "")]).sign(client.app.key());
    client.push_object(&object).await.refused(400, "invalid_request");
    // One that stands beside the object does not take its place.
    let form = [("request", object.as_str()), ("redirect_uri", client.app.callback.as_str())];
    client.app.ask(&client.connection, PAR, &form).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_redirect_uri_in_authorization_request() {
    let (_suite, client) = Suite::plain().await;
    client.push(SCOPE, &[("redirect_uri", "")]).await.refused(400, "invalid_request");
}

/// Addresses that are like the registered one, and are not it.
async fn foreign_callbacks_are_refused(client: &Client) {
    for tail in ["/other", "?x=1", "#", "/"] {
        let foreign = format!("{}{tail}", client.app.callback);
        client.push(SCOPE, &[("redirect_uri", &foreign)]).await.refused(400, "invalid_request");
    }
    let foreign = "https://evil.example/cb";
    client.push(SCOPE, &[("redirect_uri", foreign)]).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_registered_redirect_uri() {
    let (suite, client) = Suite::plain().await;
    foreign_callbacks_are_refused(&client).await;
    let evil = [("redirect_uri", "https://evil.example/cb")];
    let object = client.app.request_object(&suite.world, SCOPE, &evil).sign(client.app.key());
    client.push_object(&object).await.refused(400, "invalid_request");
}

/// A server may take addresses that are not registered from a client that authenticates (RFC 9126, 2.4). This one does
/// not.
#[tokio::test]
async fn fapi2_security_profile_final_plain_fapi_tolerate_unregistered_redirect_uri() {
    let suite = Suite::start().await;
    for variant in VARIANTS {
        foreign_callbacks_are_refused(&suite.client(variant, json!({})).await).await;
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_unsigned_authorization_request_without_using_par_fails() {
    let (suite, client) = Suite::plain().await;
    let page = Browser::new(&suite.world).get(&client.app.authorize_url(SCOPE)).await;
    page.told(&client.app.callback, "invalid_request", Some(&client.app.state));
    // Nor is a signed one taken that was not pushed.
    let object = client.app.request_object(&suite.world, SCOPE, &[]).sign(client.app.key());
    let pairs = [("client_id".to_owned(), client.app.id.clone()), ("request".to_owned(), object)];
    let page = Browser::new(&suite.world).get(&format!("/oauth2/authorize?{}", query(&pairs))).await;
    page.told(&client.app.callback, "invalid_request", Some(&client.app.state));
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_response_type_code_idtoken_fails() {
    let (_suite, client) = Suite::plain().await;
    let pushed = client.push(SCOPE, &[("response_type", "code id_token"), ("nonce", "n")]).await;
    pushed.refused(400, "unsupported_response_type");
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_response_type_token_fails() {
    let (_suite, client) = Suite::plain().await;
    client.push(SCOPE, &[("response_type", "token")]).await.refused(400, "unsupported_response_type");
}

#[tokio::test]
async fn fapi2_security_profile_final_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds() {
    let (suite, client) = Suite::plain().await;
    let pushed = client.push(SCOPE, &[]).await;
    let address = client.app.pushed_url(&pushed);
    for _ in 0..2 {
        assert!(Browser::new(&suite.world).open(&address).await.asks_to_sign_in());
    }
    let code = suite.open(&address).await.code();
    client.redeem(&code).await.granted();
}

#[tokio::test]
async fn fapi2_security_profile_final_par_attempt_invalid_http_method() {
    let (_suite, client) = Suite::plain().await;
    for method in [Method::PUT, Method::GET, Method::PATCH, Method::DELETE] {
        let answer = client.connection.send(method.clone(), PAR, None, None).await;
        assert_eq!(answer.status, 405, "{method}: {}", answer.text);
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_par_ensure_pkce_required() {
    let (_suite, client) = Suite::plain().await;
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    client.push(SCOPE, &without).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn fapi2_security_profile_final_par_plain_pkce_rejected() {
    let (_suite, client) = Suite::plain().await;
    let verifier = client.app.verifier.as_str();
    for method in ["plain", ""] {
        let plain = [("code_challenge", verifier), ("code_challenge_method", method)];
        client.push(SCOPE, &plain).await.refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_par_without_duplicate_parameters() {
    let suite = Suite::start().await;
    for variant in VARIANTS {
        let client = suite.client(variant, json!({})).await;
        let pushed = client.push(SCOPE, &[]).await;
        let address = client.app.pushed_url(&pushed);
        let names: Vec<&str> =
            address.split(['?', '&']).skip(1).filter_map(|pair| pair.split('=').next()).collect();
        assert_eq!(names, ["client_id", "request_uri"]);
        client.redeem(&suite.open(&address).await.code()).await.granted();
    }
}

/// Beside the list: what must stand in the address as well for plain OAuth may stand there (RFC 9126, 4).
#[tokio::test]
async fn parameters_that_stand_in_the_address_too_change_nothing() {
    let suite = Suite::start().await;
    let client = suite.client(PLAIN, json!({})).await;
    let pushed = client.push(SCOPE, &[]).await;
    let address = format!("{}&response_type=code&scope=openid", client.app.pushed_url(&pushed));
    let tokens = client.redeem(&suite.open(&address).await.code()).await.granted();
    assert!(text(&tokens, "scope").contains("patient/"));
}
