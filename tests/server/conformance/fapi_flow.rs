//! FAPI 2.0 Security Profile: the whole way, from discovery to the refresh token.

use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::fapi::{By, Client, PLAIN, SCOPE, Suite, TOKEN, USERINFO, VARIANTS, refused_for_want};
use crate::authorize::verified;
use crate::harness::{Browser, Page, Prover, World, now, query};
use crate::openid;
use crate::token::{claims, header, text};

#[tokio::test]
async fn fapi2_security_profile_final_discovery_end_point_verification() {
    let world = World::start().await;
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let said = world.public().get(path).await.json();
        assert_eq!(said["issuer"], world.issuer());
        let mut endpoints = vec![&said["jwks_uri"], &said["authorization_endpoint"]];
        for name in ["token_endpoint", "pushed_authorization_request_endpoint", "userinfo_endpoint"] {
            endpoints.extend([&said[name], &said["mtls_endpoint_aliases"][name]]);
        }
        if path.contains("oauth") {
            endpoints.retain(|endpoint| !endpoint.is_null());
        }
        for endpoint in endpoints {
            assert!(endpoint.as_str().is_some_and(|url| url.starts_with("https://")), "{endpoint} in {path}");
        }
        let has = |name: &str, wanted: &[&str]| {
            let listed = said[name].as_array().unwrap_or_else(|| panic!("{name} in {path}"));
            assert!(wanted.iter().all(|value| listed.contains(&json!(value))), "{name}: {listed:?}");
            assert!(!listed.contains(&json!("none")) || name.ends_with("methods_supported"), "{name}");
        };
        has("token_endpoint_auth_methods_supported", &["private_key_jwt", "tls_client_auth"]);
        has("token_endpoint_auth_signing_alg_values_supported", &["PS256", "ES256", "EdDSA"]);
        has("request_object_signing_alg_values_supported", &["PS256", "ES256", "EdDSA"]);
        has("authorization_signing_alg_values_supported", &["PS256", "ES256"]);
        has("dpop_signing_alg_values_supported", &["ES256"]);
        has("grant_types_supported", &["authorization_code", "refresh_token"]);
        has("response_modes_supported", &["query", "jwt"]);
        assert_eq!(said["response_types_supported"], json!(["code"]));
        assert_eq!(said["code_challenge_methods_supported"], json!(["S256"]));
        for name in [
            "tls_client_certificate_bound_access_tokens",
            "authorization_response_iss_parameter_supported",
            "request_parameter_supported",
        ] {
            assert_eq!(said[name], json!(true), "{name} in {path}");
        }
    }
    let said = world.public().get("/.well-known/openid-configuration").await.json();
    assert_eq!(said["claims_parameter_supported"], json!(true));
    for (name, wanted) in [
        ("id_token_signing_alg_values_supported", json!("ES256")),
        ("userinfo_signing_alg_values_supported", json!("ES256")),
        ("scopes_supported", json!("openid")),
        ("subject_types_supported", json!("public")),
    ] {
        assert!(said[name].as_array().unwrap().contains(&wanted), "{name}: {}", said[name]);
    }
    assert!(said["require_pushed_authorization_requests"].is_boolean());
}

/// What an answer consists of, by name.
fn parameters(page: &Page) -> Vec<String> {
    let url = Url::parse(page.location()).expect("an address");
    let mut names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    names.sort();
    names
}

/// What the id token says, judged as a client of FAPI 2.0 judges it.
pub async fn id_token(suite: &Suite, client: &Client, tokens: &Value) -> Value {
    let token = text(tokens, "id_token");
    assert_eq!(header(token)["alg"], "ES256");
    let said = verified(&suite.world, token).await;
    assert_eq!((&said["iss"], &said["aud"]), (&json!(suite.world.issuer()), &json!(client.app.id)));
    let at = |name: &str| said[name].as_i64().unwrap_or_else(|| panic!("{name} in {said}"));
    assert!(at("exp") > now() && (at("iat") - now()).abs() < 60, "{said}");
    assert!(!text(&said, "sub").is_empty());
    said
}

