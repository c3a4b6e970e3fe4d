//! Nothing that is read can bring the process down.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::super::{Algorithm, Jwk, JwkSet, SigningKey, UnverifiedJws, base64url};

fn any_json() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        Just("kty"),
        Just("crv"),
        Just("x"),
        Just("y"),
        Just("n"),
        Just("e"),
        Just("d"),
        Just("kid"),
        Just("alg"),
        Just("use"),
        Just("key_ops"),
        Just("x5c"),
        Just("keys"),
    ];
    let texts = prop_oneof![
        any::<String>(),
        "[A-Za-z0-9_-]{0,64}",
        Just("RSA".to_owned()),
        Just("EC".to_owned()),
        Just("OKP".to_owned()),
        Just("P-256".to_owned()),
        Just("P-384".to_owned()),
        Just("Ed25519".to_owned()),
        Just("sig".to_owned()),
        Just("ES256".to_owned()),
        prop::collection::vec(any::<u8>(), 32).prop_map(|bytes| base64url::encode(&bytes)),
        prop::collection::vec(any::<u8>(), 256).prop_map(|bytes| base64url::encode(&bytes)),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        texts.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 12, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..12).prop_map(|members| {
                Value::Object(members.into_iter().map(|(n, v)| (n.to_owned(), v)).collect::<Map<_, _>>())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in any::<String>()) {
        let _ = UnverifiedJws::parse(&text);
        let _ = base64url::decode(&text);
    }

    #[test]
    fn any_token_shape_is_read_without_panic(text in "[A-Za-z0-9_=-]{0,40}(\\.[A-Za-z0-9_=-]{0,40}){0,4}") {
        let _ = UnverifiedJws::parse(&text);
    }

    #[test]
    fn any_header_and_payload_are_read_without_panic(header in any_json(), payload in any_json(), typ in any::<String>()) {
        let part = |value: &Value| base64url::encode(value.to_string().as_bytes());
        let _ = UnverifiedJws::parse(&format!("{}.{}.AAAA", part(&header), part(&payload)));
        let full = serde_json::json!({ "alg": "ES256", "typ": typ });
        if let Ok(jws) = UnverifiedJws::parse(&format!("{}.{}.AAAA", part(&full), part(&payload))) {
            let _ = jws.header().is_type(&typ);
            let _ = (jws.unverified_claims().time("x"), jws.unverified_claims().audience());
        }
    }

    #[test]
    fn any_json_is_read_as_a_key_without_panic(value in any_json()) {
        let _ = (JwkSet::parse(&value), JwkSet::parse_fetched(&value));
        for algorithm in Algorithm::ALL {
            let _ = SigningKey::from_private_jwk(*algorithm, &value);
        }
        if let Ok(key) = Jwk::parse(&value) {
            let again = Jwk::parse(&key.to_json()).unwrap();
            prop_assert_eq!(again.thumbprint(), key.thumbprint());
        }
    }

    #[test]
    fn any_bytes_are_read_as_a_private_key_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for algorithm in Algorithm::ALL {
            prop_assert!(SigningKey::from_pkcs8(*algorithm, &bytes).is_err());
        }
    }

    #[test]
    fn any_point_is_judged_without_panic(x in prop::collection::vec(any::<u8>(), 32), signature in prop::collection::vec(any::<u8>(), 0..70)) {
        let x = base64url::encode(&x);
        let key = Jwk::parse(&serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "x": x }));
        if let Ok(key) = key {
            prop_assert!(key.verify(Algorithm::EdDsa, b"text", &signature).is_err());
        }
    }
}
