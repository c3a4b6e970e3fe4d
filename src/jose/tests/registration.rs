//! Keys and key sets that are registered or fetched (SM-CA-11, K04).

use serde_json::{Value, json};

use super::super::{Algorithm, Jwk, JwkError, JwkSet, JwkSetError, base64url};
use super::{jwk, key, with};

fn refusal(value: &Value) -> JwkError {
    Jwk::parse(value).unwrap_err()
}

/// A number of so many bits that no one could tell from a modulus by its size.
fn modulus(bits: usize) -> String {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    bytes[0] = 0xff >> (bytes.len() * 8 - bits);
    base64url::encode(&bytes)
}

fn rsa(bits: usize, e: &str) -> Value {
    json!({ "kty": "RSA", "n": modulus(bits), "e": e })
}

#[test]
fn sm_ca_11_private_members_are_refused() {
    for algorithm in [Algorithm::Rs384, Algorithm::Es384, Algorithm::EdDsa] {
        let signing = key(algorithm);
        assert!(matches!(refusal(&signing.private_jwk("k").unwrap()), JwkError::Private { .. }));
        for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] {
            let leaky = with(&signing.public_jwk("k"), &json!({ member: 1 }));
            assert_eq!(refusal(&leaky), JwkError::Private { member });
        }
    }
    assert_eq!(refusal(&json!({ "kty": "oct", "k": "AAAA" })), JwkError::Symmetric);
    assert_eq!(refusal(&json!({ "kty": "oct" })), JwkError::Symmetric);
}

#[test]
fn k04_rsa_sizes_are_bounded() {
    for bits in [2048, 2049, 3072, 4096] {
        assert!(Jwk::parse(&rsa(bits, "AQAB")).is_ok(), "{bits}");
    }
    for bits in [8, 512, 1024, 2047, 4097, 8192, 16_384] {
        assert_eq!(refusal(&rsa(bits, "AQAB")), JwkError::Modulus { bits });
    }
    let zero_led = json!({ "kty": "RSA", "n": format!("AP__{}", "_".repeat(340)), "e": "AQAB" });
    assert_eq!(refusal(&zero_led), JwkError::NotShortest { member: "n" });
    assert_eq!(
        refusal(&json!({ "kty": "RSA", "n": "", "e": "AQAB" })),
        JwkError::NotShortest { member: "n" }
    );
    let mut even = base64url::decode(&modulus(2048)).unwrap();
    even[255] = 0xfe;
    let even = json!({ "kty": "RSA", "n": base64url::encode(&even), "e": "AQAB" });
    assert_eq!(refusal(&even), JwkError::Modulus { bits: 2048 });
}

#[test]
fn rsa_exponents_are_bounded() {
    let exponent = |bytes: &[u8]| Jwk::parse(&rsa(2048, &base64url::encode(bytes))).map(|_| ());
    for good in [&[1, 0, 1][..], &[1, 0, 3], &[0xff; 4]] {
        assert_eq!(exponent(good), Ok(()), "{good:?}");
    }
    for bad in [
        &[1][..],
        &[3],
        &[0xff, 0xff],
        &[1, 0, 0],
        &[1, 0, 2],
        &[1, 0, 0, 0, 0],
        &[1, 0, 0, 0, 1],
        &[0xff; 8],
        &[0xff; 300],
    ] {
        assert_eq!(exponent(bad), Err(JwkError::Exponent), "{bad:?}");
    }
    for bad in [&[0, 1, 0, 1][..], &[0], &[]] {
        assert_eq!(exponent(bad), Err(JwkError::NotShortest { member: "e" }), "{bad:?}");
    }
}