/// A token is nothing in other hands.
async fn is_bound(suite: &Suite, client: &Client, token: &str) {
    let thief = suite.world.authority.client("https://thief.example/");
    let public = suite.world.public();
    let bare = public.send(Method::GET, USERINFO, Some(token), None).await;
    assert_eq!(bare.status, 401, "{}", bare.text);
    if client.prover.is_some() {
        let other = Prover::new(&public).await;
        other.get(&public, USERINFO, token).await.refused(401, "invalid_token");
    } else {
        let held = suite.world.mtls(&thief).send(Method::GET, USERINFO, Some(token), None).await;
        held.refused(401, "invalid_token");
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_happy_flow() {
    let suite = Suite::start().await;
    for variant in VARIANTS {
        let client = suite.client(variant, json!({})).await;
        let pushed = client.push(SCOPE, &[("nonce", "n-0S6_WzA2Mj")]).await;
        assert_eq!(pushed.status, 201, "{variant:?}: {}", pushed.text);
        let said = pushed.json();
        assert!((5..600).contains(&said["expires_in"].as_i64().unwrap()), "{said}");
        assert!(text(&said, "request_uri").len() >= 40, "{said}");
        let page = suite.authorize(&client, &pushed).await;
        assert_eq!(parameters(&page), ["code", "iss", "state"]);
        assert_eq!(page.param("state").as_deref(), Some(client.app.state.as_str()));
        assert_eq!(page.param("iss").as_deref(), Some(suite.world.issuer()));
        let code = page.code();
        assert!(code.len() >= 22, "128 bits of chance: {code}");

        let tokens = client.redeem(&code).await.granted();
        assert_eq!(tokens["token_type"], client.token_type(), "{variant:?}");
        assert!(tokens["expires_in"].as_i64().unwrap() > 0);
        let said = id_token(&suite, &client, &tokens).await;
        assert_eq!(said["nonce"], "n-0S6_WzA2Mj");
        let access = text(&tokens, "access_token");
        assert_eq!(claims(access)["cnf"], client.confirmation(), "{variant:?}");
        assert_eq!(client.userinfo(access).await.granted()["sub"], said["sub"]);
        is_bound(&suite, &client, access).await;
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_user_rejects_authentication() {
    let (suite, client) = Suite::plain().await;
    let mut browser = Browser::new(&suite.world);
    let pushed = client.push(SCOPE, &[]).await;
    let page = browser.open(&client.app.pushed_url(&pushed)).await;
    let page = browser.sign_in(&page, &suite.pat).await;
    assert!(page.asks_for_consent());
    let page = browser.deny(&page).await;
    page.told(&client.app.callback, "access_denied", Some(&client.app.state));
    assert_eq!(parameters(&page), ["error", "error_description", "iss", "state"]);
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_other_scope_order_succeeds() {
    let (suite, client) = Suite::plain().await;
    let reversed: Vec<&str> = SCOPE.split(' ').rev().collect();
    let mut granted = Vec::new();
    for scope in [SCOPE, &reversed.join(" ")] {
        let pushed = client.push(scope, &[]).await;
        let code = suite.authorize(&client, &pushed).await.code();
        let tokens = client.redeem(&code).await.granted();
        id_token(&suite, &client, &tokens).await;
        let mut scopes: Vec<String> = text(&tokens, "scope").split(' ').map(str::to_owned).collect();
        scopes.sort();
        granted.push(scopes);
    }
    assert_eq!(granted[0], granted[1]);
}

#[tokio::test]
async fn fapi2_security_profile_final_test_claims_parameter_identity_claims() {
    let world = World::start().await;
    let suite = Suite { pat: openid::pat(&world).await, world };
    let client = suite.client(PLAIN, json!({"scope": openid::SCOPES})).await;
    let known = openid::claims_of_pat();
    let listed = suite.world.public().get("/.well-known/openid-configuration").await.json();
    let mut asked = json!({});
    for (claim, value) in known.as_object().unwrap() {
        assert!(listed["claims_supported"].as_array().unwrap().contains(&json!(claim)), "{claim}");
        asked["userinfo"][claim] = json!({"essential": true});
        // Where no value is demanded, and where one is.
        asked["id_token"][claim] = if value.is_string() { json!({"value": value}) } else { Value::Null };
    }
    // What nobody knows is ignored.
    asked["id_token"]["x1b7"] = Value::Null;
    let pushed = client.push("openid", &[("aud", ""), ("claims", &asked.to_string())]).await;
    let code = suite.authorize(&client, &pushed).await.code();
    let tokens = client.redeem(&code).await.granted();
    let said = id_token(&suite, &client, &tokens).await;
    let info = client.userinfo(text(&tokens, "access_token")).await.granted();
    for (claim, value) in known.as_object().unwrap() {
        assert_eq!((&said[claim], &info[claim]), (value, value), "{claim}");
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_access_token_type_header_case_sensitivity() {
    let suite = Suite::start().await;
    for variant in VARIANTS {
        let client = suite.client(variant, json!({})).await;
        let token = suite.tokens(&client).await["access_token"].as_str().unwrap().to_owned();
        let right = client.token_type();
        let mixed: String = right
            .char_indices()
            .map(|(at, c)| if at % 2 == 0 { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() })
            .collect();
        for scheme in [right, &right.to_lowercase(), &right.to_uppercase(), &mixed] {
            let mut peer = client.connection.with("authorization", &format!("{scheme} {token}"));
            if let Some(prover) = &client.prover {
                let proof = prover.shown(&client.connection, (&Method::GET, USERINFO), &token);
                peer = peer.with("dpop", &proof.sign(&prover.key));
            }
            peer.get(USERINFO).await.granted();
        }
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_refresh_token() {
    let suite = Suite::start().await;
    for variant in VARIANTS {
        let client = suite.client(variant, json!({})).await;
        let other = suite.client(variant, json!({})).await;
        let tokens = suite.tokens(&client).await;
        let refresh = text(&tokens, "refresh_token");
        assert!(refresh.bytes().all(|byte| (b'\x20'..=b'\x7e').contains(&byte)), "RFC 6749, A.17");
        let before = id_token(&suite, &client, &tokens).await;

        let again = client.refresh(refresh).await.granted();
        // FAPI 2.0 Security Profile, 5.3.2.1: refresh tokens are not rotated.
        assert!(again.get("refresh_token").is_none_or(|same| same == refresh), "{variant:?}");
        assert_ne!(again["access_token"], tokens["access_token"]);
        assert_eq!(claims(text(&again, "access_token"))["cnf"], client.confirmation());
        client.userinfo(text(&again, "access_token")).await.granted();
        if again.get("id_token").is_some() {
            let after = id_token(&suite, &client, &again).await;
            assert_eq!((&after["sub"], &after["auth_time"]), (&before["sub"], &before["auth_time"]));
        }
        without_what_it_needs(&client, variant.0, refresh).await;
        // The token of one client in the hands of another.
        other.refresh(refresh).await.refused(400, "invalid_grant");
        client.refresh(refresh).await.granted();
    }
}

/// A refresh token is refused without the client's credentials, and without what tokens are bound to.
async fn without_what_it_needs(client: &Client, by: By, refresh: &str) {
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let answer = match by {
        By::Key => client.peer(TOKEN).post(TOKEN, &form).await,
        // A certificate is taken away with its connection.
        By::Certificate => client.app.refresh(client.stranger_peer(), refresh).await,
    };
    refused_for_want(&answer);
    refused_for_want(&client.app.refresh(client.unbound(), refresh).await);
}

/// Intents are for the ecosystems that have them. What a client refers to here is a request that it has pushed.
#[tokio::test]
async fn fapi2_security_profile_final_ensure_server_handles_non_matching_intent_id() {
    let (suite, client) = Suite::plain().await;
    let other = suite.client(PLAIN, json!({})).await;
    let mut browser = Browser::new(&suite.world);
    let address = |uri: &str| {
        let pairs = [("client_id", client.app.id.as_str()), ("request_uri", uri)];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        format!("/oauth2/authorize?{}", query(&pairs))
    };
    browser.get(&address("urn:ietf:params:oauth:request_uri:unknown")).await.shows(400);
    let foreign = other.push(SCOPE, &[]).await.json();
    browser.get(&address(text(&foreign, "request_uri"))).await.shows(400);
}

/// A level of one ecosystem that this server does not attain: what is essential and cannot be is refused, when it is
/// pushed.
#[tokio::test]
async fn fapi2_security_profile_final_test_essential_acr_sca_claim() {
    let (suite, client) = Suite::plain().await;
    let asked = |value: Value| json!({"id_token": {"acr": value}}).to_string();
    let sca = ["urn:openbanking:psd2:sca", "urn:openbanking:psd2:ca"];
    let essential = asked(json!({"essential": true, "values": sca}));
    let pushed = client.push(SCOPE, &[("claims", &essential)]).await;
    pushed.refused(400, "unmet_authentication_requirements");
    // What is only wished for is not told falsely.
    let code = suite.code(&client, &[("claims", &asked(json!({"values": sca})))]).await;
    let tokens = client.redeem(&code).await.granted();
    assert!(!sca.contains(&text(&id_token(&suite, &client, &tokens).await, "acr")));
}
