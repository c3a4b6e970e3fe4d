//! `private_key_jwt`: the claims of an assertion, and the form it comes in.

use hilum::jose::algorithm::Algorithm;
use hilum::jose::base64url;
use serde_json::{Value, json};

use super::{all_refused, ask_with, reasons};
use crate::harness::{Assertion, Backend, World};

fn now() -> i64 {
    Assertion::of("x", "y", &crate::harness::key(Algorithm::Es256), "k").claims["iat"].as_i64().unwrap()
}

#[tokio::test]
async fn j08_sm_ca_05_exp_that_is_missing_past_far_ahead_or_no_number_is_refused() {
    let world = World::start().await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let now = now();
    let with = |exp: Value| {
        let mut assertion = backend.assertion(&world);
        assertion.claims.insert("exp".to_owned(), exp);
        assertion.sign(&backend.key)
    };
    let cases = [
        (backend.assertion(&world).claim("exp", Value::Null).sign(&backend.key), "assertion_exp"),
        (with(Value::Null), "assertion_exp"),
        (with(json!("9999999999")), "assertion_exp"),
        (with(json!((now + 240).to_string())), "assertion_exp"),
        (with(json!([now + 240])), "assertion_exp"),
        (with(json!(true)), "assertion_exp"),
        (with(json!(-1)), "assertion_exp"),
        (with(json!(-1e10)), "assertion_exp"),
        (with(json!(u64::MAX)), "assertion_exp"),
        (with(json!(1e19)), "assertion_exp"),
        (with(json!(1e300)), "assertion_exp"),
        (with(json!(0)), "assertion_expired"),
        (with(json!(now - 120)), "assertion_expired"),
        (with(json!(now - 31)), "assertion_expired"),
        (with(json!(1e10)), "assertion_exp_far_ahead"),
        (with(json!(now + 600)), "assertion_exp_far_ahead"),
        (with(json!(now + 86_400)), "assertion_exp_far_ahead"),
        (with(json!((now + 240) * 1000)), "assertion_exp"),
    ];
    all_refused(&world, &cases).await;
    assert_eq!(world.database.count("select count(*) from proof where owner like 'assertion%'").await, 0);
    ask_with(&world.public(), &with(json!(now + 300))).await.granted();
    // A NumericDate may have a fraction (RFC 7519, 2).
    ask_with(&world.public(), &with(serde_json::from_str(&format!("{}.5", now + 60)).unwrap()))
        .await
        .granted();
}

#[tokio::test]
async fn j09_sm_ca_06_a_clock_may_be_a_little_ahead_and_not_more() {
    let world = World::start().await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let now = now();
    let with = |name: &str, at: Value| {
        let mut assertion = backend.assertion(&world);
        assertion.claims.insert(name.to_owned(), at);
        assertion.sign(&backend.key)
    };
    let mut cases = Vec::new();
    for name in ["nbf", "iat"] {
        cases.push((with(name, json!(now + 65)), "assertion_from_the_future"));
        cases.push((with(name, json!(now + 86_400)), "assertion_from_the_future"));
        for wrong in [json!("99999999999"), json!(now.to_string()), Value::Null, json!(-5), json!(1e300)] {
            cases.push((with(name, wrong), "assertion_times"));
        }
    }
    all_refused(&world, &cases).await;
    for name in ["nbf", "iat"] {
        ask_with(&world.public(), &with(name, json!(now + 8))).await.granted();
        ask_with(&world.public(), &with(name, json!(now - 60))).await.granted();
    }
    let without = backend.assertion(&world).claim("iat", Value::Null).sign(&backend.key);
    ask_with(&world.public(), &without).await.granted();
}

