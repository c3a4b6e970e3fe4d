//! Trusted issuers over the admin API.

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use super::clients::named;
use crate::harness::{ADMIN_SCOPES, Answer, World, key, registration};

const ISSUERS: &str = "/admin/v1/trusted-issuers";

fn issuer(client: &str) -> Value {
    json!({"issuer": "https://idp.example", "jwks": {"keys": [key(Algorithm::Es256).public_jwk("k1")]},
        "clients": [client], "subject_is": "username"})
}

#[tokio::test]
async fn a_trusted_issuer_lives_from_its_registration_to_its_deletion() {
    let world = World::start().await;
    let client = world.register(registration("client_secret_basic", json!({"scope": "capacity.read"}))).await;
    let path = format!("{ISSUERS}/idp");
    let put = |document: Value| world.administer(Method::PUT, &path, Some(document));
    let created = put(issuer(&client)).await;
    assert_eq!((created.status, created.header("etag")), (201, Some("\"1\"")), "{}", created.text);
    assert_eq!(created.header("location"), Some(path.as_str()));
    assert_eq!(created.json()["assertion_seconds"], 300);
    assert_eq!(world.administer(Method::GET, &path, None).await.json(), created.json());
    let list = world.administer(Method::GET, ISSUERS, None).await.json();
    assert_eq!(list, json!({"items": [created.json()], "next": null}));
    let again = world.administer(Method::PUT, &format!("{ISSUERS}/other"), Some(issuer(&client))).await;
    assert_eq!(again.status, 409);

    let token = world.admin_token(ADMIN_SCOPES).await;
    let conditional = |method: Method, path: String, etag: &'static str, body: Option<Value>| {
        let request =
            world.mtls(&world.admin).request(method, &path).bearer_auth(&token).header("if-match", etag);
        match body {
            Some(body) => request.json(&body).send(),
            None => request.send(),
        }
    };
    let mut changed = issuer(&client);
    changed["assertion_seconds"] = json!(60);
    for (etag, status) in [("\"7\"", 412), ("x", 412), ("\"1\"", 200)] {
        let answer = conditional(Method::PUT, path.clone(), etag, Some(changed.clone())).await.unwrap();
        let answer = Answer::read(answer).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    let absent = conditional(Method::PUT, format!("{ISSUERS}/none"), "\"1\"", Some(changed)).await.unwrap();
    assert_eq!(absent.status().as_u16(), 404);
    let stale = conditional(Method::DELETE, path.clone(), "\"1\"", None).await.unwrap();
    assert_eq!(stale.status().as_u16(), 412);
    let gone = conditional(Method::DELETE, path.clone(), "\"2\"", None).await.unwrap();
    assert_eq!(gone.status().as_u16(), 204);
    assert_eq!(world.administer(Method::GET, &path, None).await.status, 404);
    let actions = world.audit("trusted_issuer.put").await;
    let outcomes: Vec<&str> = actions.iter().filter_map(|record| record["outcome"].as_str()).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "granted").count(), 2, "{outcomes:?}");
    assert_eq!(world.audit("trusted_issuer.delete").await[0]["target"], "idp");
}

#[tokio::test]
async fn d03_k01_what_cannot_be_trusted_is_refused_by_name() {
    let world = World::start().await;
    let client = world.register(registration("client_secret_basic", json!({"scope": "capacity.read"}))).await;
    let path = format!("{ISSUERS}/idp");
    let put = |document: Value| world.administer(Method::PUT, &path, Some(document));
    let private = key(Algorithm::Es256).private_jwk("k1").unwrap();
    let rows = [
        (json!({"issuer": world.issuer()}), "issuer"),
        (json!({"issuer": format!("{}/", world.issuer())}), "issuer"),
        (json!({"issuer": "http://idp.example"}), "issuer"),
        (json!({"issuer": "idp"}), "issuer"),
        (json!({"clients": ["nobody"]}), "clients[0]"),
        (json!({"subject_is": "email"}), "subject_is"),
        (json!({"assertion_seconds": 3600}), "assertion_seconds"),
        (json!({"jwks": {"keys": [private]}}), "jwks"),
        (json!({"jwks": null}), "jwks"),
        (json!({"jwks_uri": "https://idp.example/jwks"}), "jwks_uri"),
        (json!({"jwks": null, "jwks_uri": "https://127.0.0.1/jwks"}), "jwks_uri"),
        (json!({"jwks": null, "jwks_uri": "http://169.254.169.254/"}), "jwks_uri"),
        (json!({"enabled": true}), "enabled"),
    ];
    for (members, field) in rows {
        let mut document = issuer(&client);
        for (name, value) in members.as_object().unwrap() {
            document[name] = value.clone();
        }
        let answer = put(document).await;
        assert_eq!((answer.status, named(&answer)), (400, vec![field.to_owned()]), "{}", answer.text);
    }
    assert_eq!(
        world.administer(Method::PUT, &format!("{ISSUERS}/No%20Name"), Some(issuer(&client))).await.status,
        404
    );
    put(issuer(&client)).await;
    let mut moved = issuer(&client);
    moved["issuer"] = json!("https://other.example");
    assert_eq!(named(&put(moved).await), ["issuer"]);
    // A client that is gone harms nobody.
    world.administer(Method::DELETE, &format!("/admin/v1/clients/{client}"), None).await;
    assert_eq!(put(issuer(&client)).await.status, 200);
}
