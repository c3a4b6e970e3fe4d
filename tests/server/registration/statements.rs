//! Software statements (RFC 7591, 2.3).

use hilum::jose::algorithm::Algorithm;
use hilum::jose::signing::SigningKey;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ISSUERS, Own, app, invitation, invited, register, with, world};
use crate::harness::{Assertion, World, key, now};

const ISSUER: &str = "https://vouch.example";

/// Has an administrator trust an issuer, and gives back its key.
async fn trusted(world: &World, members: Value) -> SigningKey {
    let key = key(Algorithm::Es256);
    let keys = json!({"keys": [key.public_jwk("s1")]});
    let document = json!({"issuer": ISSUER, "jwks": keys, "registrations": null});
    let document = with(with(invitation(json!({})), document), members);
    let created = world.administer(Method::POST, ISSUERS, Some(document)).await;
    assert_eq!(created.status, 201, "{}", created.text);
    key
}

fn statement(key: &SigningKey) -> Assertion {
    let mut statement = Assertion::of(ISSUER, "x", key, "s1");
    statement.claims =
        json!({"iss": ISSUER, "iat": now(), "client_name": "Vouched Chart", "software_id": "chart",
        "redirect_uris": ["https://vouched.example/cb"]})
        .as_object()
        .cloned()
        .unwrap();
    statement
}

fn shown(statement: &str) -> Value {
    app(
        json!({"software_statement": statement, "client_name": "Another", "redirect_uris": ["https://evil.test/cb"]}),
    )
}

#[tokio::test]
async fn dc_02_a_statement_opens_the_door_and_what_it_says_wins() {
    let world = world().await;
    let key = trusted(&world, json!({})).await;
    let text = statement(&key).claim("scope", json!("openid patient/*.cruds admin/clients.write")).sign(&key);
    let own = Own::of(&world, &register(&world, None, shown(&text)).await);
    for (member, value) in [
        ("client_name", json!("Vouched Chart")),
        ("redirect_uris", json!(["https://vouched.example/cb"])),
        ("scope", json!("openid patient/*.rs")),
        ("organization", json!("Acme Health")),
        ("software_statement", json!(text)),
    ] {
        assert_eq!(own.document[member], value, "{member}");
    }
    let listed = world.administer(Method::GET, &format!("/admin/v1/clients/{}", own.id), None).await.json();
    assert_eq!(listed["registered_by"], "software_statement");
    // It wins at every update too, and another does not take its place.
    let changed =
        own.put(&world, json!({"client_name": "Another", "redirect_uris": ["https://evil.test/cb"]})).await;
    assert_eq!(changed.json()["redirect_uris"], json!(["https://vouched.example/cb"]), "{}", changed.text);
    assert_eq!(own.put(&world, json!({"software_statement": text})).await.status, 200);
    let other = statement(&key).claim("redirect_uris", json!(["https://other.example/cb"])).sign(&key);
    own.put(&world, json!({"software_statement": other})).await.refused(400, "unapproved_software_statement");
    // The issuer may say who answers for the software.
    let text = statement(&key).claim("organization", json!("Chart Makers")).sign(&key);
    let own = Own::of(&world, &register(&world, None, shown(&text)).await);
    assert_eq!(own.document["organization"], "Chart Makers");
    // With an initial access token, that one says what may be.
    let token =
        invited(&world, json!({"organization": "Mercy", "scope": "openid", "registrations": 1})).await;
    let own = Own::of(&world, &register(&world, Some(&token), shown(&text)).await);
    assert_eq!((&own.document["organization"], &own.document["scope"]), (&json!("Mercy"), &json!("openid")));
    assert_eq!(own.document["client_name"], "Vouched Chart");
    super::not_authorized(&register(&world, Some(&token), shown(&text)).await);
}

