//! The token endpoint: grants, client authentication, and the tokens it writes.

mod access_token;
mod authorization_code;
pub mod authorization_details;
mod certificate_app;
mod certificate_revoked;
mod client_credentials;
mod client_secret;
mod code_extent;
mod code_theft;
mod device_code;
pub mod dpop;
mod endings;
mod id_token;
pub mod jwt_bearer;
mod jwt_bearer_assertion;
mod launch_context;
mod long_token;
mod mutual_tls;
mod private_key_jwt;
mod private_key_jwt_claims;
pub mod refresh_token;
mod resumption;
pub mod token_exchange;
mod token_exchange_bound;
mod token_exchange_elsewhere;
mod token_exchange_ends;
mod trust_communities;

use hilum::jose::algorithm::Algorithm;
use serde_json::{Value, json};

use crate::harness::{Answer, App, Backend, Browser, FHIR, Peer, Person, World};

/// The claims of a JWT, unverified.
pub fn claims(token: &str) -> Value {
    part(token, 1)
}

/// The header of a JWT.
pub fn header(token: &str) -> Value {
    part(token, 0)
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("three parts");
    serde_json::from_slice(&hilum::jose::base64url::decode(part).expect("base64url")).expect("JSON")
}

/// All that an app is given once a person has signed in and agreed to everything that is offered.
pub async fn agreed(world: &World, app: &App, person: &Person, scope: &str) -> Value {
    let code = app.code(&mut Browser::new(world), person, scope).await;
    app.redeem(&world.public(), &code).await.granted()
}

/// A text member of an answer.
#[track_caller]
pub fn text<'a>(answer: &'a Value, member: &str) -> &'a str {
    answer[member].as_str().unwrap_or_else(|| panic!("no {member} in {answer}"))
}

/// The back-end that asks in the FHIR server's name.
pub async fn fhir_server(world: &World) -> Backend {
    Backend::register(world, Algorithm::Es256, json!({"introspects": [FHIR]})).await
}

/// The newest record of a token that was issued by a grant.
pub async fn issued(world: &World, grant_type: &str) -> Value {
    let records = world.audit("token.issue").await;
    let of_grant = records.into_iter().find(|record| record["grant_type"] == grant_type);
    of_grant.expect("a record")
}

/// Why an action was refused, in the order of the audit trail, the oldest first.
pub async fn reasons(world: &World, action: &str) -> Vec<String> {
    let records = world.audit(action).await;
    let refused = records.iter().rev().filter(|record| record["outcome"] == "refused");
    refused.map(|record| record["reason"].as_str().expect("a reason").to_owned()).collect()
}

/// Asks for a token with a ready assertion.
pub async fn ask_with(peer: &Peer, assertion: &str) -> Answer {
    peer.post("/oauth2/token", &Backend::form(assertion, "system/Claim.rs")).await
}

/// Shows each assertion, which must be refused in the same words and recorded with its true reason.
pub async fn all_refused(world: &World, cases: &[(String, &str)]) {
    let peer = world.public();
    for (assertion, reason) in cases {
        let answer = ask_with(&peer, assertion).await;
        assert_eq!(answer.status, 401, "{reason}: {} for {assertion:.300}", answer.text);
        answer.invalid_client();
    }
    let expected: Vec<&str> = cases.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(reasons(world, "token.issue").await, expected);
}