#[tokio::test]
async fn j10_x1_d1_sm_ca_04_the_audience_is_the_token_endpoint_or_the_issuer_and_for_fapi2_the_issuer() {
    let world = World::start().await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let udap = Backend::register(&world, Algorithm::Es256, json!({"profile": "udap"})).await;
    let strict = {
        let bound = json!({"profile": "fapi2", "tls_client_certificate_bound_access_tokens": true});
        Backend::register(&world, Algorithm::Es256, bound).await
    };
    let aimed = |backend: &Backend, audience: &Value| {
        backend.assertion(&world).claim("aud", audience.clone()).sign(&backend.key)
    };
    let (token, issuer) = (world.issuer_url("/oauth2/token"), world.issuer().to_owned());
    let alias = format!("https://localhost:{}/oauth2/token", world.processes[0].mtls);
    let by_number = token.replace("localhost", "127.0.0.1");
    let wrong = [
        Value::Null,
        json!(""),
        json!(7),
        json!({"aud": token}),
        json!([]),
        json!([7]),
        json!([token, issuer]),
        json!([token, "https://other.example"]),
        json!([token, token]),
        json!([[token]]),
        json!(format!("{token}/")),
        json!(format!("{issuer}/")),
        json!(format!("{token}?x=1")),
        json!(token.to_uppercase()),
        json!(&token[..token.len() - 1]),
        json!(world.issuer_url("/oauth2/introspect")),
        json!(world.issuer_url("/oauth2/revoke")),
        json!(format!("https://localhost:{}", world.processes[0].mtls)),
        json!("https://other.example/oauth2/token"),
        json!(by_number),
        json!("/oauth2/token"),
        json!(format!("{token} {issuer}")),
    ];
    let mut cases: Vec<_> = wrong.iter().map(|aud| (aimed(&backend, aud), "assertion_aud")).collect();
    for aud in [json!(token), json!(alias), json!([issuer]), json!([token]), json!(format!("{issuer}/"))] {
        cases.push((aimed(&strict, &aud), "assertion_aud"));
    }
    all_refused(&world, &cases).await;
    for aud in [json!(token), json!(alias), json!(issuer), json!([token]), json!([issuer]), json!([alias])] {
        for lenient in [&backend, &udap] {
            ask_with(&world.public(), &aimed(lenient, &aud)).await.granted();
        }
    }
    let holder = world.mtls(&world.authority.client("https://payer.example/"));
    ask_with(&holder, &aimed(&strict, &json!(issuer))).await.granted();
}

#[tokio::test]
async fn j11_j13_a05_sm_ca_03_nobody_speaks_for_another_client() {
    let world = World::start().await;
    let honest = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let thief = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let mine = || thief.assertion(&world);
    let cases = [
        // Signed with one's own key in the name of another, who has a key of the same name.
        (honest.assertion(&world).sign(&thief.key), "assertion_signature"),
        (mine().claim("sub", json!(honest.id)).sign(&thief.key), "assertion_iss_sub"),
        (mine().claim("iss", json!(honest.id)).sign(&thief.key), "assertion_iss_sub"),
        (mine().claim("sub", Value::Null).sign(&thief.key), "assertion_iss_sub"),
        (mine().claim("iss", Value::Null).sign(&thief.key), "assertion_iss_sub"),
        (mine().claim("sub", json!([thief.id])).sign(&thief.key), "assertion_iss_sub"),
        (mine().claim("sub", json!("")).claim("iss", json!("")).sign(&thief.key), "assertion_iss_sub"),
        (mine().claim("sub", json!("x")).claim("iss", json!("x")).sign(&thief.key), "unknown_client"),
    ];
    all_refused(&world, &cases).await;

    let own = mine().sign(&thief.key);
    let mut form = Backend::form(&own, "system/Claim.rs");
    form.push(("client_id", &honest.id));
    world.public().post("/oauth2/token", &form).await.invalid_client();
    assert_eq!(reasons(&world, "token.issue").await.last().unwrap(), "several_clients_named");
    let records = world.audit("token.issue").await;
    assert!(
        records
            .iter()
            .any(|record| record["reason"] == "assertion_signature" && record["client"] == honest.id)
    );

    // What was refused is not used up, and neither client is the worse for it.
    form.pop();
    form.push(("client_id", &thief.id));
    world.public().post("/oauth2/token", &form).await.granted();
    honest.ask(&world, &world.public(), "system/Claim.rs").await.granted();
}