#[tokio::test]
async fn a10_a_statement_that_cannot_be_believed_opens_nothing() {
    let world = world().await;
    let key = trusted(&world, json!({})).await;
    let (forged, token) = (crate::harness::key(Algorithm::Es256), invited(&world, json!({})).await);
    let own_name = world.issuer_url("/oauth2/register");
    let good = statement(&key);
    // What every token and assertion may say names no software.
    let nameless = good
        .clone()
        .claim("client_name", json!(null))
        .claim("redirect_uris", json!(null))
        .claim("software_id", json!(null))
        .claim("scope", json!("openid"))
        .claim("client_id", json!("x"))
        .claim("jti", json!("x"));
    for text in [
        nameless.clone().claim("software_id", json!("chart")).sign(&key),
        nameless.clone().claim("logo_uri", json!("https://vouched.example/logo.png")).sign(&key),
        good.clone().claim("aud", json!(own_name)).sign(&key),
        good.clone().claim("aud", json!([world.issuer(), "https://other.example"])).sign(&key),
        good.clone().claim("exp", json!(now() + 60)).sign(&key),
        good.clone().head("typ", json!(null)).sign(&key),
    ] {
        Own::of(&world, &register(&world, None, shown(&text)).await);
    }
    let signature = good.sign(&key);
    let bare = signature.rsplit_once('.').unwrap().0.to_owned();
    let other_claims = good.clone().claim("client_name", json!("Mine")).text();
    let rows = [
        good.sign(&forged),
        format!("{bare}."),
        format!("{other_claims}.{}", signature.rsplit_once('.').unwrap().1),
        good.clone().head("alg", json!("none")).sign(&key),
        good.clone().head("alg", json!("HS256")).sign(&key),
        good.clone().head("kid", json!("s2")).sign(&key),
        good.clone().head("kid", json!(null)).sign(&key),
        good.clone().head("typ", json!("at+jwt")).sign(&key),
        good.clone().head("jwk", forged.public_jwk("s1")).sign(&forged),
        good.clone().claim("exp", json!(now() - 3600)).sign(&key),
        good.clone().claim("exp", json!("9999999999")).sign(&key),
        good.clone().claim("nbf", json!(now() + 3600)).sign(&key),
        good.clone().claim("iat", json!(now() + 3600)).sign(&key),
        good.clone().claim("aud", json!("https://other.example")).sign(&key),
        good.clone().claim("aud", json!(7)).sign(&key),
        good.clone().claim("iss", json!(null)).sign(&key),
        good.clone().claim("iss", json!("a\0")).sign(&key),
        good.clone().claim("client_name", json!("a\0")).sign(&key),
        good.clone().head("kid", json!("s1\0")).sign(&key),
        good.clone().claim("organization", json!(["Acme"])).sign(&key),
        // An issuer may be trusted for people too: what it says of one is no statement, whatever else it says.
        good.clone().claim("sub", json!("pat")).sign(&key),
        good.clone().claim("sub", json!(ISSUER)).sign(&key),
        nameless.sign(&key),
        "x".to_owned(),
        String::new(),
    ];
    for text in &rows {
        // With leave of its own, a bad statement is no better.
        for token in [None, Some(token.as_str())] {
            register(&world, token, shown(text)).await.refused(400, "invalid_software_statement");
        }
    }
    for odd in [json!(7), json!({}), json!([good.sign(&key)])] {
        let refused = register(&world, None, app(json!({"software_statement": odd}))).await;
        refused.refused(400, "invalid_software_statement");
    }
    let stranger = good.clone().claim("iss", json!("https://stranger.example")).sign(&key);
    register(&world, None, shown(&stranger)).await.refused(400, "unapproved_software_statement");
    let widened = good.clone().claim("redirect_uris", json!(["javascript:alert(1)"])).sign(&key);
    register(&world, None, shown(&widened)).await.refused(400, "invalid_redirect_uri");
    let swapped = good.clone().claim("redirect_uris", json!("https://vouched.example/cb")).sign(&key);
    register(&world, None, shown(&swapped)).await.refused(400, "invalid_redirect_uri");
    super::not_authorized(&register(&world, Some("hia_x"), shown(&good.sign(&key))).await);
}

#[tokio::test]
async fn an_issuer_has_so_many_registrations_a_day_until_it_is_trusted_no_more() {
    let world = world().await;
    let key = trusted(&world, json!({"registrations_per_day": 2})).await;
    let text = statement(&key).sign(&key);
    let ask = || register(&world, None, shown(&text));
    let answers = tokio::join!(ask(), ask(), ask());
    let mut statuses = [answers.0.status, answers.1.status, answers.2.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 429]);
    ask().await.refused(429, "temporarily_unavailable");
    world.database.execute("update statement_issuer set day = day - 1").await;
    let own = Own::of(&world, &ask().await);
    let issuer = world.administer(Method::GET, ISSUERS, None).await.json()["items"][0]["id"].clone();
    let path = format!("{ISSUERS}/{}", issuer.as_str().unwrap());
    assert_eq!(world.administer(Method::DELETE, &path, None).await.status, 204);
    ask().await.refused(400, "unapproved_software_statement");
    assert_eq!(own.send(&world, Method::GET, None).await.status, 200);
}
