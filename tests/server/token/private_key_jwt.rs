//! `private_key_jwt`: the header of an assertion, its key and its single use.

use aws_lc_rs::hmac;
use futures_util::future::join_all;
use hilum::jose::algorithm::Algorithm;
use hilum::jose::base64url;
use serde_json::{Value, json};

use super::{all_refused, ask_with, reasons};
use crate::harness::{Assertion, Backend, World, key, registration};

fn mac(assertion: &Assertion, algorithm: hmac::Algorithm, secret: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(algorithm, secret), assertion.text().as_bytes());
    format!("{}.{}", assertion.text(), base64url::encode(tag.as_ref()))
}

#[tokio::test]
async fn j01_j02_sm_ca_02_none_and_hmac_are_refused_whatever_the_secret() {
    let world = World::start().await;
    let backend = Backend::register(&world, Algorithm::Rs384, json!({})).await;
    let mut cases = Vec::new();
    for name in ["none", "None", "nOnE", "NONE", ""] {
        let assertion = backend.assertion(&world).head("alg", json!(name));
        cases.push((format!("{}.", assertion.text()), "assertion_malformed"));
        cases.push((assertion.sign(&backend.key), "assertion_malformed"));
    }
    let unsigned = backend.assertion(&world);
    cases.push((format!("{}.", unsigned.text()), "assertion_malformed"));
    cases.push((unsigned.text(), "assertion_malformed"));

    let pair = rcgen::KeyPair::try_from(backend.key.to_pkcs8().unwrap().as_slice()).unwrap();
    let jwk = backend.key.public_jwk("k1");
    let of_server = world.public().get("/oauth2/jwks").await.json()["keys"][0].to_string();
    let pem = pair.public_key_pem();
    let secrets: [Vec<u8>; 8] = [
        pem.clone().into_bytes(),
        pem.trim_end().as_bytes().to_vec(),
        rcgen::PublicKeyData::subject_public_key_info(&pair),
        pair.public_key_raw().to_vec(),
        jwk.to_string().into_bytes(),
        base64url::decode(jwk["n"].as_str().unwrap()).unwrap(),
        of_server.into_bytes(),
        Vec::new(),
    ];
    let family = [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)];
    for secret in &secrets {
        for (name, algorithm) in family {
            let assertion = backend.assertion(&world).head("alg", json!(name));
            cases.push((mac(&assertion, algorithm, secret), "assertion_malformed"));
        }
    }
    all_refused(&world, &cases).await;
    backend.ask(&world, &world.public(), "system/Claim.rs").await.granted();
}

#[tokio::test]
async fn x2_sm_ca_02_sm_ca_12_each_algorithm_is_accepted_and_the_registered_one_is_pinned() {
    let world = World::start().await;
    for algorithm in Algorithm::ALL {
        let pinned = json!({"token_endpoint_auth_signing_alg": algorithm.as_str()});
        let backend = Backend::register(&world, *algorithm, pinned).await;
        backend.ask(&world, &world.public(), "system/Claim.rs").await.granted();
    }
    // One key for both, held to what was registered.
    let rsa = key(Algorithm::Rs384);
    let mut bare = rsa.public_jwk("k1");
    bare.as_object_mut().unwrap().remove("alg");
    let members = json!({"jwks": {"keys": [bare]}, "token_endpoint_auth_signing_alg": "PS384"});
    let id = world.register(registration("private_key_jwt", members)).await;
    let audience = world.issuer_url("/oauth2/token");
    let other = Assertion::of(&id, &audience, &rsa, "k1").sign(&rsa);
    // A key registered for RS384 is no key for RS256, nor for an elliptic curve.
    let limited = Backend::register(&world, Algorithm::Rs384, json!({})).await;
    let as_rs256 = limited.assertion(&world).head("alg", json!("RS256")).sign(&limited.key);
    let on_a_curve = limited.assertion(&world).head("alg", json!("ES384")).sign(&limited.key);
    let cases = [
        (other, "assertion_alg_not_registered"),
        (as_rs256, "assertion_key_unknown"),
        (on_a_curve, "assertion_key_unknown"),
    ];
    all_refused(&world, &cases).await;
    let pss = hilum::jose::signing::SigningKey::from_pkcs8(Algorithm::Ps384, &rsa.to_pkcs8().unwrap());
    let pss = pss.unwrap();
    ask_with(&world.public(), &Assertion::of(&id, &audience, &pss, "k1").sign(&pss)).await.granted();
    limited.ask(&world, &world.public(), "system/Claim.rs").await.granted();
}

