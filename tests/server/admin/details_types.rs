//! Types of authorization details over the admin API, and what is asked for by them.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::clients::named;
use crate::harness::{ADMIN_SCOPES, Answer, World, eventually};
use crate::token::authorization_details::{ask, payer};

const TYPES: &str = "/admin/v1/authorization-details-types";

fn notes() -> Value {
    json!({"title": "Shared notes", "schema": {"type": "object", "additionalProperties": false,
        "required": ["type", "topic"],
        "properties": {"type": {"const": "notes"}, "topic": {"type": "string", "pattern": "^[a-z]+$"},
            "actions": {"type": "array", "items": {"enum": ["read", "write"]}}}}})
}

#[tokio::test]
async fn rr_01_a_type_lives_from_its_registration_to_its_deletion() {
    let world = World::start().await;
    let path = format!("{TYPES}/notes");
    // Each document goes on for a second as it was read.
    let supported = async |expected: Value| {
        for document in ["/.well-known/oauth-authorization-server", "/r/fhir/.well-known/smart-configuration"]
        {
            let is_told = || async {
                let told = world.public().get(document).await.json();
                (told["authorization_details_types_supported"] == expected).then_some(())
            };
            eventually(document, Duration::from_secs(20), is_told).await;
        }
    };
    supported(json!(["prior_authorization"])).await;
    assert_eq!(world.administer(Method::GET, &path, None).await.status, 404);
    let created = world.administer(Method::PUT, &path, Some(notes())).await;
    assert_eq!((created.status, created.header("etag")), (201, Some("\"1\"")), "{}", created.text);
    assert_eq!(created.header("location"), Some(path.as_str()));
    assert_eq!(world.administer(Method::GET, &path, None).await.json(), created.json());
    assert_eq!(created.json()["schema"], notes()["schema"]);
    let listed = world.administer(Method::GET, TYPES, None).await.json();
    assert_eq!(listed["items"], json!([created.json()]));
    supported(json!(["prior_authorization", "notes"])).await;

    let client = payer(&world, json!({"authorization_details_types": ["notes"]})).await;
    let asked = async |detail: Value| ask(&world, &client, ("", &json!([detail]).to_string())).await;
    let right = json!({"type": "notes", "topic": "knee", "actions": ["read"]});
    assert_eq!(asked(right.clone()).await.granted()["authorization_details"], json!([right]));
    for wrong in [
        json!({"type": "notes"}),
        json!({"type": "notes", "topic": "KNEE"}),
        json!({"type": "notes", "topic": 1}),
        json!({"type": "notes", "topic": "knee", "actions": ["burn"]}),
        json!({"type": "notes", "topic": "knee", "more": true}),
    ] {
        asked(wrong).await.refused(400, "invalid_authorization_details");
    }

    let token = world.admin_token(ADMIN_SCOPES).await;
    let put = async |etag: &str, body: Value| {
        let request = world.mtls(&world.admin).request(Method::PUT, &path).bearer_auth(&token);
        Answer::read(request.header("if-match", etag).json(&body).send().await.unwrap()).await
    };
    assert_eq!(put("\"7\"", notes()).await.status, 412);
    let mut stricter = notes();
    stricter["schema"]["required"] = json!(["type", "topic", "actions"]);
    let replaced = put("\"1\"", stricter).await;
    assert_eq!((replaced.status, replaced.header("etag")), (200, Some("\"2\"")));
    asked(json!({"type": "notes", "topic": "knee"})).await.refused(400, "invalid_authorization_details");

    assert_eq!(world.administer(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(world.administer(Method::DELETE, &path, None).await.status, 404);
    asked(right).await.refused(400, "invalid_authorization_details");
    let actions = ["authorization_details_type.put", "authorization_details_type.delete"];
    for action in actions {
        assert_eq!(world.audit(action).await[0]["target"], "notes");
    }
}

#[tokio::test]
async fn a_type_that_cannot_be_judged_is_refused_by_the_name_of_the_member() {
    let world = World::start().await;
    let put = async |name: &str, members: Value| {
        let mut body = notes();
        for (member, value) in members.as_object().unwrap() {
            body[member] = value.clone();
        }
        world.administer(Method::PUT, &format!("{TYPES}/{name}"), Some(body)).await
    };
    for (name, members, field) in [
        ("prior_authorization", json!({}), "name"),
        ("no%20name", json!({}), "name"),
        ("notes", json!({"title": null}), "title"),
        ("notes", json!({"schema": null}), "schema"),
        ("notes", json!({"schema": []}), "schema"),
        ("notes", json!({"schema": {"$ref": "https://elsewhere.example/schema"}}), "schema"),
        ("notes", json!({"more": 1}), "more"),
    ] {
        let answer = put(name, members.clone()).await;
        assert_eq!(
            (answer.status, named(&answer)),
            (400, vec![field.to_owned()]),
            "{members}: {}",
            answer.text
        );
    }
    assert_eq!(world.database.count("select count(*) from authorization_details_type").await, 0);
    // To read is not to write.
    let token = world.admin_token("admin/resources.read").await;
    let admin = world.mtls(&world.admin);
    let path = format!("{TYPES}/notes");
    assert_eq!(admin.send(Method::PUT, &path, Some(&token), Some(notes())).await.status, 403);
    assert_eq!(admin.send(Method::GET, TYPES, Some(&token), None).await.status, 200);
}
