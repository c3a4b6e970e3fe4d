//! What these tests share.

use hilum::jose::jwk::Jwk;
use hilum::jose::jws::UnverifiedJws;
use serde_json::Value;

use crate::harness::{App, Page, World};
use crate::token::{claims, header};

/// What a patient's app asks for.
pub const PATIENT_SCOPE: &str = "openid fhirUser launch/patient patient/Observation.rs";

/// Why an action was refused, the oldest first.
pub async fn reasons(world: &World, action: &str) -> Vec<String> {
    let records = world.audit(action).await;
    let refused = records.iter().rev().filter(|record| record["outcome"] == "refused");
    refused.map(|record| record["reason"].as_str().expect("a reason").to_owned()).collect()
}

/// The claims of a JWT once its signature has held, by the published key that its header names.
pub async fn verified(world: &World, token: &str) -> Value {
    let keys = world.public().get("/oauth2/jwks").await.json();
    let kid = header(token)["kid"].clone();
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid).expect("a published key");
    assert_eq!(key["alg"], header(token)["alg"]);
    UnverifiedJws::parse(token).unwrap().verify(&Jwk::parse(key).unwrap()).expect("a good signature");
    claims(token)
}

/// What a form brings to the client, by name and in its order.
#[track_caller]
pub fn posted(page: &Page, app: &App) -> Vec<(String, String)> {
    page.shows(200);
    assert_eq!(page.posted_to().as_deref(), Some(app.callback.as_str()), "{}", page.text());
    page.fields()
}

/// One field of a form.
#[track_caller]
pub fn field(fields: &[(String, String)], name: &str) -> String {
    let found = fields.iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no {name} in {fields:?}")).1.clone()
}

/// The names of fields.
pub fn names(fields: &[(String, String)]) -> Vec<&str> {
    fields.iter().map(|(name, _)| name.as_str()).collect()
}

/// A form tells the client an error, with the state and the issuer beside it and no code.
#[track_caller]
pub fn told_by_form(page: &Page, app: &App, error: &str, state: Option<&str>) {
    let fields = posted(page, app);
    let expected: &[&str] = match state {
        Some(_) => &["error", "error_description", "state", "iss"],
        None => &["error", "error_description", "iss"],
    };
    assert_eq!(names(&fields), expected);
    assert_eq!(field(&fields, "error"), error);
    assert!(state.is_none_or(|state| field(&fields, "state") == state), "{fields:?}");
}