#[tokio::test]
async fn j03_j04_sm_ca_08_keys_that_an_assertion_brings_or_points_to_are_never_used() {
    let world = World::start().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let backend = Backend::register(&world, Algorithm::Es384, json!({})).await;
    let thief = key(Algorithm::Es384);
    let forged = |kid: &str| {
        let assertion = backend.assertion(&world).head("kid", json!(kid));
        assertion.head("jwk", thief.public_jwk(kid)).sign(&thief)
    };
    let mut cases = vec![(forged("k1"), "assertion_signature"), (forged("k2"), "assertion_key_unknown")];
    let chain =
        backend.assertion(&world).head("x5c", json!(["AAAA"])).head("x5u", json!("https://x.example"));
    cases.push((chain.sign(&thief), "assertion_signature"));
    for jku in [format!("http://127.0.0.1:{port}/jwks"), format!("https://localhost:{port}/jwks")] {
        let assertion = backend.assertion(&world).head("jku", json!(jku));
        cases.push((assertion.sign(&backend.key), "assertion_jku_not_registered"));
    }
    cases.push((backend.assertion(&world).head("jku", json!(7)).sign(&backend.key), "assertion_malformed"));

    let registered = "https://keys.example/jwks.json";
    let members = json!({"jwks": null, "jwks_uri": registered});
    let id = world.register(registration("private_key_jwt", members)).await;
    let at = |jku: String| {
        let assertion = Assertion::of(&id, world.issuer(), &thief, "k1");
        assertion.head("jku", json!(jku)).sign(&thief)
    };
    for variant in [
        format!("https://keys.example@127.0.0.1:{port}/jwks.json"),
        format!("{registered}@127.0.0.1:{port}"),
        format!("{registered}?"),
        format!("{registered}#"),
        "https://keys.example/../jwks.json".to_owned(),
        "https://keys.example/a/../jwks.json".to_owned(),
        "https://KEYS.example/jwks.json".to_owned(),
        "https://keys.example:443/jwks.json".to_owned(),
        format!("{registered}/"),
        String::new(),
    ] {
        cases.push((at(variant), "assertion_jku_not_registered"));
    }
    all_refused(&world, &cases).await;
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nothing went out");
    backend.ask(&world, &world.public(), "system/Claim.rs").await.granted();
}

#[tokio::test]
async fn j05_sm_ca_10_sm_ca_11_a_kid_that_names_not_exactly_one_key_is_refused() {
    let world = World::start().await;
    let (first, second) = (key(Algorithm::Es384), key(Algorithm::Es384));
    let keys =
        |kids: [&str; 2]| json!({"jwks": {"keys": [first.public_jwk(kids[0]), second.public_jwk(kids[1])]}});
    // The same kid twice in a registration could never be chosen (SM-CA-10).
    let twice = registration("private_key_jwt", keys(["k1", "k1"]));
    let refused = world.administer(reqwest::Method::POST, "/admin/v1/clients", Some(twice)).await;
    assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_client_metadata")));

    // A private key has been disclosed to whoever reads this (SM-CA-11).
    let private = json!({"jwks": {"keys": [first.private_jwk("k1").unwrap()]}});
    let disclosed = Some(registration("private_key_jwt", private));
    let refused = world.administer(reqwest::Method::POST, "/admin/v1/clients", disclosed).await;
    assert_eq!((refused.status, refused.json()["error"].as_str()), (400, Some("invalid_client_metadata")));

    let id = world.register(registration("private_key_jwt", keys(["k1", "k2"]))).await;
    let right = || Assertion::of(&id, world.issuer(), &first, "k1");
    let with = |kid: Value| {
        let mut assertion = right();
        assertion.header.insert("kid".to_owned(), kid);
        assertion.sign(&first)
    };
    let cases = [
        (with(json!("../../../../dev/null")), "assertion_key_unknown"),
        (with(json!("' UNION SELECT 'k1'--")), "assertion_key_unknown"),
        (with(json!("K1")), "assertion_key_unknown"),
        (with(json!("k1 ")), "assertion_key_unknown"),
        (with(json!("k1\u{0}")), "assertion_malformed"),
        (with(json!("k2")), "assertion_signature"),
        (with(json!("k".repeat(257))), "assertion_malformed"),
        (with(json!("k".repeat(10_000))), "assertion_malformed"),
        (with(json!("")), "assertion_malformed"),
        (with(json!(["k1"])), "assertion_malformed"),
        (with(json!({"k1": 1})), "assertion_malformed"),
        (with(json!(1)), "assertion_malformed"),
        (with(Value::Null), "assertion_malformed"),
        (right().head("kid", Value::Null).sign(&first), "assertion_kid_missing"),
    ];
    all_refused(&world, &cases).await;
    ask_with(&world.public(), &right().sign(&first)).await.granted();
}