#[tokio::test]
async fn j12_sm_ca_07_a_jti_that_is_missing_empty_too_long_or_no_text_is_refused() {
    let world = World::start().await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let with = |jti: Value| {
        let mut assertion = backend.assertion(&world);
        assertion.claims.insert("jti".to_owned(), jti);
        assertion.sign(&backend.key)
    };
    let cases = [
        (backend.assertion(&world).claim("jti", Value::Null).sign(&backend.key), "assertion_jti"),
        (with(Value::Null), "assertion_jti"),
        (with(json!("")), "assertion_jti"),
        (with(json!(1)), "assertion_jti"),
        (with(json!(["a"])), "assertion_jti"),
        (with(json!("a".repeat(257))), "assertion_jti"),
        (with(json!("a".repeat(20_000))), "assertion_malformed"),
    ];
    all_refused(&world, &cases).await;
    // A megabyte is not even read.
    let huge = ask_with(&world.public(), &with(json!("a".repeat(1_000_000)))).await;
    assert_eq!((huge.status, huge.json()["error"].as_str()), (413, Some("invalid_request")));
    ask_with(&world.public(), &with(json!("é".repeat(128)))).await.granted();
}

#[tokio::test]
async fn j15_sm_ca_01_an_assertion_has_one_form_and_says_everything_once() {
    let world = World::start().await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let right = backend.assertion(&world);
    let raw = |header: String, claims: String| {
        let text =
            format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(claims.as_bytes()));
        let signature = backend.key.sign_bytes(text.as_bytes()).unwrap();
        format!("{text}.{}", base64url::encode(&signature))
    };
    let header = Value::Object(right.header.clone()).to_string();
    let claims = Value::Object(right.claims.clone()).to_string();
    let twice = |text: &str, member: &str| format!("{{{member},{}", &text[1..]);
    let signed = right.sign(&backend.key);
    let head = |name: &str, value: Value| backend.assertion(&world).head(name, value).sign(&backend.key);
    let cases: Vec<(String, &str)> = [
        raw(twice(&header, r#""alg":"none""#), claims.clone()),
        raw(twice(&header, r#""kid":"k2""#), claims.clone()),
        raw(header.clone(), twice(&claims, r#""aud":"https://other.example""#)),
        raw(header.clone(), twice(&claims, r#""\u0065xp":1"#)),
        raw(header.clone(), format!("[{claims}]")),
        raw(header.clone(), format!("{claims} x")),
        raw(header.clone(), twice(&claims, &format!("\"deep\":{}1{}", "[".repeat(100), "]".repeat(100)))),
        head("crit", json!(["exp"])),
        head("b64", json!(false)),
        head("zip", json!("DEF")),
        format!("{signed}="),
        format!("{signed}.x"),
        format!("{signed}.x.y"),
        signed.replace('.', ".."),
        signed.replace('.', "+"),
        "garbage".to_owned(),
        "..".to_owned(),
    ]
    .map(|assertion| (assertion, "assertion_malformed"))
    .to_vec();
    all_refused(&world, &cases).await;

    let form = |kind: &'static str| {
        vec![
            ("grant_type", "client_credentials"),
            ("scope", "system/Claim.rs"),
            ("client_assertion_type", kind),
            ("client_assertion", signed.as_str()),
        ]
    };
    let peer = world.public();
    let saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
    peer.post("/oauth2/token", &form(saml)).await.invalid_client();
    peer.post("/oauth2/token", &form("")).await.invalid_client();
    let mut repeated = Backend::form(&signed, "system/Claim.rs");
    repeated.push(("client_assertion", &signed));
    peer.post("/oauth2/token", &repeated).await.refused(400, "invalid_request");
    peer.post("/oauth2/token", &repeated[..3]).await.refused(400, "invalid_request");
    ask_with(&peer, &signed).await.granted();
}
