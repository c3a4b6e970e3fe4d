//! Tokens that must be refused, by the attack's number.

use serde_json::{Value, json};

use super::super::jws::Part;
use super::super::object::ObjectError;
use super::super::{Algorithm, Jwk, JwkSet, JwsError, KeyChoiceError, SigningKey, UnverifiedJws, base64url};
use super::{claims, jwk, key, signed, with};

const PAYLOAD: &str = r#"{"iss":"app"}"#;

fn refusal(token: &str) -> JwsError {
    UnverifiedJws::parse(token).unwrap_err()
}

#[test]
fn j01_an_unsigned_token_has_no_algorithm() {
    for alg in ["none", "None", "nOnE", "NONE", ""] {
        let head = base64url::encode(json!({ "alg": alg, "kid": "k" }).to_string().as_bytes());
        let body = base64url::encode(PAYLOAD.as_bytes());
        for signature in ["", "AAAA"] {
            assert_eq!(refusal(&format!("{head}.{body}.{signature}")), JwsError::Algorithm, "{alg}");
        }
    }
}

#[test]
fn j01_an_empty_or_cut_signature_is_refused() {
    let signing = key(Algorithm::Es384);
    let public = jwk(&signing.public_jwk("k"));
    let token = signing.sign("k", "JWT", &claims()).unwrap();
    let (input, _) = token.rsplit_once('.').unwrap();
    assert_eq!(refusal(&format!("{input}.")), JwsError::Parts);
    assert_eq!(refusal(input), JwsError::Parts);
    for signature in [vec![0; 96], vec![0; 64], vec![1; 95], vec![0xff; 96], vec![1]] {
        let token = format!("{input}.{}", base64url::encode(&signature));
        let refused = UnverifiedJws::parse(&token).unwrap().verify(&public);
        assert_eq!(refused, Err(JwsError::Signature));
    }
}

#[test]
fn j02_hmac_with_a_public_key_is_no_signature() {
    let signing = key(Algorithm::Rs384);
    let secret = signing.public_jwk("k").to_string();
    for (alg, hash) in [
        ("HS256", aws_lc_rs::hmac::HMAC_SHA256),
        ("HS384", aws_lc_rs::hmac::HMAC_SHA384),
        ("HS512", aws_lc_rs::hmac::HMAC_SHA512),
    ] {
        let head = base64url::encode(json!({ "alg": alg, "kid": "k" }).to_string().as_bytes());
        let input = format!("{head}.{}", base64url::encode(PAYLOAD.as_bytes()));
        let tag =
            aws_lc_rs::hmac::sign(&aws_lc_rs::hmac::Key::new(hash, secret.as_bytes()), input.as_bytes());
        assert_eq!(refusal(&format!("{input}.{}", base64url::encode(tag.as_ref()))), JwsError::Algorithm);
    }
}

#[test]
fn j02_the_key_decides_which_algorithms_it_serves() {
    let rs384 = key(Algorithm::Rs384);
    let limited = jwk(&rs384.public_jwk("k"));
    let open = jwk(&with(&rs384.public_jwk("k"), &json!({ "alg": null })));
    let sign = |algorithm| {
        let private = rs384.private_jwk("k").unwrap();
        SigningKey::from_private_jwk(algorithm, &private).unwrap().sign("k", "JWT", &claims()).unwrap()
    };
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Ps384] {
        let token = sign(algorithm);
        assert!(UnverifiedJws::parse(&token).unwrap().verify(&open).is_ok());
        let refused = UnverifiedJws::parse(&token).unwrap().verify(&limited);
        assert_eq!(refused, Err(JwsError::OtherAlgorithm));
    }
    let es384 = key(Algorithm::Es384).sign("k", "JWT", &claims()).unwrap();
    let refused = UnverifiedJws::parse(&es384).unwrap().verify(&open);
    assert_eq!(refused, Err(JwsError::OtherAlgorithm));
}

#[test]
fn j03_j04_a_token_does_not_bring_its_own_key() {
    let (owner, attacker) = (key(Algorithm::Es384), key(Algorithm::Es384));
    let header = json!({
        "alg": "ES384", "kid": "k", "typ": "JWT",
        "jwk": attacker.public_jwk("k"),
        "jku": "https://app.example/jwks@evil.example", "x5u": "https://evil.example/", "x5c": ["AA=="]
    });
    let token = signed(&attacker, &header.to_string(), PAYLOAD);
    let jws = UnverifiedJws::parse(&token).unwrap();
    assert_eq!(jws.header().jku.as_deref(), Some("https://app.example/jwks@evil.example"));
    assert_eq!(jws.verify(&jwk(&owner.public_jwk("k"))), Err(JwsError::Signature));
}

