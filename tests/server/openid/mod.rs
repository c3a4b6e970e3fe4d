//! OpenID Connect: what is told of people, and under which name.

mod asked;
mod pairwise;
mod people;
mod signed;

use serde_json::{Value, json};

use crate::harness::{App, Peer, Person, World};

/// Every scope about a person.
pub const SCOPES: &str = "openid profile email address phone fhirUser offline_access online_access launch/patient \
                          patient/*.cruds user/*.cruds";

/// What `pat` is known by beside the name.
pub fn claims_of_pat() -> Value {
    json!({
        "given_name": "Pat", "family_name": "Rivera", "middle_name": "Jo", "nickname": "Pat", "gender": "female",
        "birthdate": "1984-03-12", "zoneinfo": "America/New_York", "locale": "es-US",
        "profile": "https://people.example/pat", "picture": "https://people.example/pat.png",
        "website": "https://pat.example/", "email": "pat@mail.example", "email_verified": true,
        "phone_number": "+1 555 010 0102", "phone_number_verified": false,
        "address": {"formatted": "22 Elm Street\nSpringfield, MA 01105\nUSA", "street_address": "22 Elm Street",
            "locality": "Springfield", "region": "MA", "postal_code": "01105", "country": "US"},
    })
}

/// `pat`, of whom everything is known.
pub async fn pat(world: &World) -> Person {
    world.person("pat", json!({"name": "Pat Rivera", "claims": claims_of_pat()})).await
}

/// An app that is registered for every scope about people, with these members.
pub async fn app(world: &World, members: Value) -> App {
    let mut all = json!({"scope": SCOPES});
    for (name, value) in members.as_object().expect("an object") {
        all[name] = value.clone();
    }
    App::secret(world, all).await
}

/// What userinfo tells to whoever shows a token.
pub async fn userinfo(peer: &Peer, token: &str) -> Value {
    peer.send(reqwest::Method::GET, "/oauth2/userinfo", Some(token), None).await.granted()
}

/// The names of the claims that are told, but for `updated_at`, in order.
pub fn names(told: &Value) -> Vec<String> {
    let mut names: Vec<String> = told.as_object().expect("claims").keys().cloned().collect();
    names.retain(|name| name != "updated_at");
    names.sort();
    names
}
