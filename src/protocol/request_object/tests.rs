use serde_json::{Map, Value, json};

use super::*;

const ISSUER: &str = "https://as.example";
const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_unix_timestamp(NOW).unwrap()
}

fn judged(profile: Profile, change: impl FnOnce(&mut Value)) -> Result<(), &'static str> {
    let mut object = json!({
        "iss": "app", "client_id": "app", "aud": ISSUER, "nbf": NOW, "exp": NOW + 300, "scope": "openid",
    });
    change(&mut object);
    let claims = Claims::from_map(object.as_object().unwrap().clone());
    let rules = Rules { issuer: ISSUER, client: "app", profile, skew: Duration::seconds(30) };
    examine(&claims, &rules, now()).map_err(|refusal| {
        assert_eq!(refusal.code(), ErrorCode::InvalidRequestObject);
        refusal.reason().code()
    })
}

fn without(name: &'static str) -> impl FnOnce(&mut Value) {
    move |object| {
        object.as_object_mut().unwrap().remove(name);
    }
}

fn with(name: &'static str, value: Value) -> impl FnOnce(&mut Value) {
    move |object| object[name] = value
}

#[test]
fn jr_01_what_a_request_object_says_of_itself_is_judged() {
    let both = [Profile::Smart, Profile::Fapi2];
    for profile in both {
        assert_eq!(judged(profile, |_| {}), Ok(()));
        assert_eq!(judged(profile, without("iss")), Ok(()));
        assert_eq!(judged(profile, with("aud", json!(["https://other.example", ISSUER]))), Ok(()));
        assert_eq!(judged(profile, with("nbf", json!(NOW + 8))), Ok(()));
        let rows = [
            ("client_id", json!("other"), "request_object_of_another_client"),
            ("client_id", json!(7), "request_object_of_another_client"),
            ("iss", json!("other"), "request_object_iss"),
            ("sub", json!("app"), "request_object_sub"),
            ("aud", json!("https://other.example"), "request_object_aud"),
            ("aud", json!(["https://other.example"]), "request_object_aud"),
            ("aud", json!(7), "request_object_aud"),
            ("request", json!("a.b.c"), "request_object_in_request_object"),
            ("request_uri", json!("urn:x"), "request_object_in_request_object"),
            ("exp", json!(NOW - 31), "request_object_expired"),
            ("exp", json!("soon"), "request_object_times"),
            ("nbf", json!(NOW + 61), "request_object_from_the_future"),
            ("iat", json!(NOW + 61), "request_object_from_the_future"),
            ("exp", json!(NOW + 3601), "request_object_lives_too_long"),
        ];
        for (name, value, reason) in rows {
            assert_eq!(judged(profile, with(name, value.clone())), Err(reason), "{name}: {value}");
        }
        assert_eq!(judged(profile, without("client_id")), Err("request_object_of_another_client"));
    }
}

#[test]
fn fp_04_fapi_wants_audience_and_both_ends_of_its_time() {
    for (name, reason) in [
        ("aud", "request_object_aud"),
        ("nbf", "request_object_without_times"),
        ("exp", "request_object_without_times"),
    ] {
        assert_eq!(judged(Profile::Fapi2, without(name)), Err(reason), "{name}");
        assert_eq!(judged(Profile::Smart, without(name)), Ok(()), "{name}");
    }
}

#[test]
fn j19_one_that_does_not_say_when_it_ends_is_good_for_an_hour() {
    let aged = |age: i64| {
        judged(Profile::Smart, |object| {
            object["nbf"] = json!(NOW - age);
            object.as_object_mut().unwrap().remove("exp");
        })
    };
    assert_eq!(aged(3600), Ok(()));
    assert_eq!(aged(3700), Err("request_object_too_old"));
}

#[test]
fn jr_02_its_members_are_the_parameters() {
    let object = json!({
        "iss": "app", "client_id": "app", "aud": ISSUER, "exp": 7, "jti": "x", "scope": "openid", "state": "",
        "max_age": 60, "claims": {"id_token": {"acr": null}}, "resource": ["https://a.example", "https://b.example"],
        "authorization_details": [{"type": "t"}], "unknown": {"a": 1}, "flag": true, "nonce": null,
    });
    let claims = Claims::from_map(object.as_object().unwrap().clone());
    let params = parameters(claims).unwrap().params;
    let names: Vec<&str> = params.names().collect();
    assert_eq!(names, ["authorization_details", "claims", "client_id", "max_age", "resource", "scope"]);
    assert_eq!(params.optional("max_age"), Some("60"));
    assert_eq!(params.optional("claims"), Some(r#"{"id_token":{"acr":null}}"#));
    assert_eq!(params.repeated("resource").len(), 2);
}

#[test]
fn jr_03_a_member_of_another_type_is_refused() {
    for (name, value) in [
        ("scope", json!(["openid"])),
        ("state", json!(7)),
        ("claims", json!([])),
        ("authorization_details", json!({})),
        ("resource", json!([7])),
        ("redirect_uri", json!({"a": 1})),
        ("max_age", json!(true)),
    ] {
        let claims = Claims::from_map(Map::from_iter([(name.to_owned(), value)]));
        let refusal = parameters(claims).map(drop).unwrap_err();
        assert_eq!(refusal.reason().code(), "request_object_member_type", "{name}");
    }
    let claims = Claims::from_map(Map::from_iter([("state".to_owned(), json!("a\u{0}b"))]));
    assert_eq!(parameters(claims).map(drop).unwrap_err().code(), ErrorCode::InvalidRequest);
}
