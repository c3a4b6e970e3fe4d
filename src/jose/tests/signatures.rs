//! What we sign, we verify; what others sign with the same key, too.

use serde_json::{Value, json};

use super::super::{Algorithm, JwkError, JwsError, KeyError, SigningKey, UnverifiedJws};
use super::{claims, jwk, key, with};

#[test]
fn every_algorithm_signs_and_verifies() {
    for algorithm in Algorithm::ALL.iter().copied() {
        let signing = key(algorithm);
        let public = jwk(&signing.public_jwk("k1"));
        assert_eq!((public.kid(), public.alg()), (Some("k1"), Some(algorithm)));

        let token = signing.sign("k1", "JWT", &claims()).unwrap();
        let jws = UnverifiedJws::parse(&token).unwrap();
        assert_eq!(jws.header().alg, algorithm);
        assert_eq!(jws.header().kid.as_deref(), Some("k1"));
        assert!(jws.header().is_type("jwt"));
        assert_eq!(jws.verify(&public).unwrap().into_map(), claims());

        let stranger = jwk(&key(algorithm).public_jwk("k1"));
        let refused = UnverifiedJws::parse(&token).unwrap().verify(&stranger);
        assert_eq!(refused, Err(JwsError::Signature), "{algorithm:?}");
    }
}

#[test]
fn a_key_survives_both_of_its_forms() {
    for algorithm in Algorithm::ALL.iter().copied() {
        let signing = key(algorithm);
        let public = jwk(&signing.public_jwk("k"));
        let private = signing.private_jwk("k").unwrap();
        let again = [
            SigningKey::from_pkcs8(algorithm, &signing.to_pkcs8().unwrap()).unwrap(),
            SigningKey::from_private_jwk(algorithm, &private).unwrap(),
        ];
        for again in again {
            assert_eq!(again.public_jwk("k"), signing.public_jwk("k"));
            assert_eq!(again.private_jwk("k").unwrap(), private);
            let signature = again.sign_bytes(b"text").unwrap();
            assert!(public.verify(algorithm, b"text", &signature).is_ok());
        }
    }
}

#[test]
fn a_private_jwk_has_the_members_other_libraries_ask_for() {
    let names = |algorithm| {
        let private = key(algorithm).private_jwk("k").unwrap();
        let mut names: Vec<_> = private.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(names(Algorithm::Rs384), "alg d dp dq e kid kty n p q qi use");
    assert_eq!(names(Algorithm::Es384), "alg crv d kid kty use x y");
    assert_eq!(names(Algorithm::EdDsa), "alg crv d kid kty use x");
}

#[test]
fn private_keys_that_contradict_themselves_are_refused() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa] {
        let (one, other) = (private(algorithm), private(algorithm));
        let wrong = [
            with(&one, &json!({ "d": other["d"] })),
            with(&one, &json!({ "d": "" })),
            with(&one, &json!({ "d": "AQ" })),
            with(&one, &json!({ "d": 1 })),
            with(&one, &json!({ "kty": "oct" })),
            with(&one, &json!({ "d": null })),
            json!([]),
        ];
        for wrong in wrong {
            assert!(SigningKey::from_private_jwk(algorithm, &wrong).is_err(), "{algorithm:?}");
        }
    }
    let refused = SigningKey::from_private_jwk(Algorithm::Es256, &json!({ "kty": "EC" }));
    assert_eq!(refused.unwrap_err(), KeyError::Jwk(JwkError::Missing { member: "d" }));
}

#[test]
fn a_key_is_read_for_its_own_kind_only() {
    for (made, asked) in [
        (Algorithm::Es256, Algorithm::Es384),
        (Algorithm::Es384, Algorithm::Es256),
        (Algorithm::EdDsa, Algorithm::Es256),
        (Algorithm::Rs256, Algorithm::EdDsa),
        (Algorithm::Es256, Algorithm::Ps256),
    ] {
        let signing = key(made);
        assert!(SigningKey::from_pkcs8(asked, &signing.to_pkcs8().unwrap()).is_err());
        assert!(SigningKey::from_private_jwk(asked, &signing.private_jwk("k").unwrap()).is_err());
    }
    assert_eq!(SigningKey::from_pkcs8(Algorithm::Rs256, b"").unwrap_err(), KeyError::Rejected);
}

#[test]
fn a_private_key_does_not_print_itself() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let signing = key(algorithm);
        let private = signing.private_jwk("k").unwrap();
        let printed = format!("{signing:?}");
        assert!(printed.starts_with("SigningKey { algorithm: "));
        assert!(printed.len() < 120, "{printed}");
        assert!(!printed.contains(private["d"].as_str().unwrap()));
    }
}

fn private(algorithm: Algorithm) -> Value {
    key(algorithm).private_jwk("k").unwrap()
}