#[tokio::test]
async fn x5_sm_ca_02_a_type_of_another_kind_of_token_is_refused() {
    let world = World::start().await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let typed = |typ: Value| {
        let mut assertion = backend.assertion(&world);
        assertion.header.insert("typ".to_owned(), typ);
        assertion.sign(&backend.key)
    };
    let wrong = ["at+jwt", "application/at+jwt", "dpop+jwt", "logout+jwt", "token-introspection+jwt", ""];
    let mut cases: Vec<(String, &str)> =
        wrong.iter().map(|typ| (typed(json!(typ)), "assertion_typ")).collect();
    cases.push((typed(json!(["JWT"])), "assertion_malformed"));
    cases.push((typed(Value::Null), "assertion_malformed"));
    all_refused(&world, &cases).await;
    for right in ["JWT", "jwt", "client-authentication+jwt", "application/client-authentication+jwt"] {
        ask_with(&world.public(), &typed(json!(right))).await.granted();
    }
    let untyped = backend.assertion(&world).head("typ", Value::Null).sign(&backend.key);
    ask_with(&world.public(), &untyped).await.granted();
}

#[tokio::test]
async fn j06_sm_ca_07_an_assertion_is_good_once_on_all_processes_and_after_a_crash() {
    let mut world = World::with_processes(2).await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let other = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let same = |backend: &Backend| {
        backend.assertion(&world).claim("jti", json!("one and the same")).sign(&backend.key)
    };
    let (once, of_other) = (same(&backend), same(&other));
    ask_with(&world.public(), &once).await.granted();
    for index in [0, 1, 0] {
        ask_with(&world.public_of(index), &once).await.invalid_client();
    }
    ask_with(&world.public_of(1), &of_other).await.granted();
    let anew = backend.assertion(&world).claim("jti", json!("one and the same")).claim("nonce", json!(1));
    ask_with(&world.public(), &anew.sign(&backend.key)).await.invalid_client();

    // What is refused for another reason has shown its assertion all the same.
    let spent = backend.assertion(&world).sign(&backend.key);
    let refused = world.public().post("/oauth2/token", &Backend::form(&spent, "system/Goal.rs")).await;
    refused.refused(400, "invalid_scope");
    ask_with(&world.public_of(1), &spent).await.invalid_client();

    let raced = backend.assertion(&world).sign(&backend.key);
    let peers = [world.public_of(0), world.public_of(1)];
    let answers = join_all((0..40).map(|at| ask_with(&peers[at % 2], &raced))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    // Whoever waited too long for the others was told to come again: nothing was decided.
    let refused: Vec<_> = answers.iter().filter(|answer| ![200, 503].contains(&answer.status)).collect();
    for answer in &refused {
        answer.invalid_client();
    }

    let reasons = reasons(&world, "token.issue").await;
    let replayed = reasons.iter().filter(|reason| *reason == "assertion_replayed").count();
    assert_eq!(replayed, 5 + refused.len());
    assert_eq!(reasons.len(), replayed + 1, "and one for its scope");

    let fresh = backend.assertion(&world).sign(&backend.key);
    ask_with(&world.public(), &fresh).await.granted();
    world.processes[0].kill();
    world.restart(0).await;
    ask_with(&world.public(), &fresh).await.invalid_client();
    backend.ask(&world, &world.public(), "system/Claim.rs").await.granted();
}