#[test]
fn j05_kid_is_text_of_bounded_length() {
    let signing = key(Algorithm::Es256);
    let token = |kid: Value| signed(&signing, &json!({ "alg": "ES256", "kid": kid }).to_string(), PAYLOAD);
    for wrong in [
        json!(null),
        json!(["k"]),
        json!(1),
        json!({}),
        json!(""),
        json!("k".repeat(257)),
        json!("k".repeat(9000)),
    ] {
        assert_eq!(refusal(&token(wrong.clone())), JwsError::Member("kid"), "{wrong}");
    }
    assert_eq!(refusal(&token(json!("k".repeat(20_000)))), JwsError::TooLong);
    assert!(UnverifiedJws::parse(&token(json!("k".repeat(256)))).is_ok());
    let bare = signed(&signing, r#"{"alg":"ES256"}"#, PAYLOAD);
    assert_eq!(UnverifiedJws::parse(&bare).unwrap().header().kid, None);
}

#[test]
fn j05_exactly_one_key_must_match() {
    let (es384, again) = (key(Algorithm::Es384).public_jwk("k"), key(Algorithm::Es384).public_jwk("k"));
    let (es256, rs384) = (key(Algorithm::Es256).public_jwk("k"), key(Algorithm::Rs384).public_jwk("k"));
    let fetched = |keys: &[&Value]| JwkSet::parse_fetched(&json!({ "keys": keys })).unwrap();
    let chosen = |set: &JwkSet, kid: &str, algorithm| set.select(kid, algorithm).map(Jwk::thumbprint);
    let none = Err(KeyChoiceError::NoneMatches);
    let several = Err(KeyChoiceError::SeveralMatch);

    let set = fetched(&[&es384, &rs384]);
    assert_eq!(chosen(&set, "k", Algorithm::Es384), Ok(jwk(&es384).thumbprint()));
    assert_eq!(chosen(&set, "k", Algorithm::Rs384), Ok(jwk(&rs384).thumbprint()));
    assert_eq!(chosen(&set, "k", Algorithm::Ps384), none);
    assert_eq!(chosen(&set, "k", Algorithm::Es256), none);
    assert_eq!(chosen(&set, "k", Algorithm::EdDsa), none);
    for kid in ["../../../../dev/null", "' UNION SELECT 'k'--", "", "K"] {
        assert_eq!(chosen(&set, kid, Algorithm::Es384), none);
        assert!(!set.has_kid(kid));
    }
    assert!(set.has_kid("k"));
    assert_eq!(chosen(&fetched(&[&es384, &again]), "k", Algorithm::Es384), several);
    assert_eq!(chosen(&fetched(&[&es384, &es384]), "k", Algorithm::Es384), several);
    assert_eq!(chosen(&fetched(&[&es384, &es256]), "k", Algorithm::Es384), several);
    assert_eq!(chosen(&fetched(&[]), "k", Algorithm::Es384), none);
}

#[test]
fn extensions_are_refused() {
    let signing = key(Algorithm::Es256);
    for (member, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(null)),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
    ] {
        let header = json!({ "alg": "ES256", member: value }).to_string();
        assert_eq!(refusal(&signed(&signing, &header, PAYLOAD)), JwsError::Extension(member));
    }
    for member in ["typ", "jku"] {
        let header = json!({ "alg": "ES256", member: 1 }).to_string();
        assert_eq!(refusal(&signed(&signing, &header, PAYLOAD)), JwsError::Member(member));
    }
}

#[test]
fn only_strict_json_objects_are_read() {
    let signing = key(Algorithm::Es256);
    let repeated = JwsError::Object(Part::Header, ObjectError::RepeatedMember);
    assert_eq!(refusal(&signed(&signing, r#"{"alg":"ES256","alg":"none"}"#, PAYLOAD)), repeated);
    for (payload, error) in [
        ("[]", ObjectError::Malformed),
        ("\"eyJ\"", ObjectError::Malformed),
        ("Example", ObjectError::Malformed),
        (r#"{"exp":1,"exp":2}"#, ObjectError::RepeatedMember),
    ] {
        let refused = refusal(&signed(&signing, r#"{"alg":"ES256"}"#, payload));
        assert_eq!(refused, JwsError::Object(Part::Payload, error));
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40));
    let refused = refusal(&signed(&signing, r#"{"alg":"ES256"}"#, &deep));
    assert_eq!(refused, JwsError::Object(Part::Payload, ObjectError::TooDeep));
}

#[test]
fn only_the_compact_form_is_read() {
    let token = key(Algorithm::Es256).sign("k", "JWT", &claims()).unwrap();
    let (head, rest) = token.split_once('.').unwrap();
    for wrong in [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        "a.b".into(),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.AAAA.AAAA"),
        format!("{head}..{rest}"),
        "é.é".into(),
    ] {
        assert_eq!(refusal(&wrong), JwsError::Parts, "{wrong}");
    }
    assert_eq!(refusal(&format!("{token}=")), JwsError::Encoding(Part::Signature));
    assert_eq!(refusal(&format!("{token} ")), JwsError::Encoding(Part::Signature));
    assert_eq!(refusal(&format!(" {token}")), JwsError::Encoding(Part::Header));
    assert_eq!(refusal(&"a".repeat(UnverifiedJws::MAX_LENGTH + 1)), JwsError::TooLong);
}

#[test]
fn x5_types_are_compared_as_media_types() {
    let signing = key(Algorithm::Es256);
    let is_type = |typ: &str, name: &str| {
        let token = signing.sign("k", typ, &claims()).unwrap();
        UnverifiedJws::parse(&token).unwrap().header().is_type(name)
    };
    assert!(is_type("JWT", "JWT") && is_type("jwt", "JWT") && is_type("application/JWT", "jwt"));
    assert!(is_type("at+jwt", "application/at+jwt") && is_type("Application/AT+jwt", "at+jwt"));
    assert!(!is_type("at+jwt", "JWT") && !is_type("", "JWT") && !is_type("text/jwt", "JWT"));
    let bare = signed(&signing, r#"{"alg":"ES256"}"#, PAYLOAD);
    assert!(!UnverifiedJws::parse(&bare).unwrap().header().is_type(""));
}
