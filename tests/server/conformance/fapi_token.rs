//! FAPI 2.0 Security Profile: the token endpoint, and who may ask it.

use serde_json::{Value, json};

use super::fapi::{Bound, By, Client, PAR, SCOPE, Suite, TOKEN, VARIANTS};
use crate::harness::{Assertion, now};
use crate::token::text;

#[tokio::test]
async fn fapi2_security_profile_final_ensure_holder_of_key_required() {
    let suite = Suite::start().await;
    for variant in VARIANTS {
        let client = suite.client(variant, json!({})).await;
        let code = suite.code(&client, &[]).await;
        let answer = client.app.redeem(client.unbound(), &code).await;
        let expected = match variant {
            (By::Certificate, Bound::Certificate) => (401, "invalid_client"),
            (By::Key, _) | (By::Certificate, Bound::Proof) => (400, "invalid_request"),
        };
        answer.refused(expected.0, expected.1);
        client.redeem(&code).await.granted();
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_client_id_in_token_endpoint() {
    let suite = Suite::start().await;
    for variant in VARIANTS {
        let client = suite.client(variant, json!({})).await;
        let other = suite.client(variant, json!({})).await;
        let code = suite.code(&client, &[]).await;
        let mut form = client.code_form(&code);
        form.push(("client_id".to_owned(), other.app.id.clone()));
        match variant.0 {
            By::Certificate => client.ask_by(TOKEN, &form, None).await.invalid_client(),
            By::Key => {
                // The other's assertion by one's own key, and the other's name beside one's own assertion.
                let key = client.app.key();
                let forged = Assertion::of(&other.app.id, suite.world.issuer(), key, "k1");
                for assertion in [forged, client.assertion(&suite.world)] {
                    client.ask_by(TOKEN, &form, Some(&assertion)).await.invalid_client();
                }
            }
        }
        client.redeem(&code).await.granted();
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_authorization_code_is_bound_to_client() {
    let suite = Suite::start().await;
    for variant in VARIANTS {
        let client = suite.client(variant, json!({})).await;
        let other = suite.client(variant, json!({})).await;
        let code = suite.code(&client, &[]).await;
        let stolen = other.app.redeem_with(&other.peer(TOKEN), &code, &client.app.verifier).await;
        stolen.refused(400, "invalid_grant");
        client.redeem(&code).await.granted();
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_attempt_reuse_authorization_code_after_one_second() {
    let suite = Suite::start().await;
    for variant in VARIANTS {
        let client = suite.client(variant, json!({})).await;
        let code = suite.code(&client, &[]).await;
        let tokens = client.redeem(&code).await.granted();
        client.userinfo(text(&tokens, "access_token")).await.granted();
        let earlier = "update authorization_code set issued_at = issued_at - interval '1 second',
            expires_at = expires_at - interval '1 second', redeemed_at = redeemed_at - interval '1 second'";
        suite.world.database.execute(earlier).await;
        client.redeem(&code).await.refused(400, "invalid_grant");
        // RFC 6749, 4.1.2: what came of it ends.
        client.userinfo(text(&tokens, "access_token")).await.refused(401, "invalid_token");
        client.refresh(text(&tokens, "refresh_token")).await.refused(400, "invalid_grant");
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_token_endpoint_fails_with_expired_auth_code() {
    let (suite, client) = Suite::plain().await;
    let code = suite.code(&client, &[]).await;
    // FAPI 2.0 Security Profile, 5.3.2.1: a code lives for a minute at most.
    let long = "select count(*) from authorization_code where expires_at > issued_at + interval '60 seconds'";
    assert_eq!(suite.world.database.count(long).await, 0);
    let earlier = "update authorization_code set issued_at = issued_at - interval '65 seconds',
        expires_at = expires_at - interval '65 seconds'";
    suite.world.database.execute(earlier).await;
    client.redeem(&code).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_pkce_code_verifier_required() {
    let suite = Suite::start().await;
    for variant in VARIANTS {
        let client = suite.client(variant, json!({})).await;
        let code = suite.code(&client, &[]).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", &client.app.callback),
        ];
        client.app.ask(&client.peer(TOKEN), TOKEN, &form).await.refused(400, "invalid_grant");
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_incorrect_pkce_code_verifier_rejected() {
    let suite = Suite::start().await;
    for variant in VARIANTS {
        let client = suite.client(variant, json!({})).await;
        let code = suite.code(&client, &[]).await;
        let wrong = "x".repeat(43);
        let answer = client.app.redeem_with(&client.peer(TOKEN), &code, &wrong).await;
        answer.refused(400, "invalid_grant");
    }
}

/// Whether clients that authenticate by a key are refused whose assertion is changed so, at the token endpoint and
/// where requests are pushed; the code that they have is not spent.
async fn all_refused(changes: &[&dyn Fn(Assertion) -> Assertion]) {
    let suite = Suite::start().await;
    for bound in [Bound::Certificate, Bound::Proof] {
        let client = suite.client((By::Key, bound), json!({})).await;
        let code = suite.code(&client, &[]).await;
        for change in changes {
            let assertion = change(client.assertion(&suite.world));
            client.ask_by(TOKEN, &client.code_form(&code), Some(&assertion)).await.invalid_client();
            let assertion = change(client.assertion(&suite.world));
            client.ask_by(PAR, &client.request_form(), Some(&assertion)).await.invalid_client();
        }
        client.redeem(&code).await.granted();
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_client_assertion_in_token_endpoint() {
    let suite = Suite::start().await;
    for bound in [Bound::Certificate, Bound::Proof] {
        let client = suite.client((By::Key, bound), json!({})).await;
        let code = suite.code(&client, &[]).await;
        let mut form = client.code_form(&code);
        form.push(("client_id".to_owned(), client.app.id.clone()));
        client.ask_by(TOKEN, &form, None).await.invalid_client();
        client.redeem(&code).await.granted();
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_client_assertion_with_exp_is_5_minutes_in_past_fails() {
    all_refused(&[&|assertion| assertion.claim("exp", json!(now() - 300))]).await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_client_assertion_with_wrong_aud_fails() {
    let aimed = |aud: &'static str| move |assertion: Assertion| assertion.claim("aud", json!(aud));
    all_refused(&[&aimed("https://www.other1.com/"), &aimed("invalid")]).await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_client_assertion_with_no_sub_fails() {
    all_refused(&[&|assertion| assertion.claim("sub", Value::Null)]).await;
}

/// The answer to a push whose assertion says `aud` or `nbf` otherwise.
async fn pushed_with(suite: &Suite, client: &Client, (name, value): (&str, Value)) -> crate::harness::Answer {
    let assertion = client.assertion(&suite.world).claim(name, value);
    client.ask_by(PAR, &client.request_form(), Some(&assertion)).await
}

#[tokio::test]
async fn fapi2_security_profile_final_par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted()
 {
    let (suite, client) = Suite::plain().await;
    let pushed = pushed_with(&suite, &client, ("nbf", json!(now() + 8))).await;
    let code = suite.authorize(&client, &pushed).await.code();
    let assertion =
        client.assertion(&suite.world).claim("nbf", json!(now() + 8)).claim("iat", json!(now() + 8));
    client.ask_by(TOKEN, &client.code_form(&code), Some(&assertion)).await.granted();
}

#[tokio::test]
async fn fapi2_security_profile_final_par_ensure_jwt_client_assertions_nbf_over_60_seconds_in_the_future_fails()
 {
    let (suite, client) = Suite::plain().await;
    for name in ["nbf", "iat"] {
        pushed_with(&suite, &client, (name, json!(now() + 65))).await.invalid_client();
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_par_test_array_as_audience_fails() {
    let (suite, client) = Suite::plain().await;
    let issuer = suite.world.issuer().to_owned();
    let (par, token) = (suite.world.issuer_url(PAR), suite.world.issuer_url(TOKEN));
    for audience in [json!([issuer]), json!([issuer, par, token])] {
        pushed_with(&suite, &client, ("aud", audience)).await.invalid_client();
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_par_test_par_endpoint_url_as_audience_fails() {
    let (suite, client) = Suite::plain().await;
    for audience in [suite.world.issuer_url(PAR), format!("{}{PAR}", client.connection.base)] {
        pushed_with(&suite, &client, ("aud", json!(audience))).await.invalid_client();
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_par_test_token_endpoint_url_as_audience_fails() {
    let (suite, client) = Suite::plain().await;
    for audience in [suite.world.issuer_url(TOKEN), format!("{}{TOKEN}", client.connection.base)] {
        pushed_with(&suite, &client, ("aud", json!(audience))).await.invalid_client();
    }
    assert_eq!(client.push(SCOPE, &[]).await.status, 201);
}
