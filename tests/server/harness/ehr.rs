//! An EHR: it hands over what is open in it, and is told where to open an app.

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, Backend, FHIR, World};

/// An EHR.
pub struct Ehr {
    /// The client that it is.
    pub backend: Backend,
}

/// Where apps are launched that do not say otherwise.
pub const LAUNCH_URL: &str = "https://app.example/launch";

impl Ehr {
    /// Registers an EHR of the FHIR server, with these members over the usual ones.
    pub async fn register(world: &World, members: Value) -> Self {
        let mut all = json!({"client_name": "EHR", "scope": "launch.write", "resources": [FHIR]});
        for (name, value) in members.as_object().expect("an object") {
            all[name] = value.clone();
        }
        Self { backend: Backend::register(world, Algorithm::Es384, all).await }
    }

    /// An access token for the launch API.
    pub async fn token(&self, world: &World) -> String {
        self.backend.ask(world, &world.public(), "launch.write").await.token()
    }

    /// Asks for a launch.
    pub async fn ask(&self, world: &World, body: Value) -> Answer {
        let token = self.token(world).await;
        world.public().send(Method::POST, "/launch", Some(&token), Some(body)).await
    }

    /// Launches an app for a person with this in context; the answer is the handle.
    pub async fn launch(&self, world: &World, (app, user): (&str, &str), context: Value) -> String {
        let mut body = json!({"client_id": app, "user": user});
        for (name, value) in context.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let answer = self.ask(world, body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["launch"].as_str().expect("a handle").to_owned()
    }
}