#[test]
fn points_are_on_their_curve() {
    let (p256, p384) = (key(Algorithm::Es256).public_jwk("k"), key(Algorithm::Es384).public_jwk("k"));
    let okp = key(Algorithm::EdDsa).public_jwk("k");
    let zeros = |length| base64url::encode(&vec![0; length]);
    for (value, error) in [
        (with(&p256, &json!({ "x": zeros(32), "y": zeros(32) })), JwkError::Rejected),
        (with(&p256, &json!({ "y": p256["x"] })), JwkError::Rejected),
        (with(&p384, &json!({ "y": zeros(48) })), JwkError::Rejected),
        (with(&p256, &json!({ "x": zeros(31) })), JwkError::Length { member: "x", expected: 32 }),
        (with(&p256, &json!({ "y": "" })), JwkError::Length { member: "y", expected: 32 }),
        (with(&p384, &json!({ "y": p256["y"] })), JwkError::Length { member: "y", expected: 48 }),
        (with(&okp, &json!({ "x": zeros(33) })), JwkError::Length { member: "x", expected: 32 }),
        (with(&p256, &json!({ "y": null })), JwkError::Missing { member: "y" }),
        (with(&p256, &json!({ "crv": "P-521" })), JwkError::Curve),
        (with(&p256, &json!({ "crv": "secp256k1" })), JwkError::Curve),
        (with(&p256, &json!({ "crv": "Ed25519" })), JwkError::Curve),
        (with(&okp, &json!({ "crv": "X25519" })), JwkError::Curve),
        (with(&okp, &json!({ "crv": "P-256" })), JwkError::Curve),
        (with(&p256, &json!({ "crv": 256 })), JwkError::NotText { member: "crv" }),
    ] {
        assert_eq!(refusal(&value), error, "{value}");
    }
}

#[test]
fn members_have_their_form() {
    let good = key(Algorithm::Es384).public_jwk("k");
    let x = good["x"].as_str().unwrap().to_owned();
    for (changes, error) in [
        (json!({ "kty": "ec" }), JwkError::KeyType),
        (json!({ "kty": "AKP" }), JwkError::KeyType),
        (json!({ "kty": null }), JwkError::Missing { member: "kty" }),
        (json!({ "kty": 1 }), JwkError::NotText { member: "kty" }),
        (json!({ "x": format!("{x}=") }), JwkError::NotBase64Url { member: "x" }),
        (json!({ "x": format!("+/{}", &x[2..]) }), JwkError::NotBase64Url { member: "x" }),
        (json!({ "x": [x] }), JwkError::NotText { member: "x" }),
        (json!({ "use": "enc" }), JwkError::Use),
        (json!({ "use": ["sig"] }), JwkError::NotText { member: "use" }),
        (json!({ "key_ops": ["sign"] }), JwkError::Operations),
        (json!({ "key_ops": [] }), JwkError::Operations),
        (json!({ "key_ops": "verify" }), JwkError::Operations),
        (json!({ "key_ops": ["verify", 1] }), JwkError::Operations),
        (json!({ "alg": "ES512" }), JwkError::UnknownAlgorithm),
        (json!({ "alg": "none" }), JwkError::UnknownAlgorithm),
        (json!({ "alg": 384 }), JwkError::NotText { member: "alg" }),
        (json!({ "alg": "ES256" }), JwkError::OtherAlgorithm { alg: "ES256" }),
        (json!({ "alg": "RS384" }), JwkError::OtherAlgorithm { alg: "RS384" }),
        (json!({ "kid": "" }), JwkError::Kid),
        (json!({ "kid": "é".repeat(129) }), JwkError::Kid),
        (json!({ "kid": 7 }), JwkError::NotText { member: "kid" }),
        (json!({ "x5c": [] }), JwkError::Certificates),
        (json!({ "x5c": "MIIB" }), JwkError::Certificates),
        (json!({ "x5c": ["MII"] }), JwkError::Certificates),
        (json!({ "x5c": ["_-8="] }), JwkError::Certificates),
        (json!({ "x5c": vec!["AAAA"; 9] }), JwkError::Certificates),
        (json!({ "x5c": ["AAAA".repeat(5462)] }), JwkError::Certificates),
    ] {
        assert_eq!(refusal(&with(&good, &changes)), error, "{changes}");
    }
    for wrong in [json!(null), json!("key"), json!([good])] {
        assert_eq!(refusal(&wrong), JwkError::NotAnObject);
    }
}

