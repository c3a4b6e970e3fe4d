//! A `hilum dev` with an app, a patient, a clinician and back-ends of the tests.

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Answer, App, Assertion, Backend, Browser, Database, Dev, PASSWORD, Peer, Person, key};

const CALLBACK: &str = "https://app.example/cb";
/// What the app of the tests may ask for.
const APP: &str = "openid fhirUser launch/patient patient/*.cruds user/*.cruds";

pub struct Scene {
    pub dev: Dev,
    pub public: Peer,
    pub fhir: String,
    pub app: App,
    /// The patient `rivera`, with no other record to choose.
    pub patient: Person,
    pub clinician: Person,
    _database: Database,
    _folder: TempDir,
}

impl Scene {
    pub async fn start() -> Self {
        let (database, folder) = (Database::fresh().await, TempDir::new().unwrap());
        let variables =
            [("DATABASE_URL", database.url()), ("HILUM_DATABASE__OWNER_URL", database.owner_url())];
        let dev = Dev::start(folder.path(), &variables).await;
        let fhir = dev.fixtures["fhir"].as_str().unwrap().to_owned();
        let id = register(
            &dev,
            json!({"redirect_uris": [CALLBACK], "resources": [fhir], "scope": APP,
            "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none"}),
        );
        let app = App::known(&id, CALLBACK, &dev.url(""));
        let person = json!({"username": "pat", "organization": "Mercy", "roles": ["patient"],
            "fhir_user": "Patient/rivera", "password": PASSWORD});
        dev.command(&["user", "create", "-"], &person.to_string()).expect_success();
        let patient =
            Person { username: "pat".to_owned(), password: PASSWORD.to_owned(), subject: String::new() };
        let told = &dev.fixtures["users"][0];
        let clinician = Person {
            username: told["username"].as_str().unwrap().to_owned(),
            password: told["password"].as_str().unwrap().to_owned(),
            subject: String::new(),
        };
        let public = dev.public();
        Self { dev, public, fhir, app, patient, clinician, _database: database, _folder: folder }
    }

    /// An access token of a person for the app.
    pub async fn token_of(&self, person: &Person, scope: &str) -> String {
        let url = self.app.authorize_with(scope, &[("aud", self.fhir.as_str())]);
        let code = Browser::at(self.public.clone()).authorize(&url, person).await.code();
        self.app.redeem(&self.public, &code).await.token()
    }

    /// An access token of a back-end that may have this much at a server.
    pub async fn token_at(&self, resource: &str, scope: &str) -> String {
        let key = key(Algorithm::Es384);
        let id = register(
            &self.dev,
            json!({"grant_types": ["client_credentials"], "scope": scope, "resources": [resource],
                "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key.public_jwk("k1")]}}),
        );
        let assertion = Assertion::of(&id, &self.dev.url("/oauth2/token"), &key, "k1").sign(&key);
        self.public.post("/oauth2/token", &Backend::form(&assertion, scope)).await.token()
    }

    /// An access token of a back-end that may have this much.
    pub async fn system_token(&self, scope: &str) -> String {
        self.token_at(&self.fhir, scope).await
    }

    /// Gets what is beneath the FHIR base.
    pub async fn get(&self, token: &str, path: &str) -> Answer {
        self.send(Method::GET, token, path, None).await
    }

    /// Asks for what is beneath the FHIR base.
    pub async fn send(&self, method: Method, token: &str, path: &str, body: Option<Value>) -> Answer {
        self.public.send(method, &format!("/sandbox/fhir/{path}"), Some(token), body).await
    }
}

/// Registers a client from the terminal and answers with its identifier.
fn register(dev: &Dev, members: Value) -> String {
    let mut document = json!({"client_name": "Tried out", "organization": "Tests"});
    document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let made = dev.command(&["client", "create", "-", "--json"], &document.to_string()).expect_success();
    serde_json::from_str::<Value>(&made).unwrap()["client_id"].as_str().unwrap().to_owned()
}

/// The identifiers of a searchset, in order.
#[track_caller]
pub fn found(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let bundle = answer.json();
    assert_eq!((&bundle["resourceType"], &bundle["type"]), (&json!("Bundle"), &json!("searchset")));
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| entry["resource"]["id"].as_str().unwrap().to_owned()).collect()
}

/// An OperationOutcome with its status and challenge.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, code: &str, challenge: Option<&str>) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/fhir+json"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let outcome = answer.json();
    assert_eq!(
        (&outcome["resourceType"], &outcome["issue"][0]["code"]),
        (&json!("OperationOutcome"), &json!(code))
    );
    assert_eq!(answer.header("www-authenticate"), challenge);
}
