//! Clients that register themselves (RFC 7591), and look after that (RFC 7592).

mod attacks;
mod create;
mod invitations;
mod manage;
mod metadata;
mod redirects;
mod statements;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Database, FHIR, World};

/// Where clients register.
const REGISTER: &str = "/oauth2/register";
/// Where administrators give leave to.
const INVITATIONS: &str = "/admin/v1/initial-access-tokens";
/// Where administrators say whose statements count.
const ISSUERS: &str = "/admin/v1/statement-issuers";
/// What apps may be granted that register here.
const SCOPE: &str = "openid fhirUser offline_access launch/patient patient/*.rs";

/// A world in which clients may register themselves.
async fn world() -> World {
    World::configured(1, "[features]\ndynamic_registration = true\n", Database::url).await
}

/// A document with these members over others; `null` takes one away.
fn with(mut document: Value, members: Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        if value.is_null() {
            document.as_object_mut().unwrap().remove(name);
        } else {
            document[name] = value.clone();
        }
    }
    document
}

/// What an administrator says of those who may register.
fn invitation(members: Value) -> Value {
    let document =
        json!({"organization": "Acme Health", "scope": SCOPE, "resources": [FHIR], "registrations": 100});
    with(document, members)
}

/// An initial access token.
async fn invited(world: &World, members: Value) -> String {
    let answer = world.administer(Method::POST, INVITATIONS, Some(invitation(members))).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["token"].as_str().unwrap().to_owned()
}

/// What an app says of itself.
fn app(members: Value) -> Value {
    let document = json!({"client_name": "Growth Chart", "redirect_uris": ["https://app.example/cb"],
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none"});
    with(document, members)
}

/// Asks to be registered.
async fn register(world: &World, token: Option<&str>, document: Value) -> Answer {
    world.public().send(Method::POST, REGISTER, token, Some(document)).await
}

/// A registered app, with its registration access token and where its registration stands.
struct Own {
    document: Value,
    id: String,
    token: String,
    path: String,
}

impl Own {
    async fn registered(world: &World, members: Value) -> Self {
        let token = invited(world, json!({})).await;
        Self::of(world, &register(world, Some(&token), app(members)).await)
    }

    #[track_caller]
    fn of(world: &World, answer: &Answer) -> Self {
        assert_eq!(answer.status, 201, "{}", answer.text);
        let document = answer.json();
        let text = |name: &str| document[name].as_str().unwrap().to_owned();
        let (id, token, uri) =
            (text("client_id"), text("registration_access_token"), text("registration_client_uri"));
        let path = uri.strip_prefix(world.issuer()).unwrap().to_owned();
        Self { document, id, token, path }
    }

    async fn send(&self, world: &World, method: Method, body: Option<Value>) -> Answer {
        world.public().send(method, &self.path, Some(&self.token), body).await
    }

    async fn put(&self, world: &World, members: Value) -> Answer {
        let document = with(app(json!({"client_id": self.id})), members);
        self.send(world, Method::PUT, Some(document)).await
    }
}

/// A refusal of a token, with its challenge.
#[track_caller]
fn not_authorized(answer: &Answer) {
    answer.refused(401, "invalid_token");
    assert!(answer.header("www-authenticate").unwrap().starts_with(r#"Bearer realm="hilum""#));
}

/// A refusal of a registration that names the member at fault first.
#[track_caller]
fn names(answer: &Answer, error: &str, member: &str) {
    answer.refused(400, error);
    let said = answer.json()["error_description"].as_str().unwrap().to_owned();
    assert!(said.starts_with(&format!("{member}: ")), "{said}");
}

/// The reasons of the refusals of an action, the newest first.
async fn reasons(world: &World, action: &str) -> Vec<String> {
    let records = world.audit(action).await;
    let refused = records.iter().filter(|record| record["outcome"] == "refused");
    refused.map(|record| record["reason"].as_str().unwrap().to_owned()).collect()
}