#[test]
fn a_key_is_written_in_canonical_form() {
    let good = key(Algorithm::Es384).public_jwk("k");
    let full = with(&good, &json!({ "x5c": vec!["AAAA"; 8], "key_ops": ["verify"], "x5t": "?", "note": {} }));
    let parsed = jwk(&full);
    assert_eq!(parsed.x5c(), vec![vec![0; 3]; 8]);
    assert_eq!(parsed.to_json(), with(&good, &json!({ "x5c": vec!["AAAA"; 8] })));
    assert_eq!(jwk(&parsed.to_json()).thumbprint(), parsed.thumbprint());
    assert!(parsed.accepts(Algorithm::Es384) && !parsed.accepts(Algorithm::Es256));
}

#[test]
fn a_registered_set_is_strict() {
    let (one, two) = (key(Algorithm::Es384).public_jwk("one"), key(Algorithm::Rs384).public_jwk("two"));
    let parse = |value: &Value| JwkSet::parse(value).map(|set| set.keys().len());
    assert_eq!(parse(&json!({ "keys": [one, two], "other": 1 })), Ok(2));
    for wrong in [json!(null), json!([one]), one.clone(), json!({ "keys": {} })] {
        assert_eq!(parse(&wrong), Err(JwkSetError::NotASet));
    }
    assert_eq!(parse(&json!({ "keys": [] })), Err(JwkSetError::Count { count: 0 }));
    assert_eq!(parse(&json!({ "keys": vec![&one; 33] })), Err(JwkSetError::Count { count: 33 }));
    let namesake = with(&two, &json!({ "kid": "one" }));
    assert_eq!(parse(&json!({ "keys": [one, namesake] })), Err(JwkSetError::RepeatedKid { index: 1 }));
    for (bad, error) in [
        (with(&two, &json!({ "kid": null })), JwkError::Missing { member: "kid" }),
        (with(&two, &json!({ "use": "enc" })), JwkError::Use),
        (with(&two, &json!({ "d": "AQ" })), JwkError::Private { member: "d" }),
        (json!({ "kty": "AKP" }), JwkError::KeyType),
        (json!(7), JwkError::NotAnObject),
    ] {
        assert_eq!(parse(&json!({ "keys": [one, bad] })), Err(JwkSetError::Key { index: 1, error }));
    }
    let error = parse(&json!({ "keys": [with(&one, &json!({ "x": null }))] })).unwrap_err();
    assert_eq!(error.to_string(), "keys[0]: the member x is missing");
}

#[test]
fn k04_a_fetched_set_passes_over_what_is_not_for_us() {
    let good = key(Algorithm::Es384).public_jwk("k");
    let parse = |keys: Value| JwkSet::parse_fetched(&json!({ "keys": keys })).map(|set| set.keys().len());
    let foreign = json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "kid": "pq" });
    let large = rsa(16_384, "AQAB");
    assert_eq!(parse(json!([good, foreign, large, with(&good, &json!({ "use": "enc" }))])), Ok(1));
    assert_eq!(parse(json!([good, good])), Ok(2));
    assert_eq!(parse(json!([])), Ok(0));
    assert_eq!(parse(json!(vec![&foreign; 33])), Err(JwkSetError::Count { count: 33 }));
    for (bad, error) in [
        (json!({ "kty": "oct", "k": "AAAA", "kid": "s" }), JwkError::Symmetric),
        (with(&good, &json!({ "use": "enc", "d": "AQ" })), JwkError::Private { member: "d" }),
        (with(&foreign, &json!({ "priv": "AQ" })), JwkError::Private { member: "priv" }),
        (json!("key"), JwkError::NotAnObject),
    ] {
        assert_eq!(parse(json!([good, bad])), Err(JwkSetError::Key { index: 1, error }));
    }
}

#[test]
fn a_set_reads_its_own_form() {
    let set =
        json!({ "keys": [key(Algorithm::Es256).public_jwk("a"), key(Algorithm::EdDsa).public_jwk("b")] });
    assert_eq!(JwkSet::parse(&set).unwrap().to_json(), set);
}
