//! An administrator who is stopped after its token was believed, and before its turn has come.

use hilum::admin::actor::{Actor, Caller};
use hilum::admin::{details_types, resources};
use hilum::jose::algorithm::Algorithm;
use hilum::keys::rotation::{Replacement, Revocation};
use hilum::protocol::error::Failure;
use hilum::protocol::ids::{ClientId, ResourceName};
use hilum::scope::set::ScopeSet;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::within;
use crate::harness::{ADMIN_SCOPES, FHIR, World, key};

fn document(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

fn invitation(members: Value) -> Map<String, Value> {
    let mut whole =
        document(json!({"organization": "Acme Health", "scope": "patient/*.rs", "resources": [FHIR]}));
    whole.extend(document(members));
    whole
}

#[track_caller]
fn stopped<T>(outcome: Result<T, Failure>) {
    match outcome {
        Err(Failure::Refusal(refusal)) => assert_eq!(refusal.reason().code(), "administrator_stopped"),
        Err(Failure::Fault(fault)) => panic!("{fault}"),
        Ok(_) => panic!("it was done"),
    }
}

#[tokio::test]
async fn d05_an_administrator_who_was_stopped_meanwhile_changes_nothing() {
    let world = World::start().await;
    let state = within::state(&world, None, &world.database.url()).await;
    let administration = &state.administration;
    let id = ClientId::parse(&world.admin_id).unwrap();
    let client = Box::new(administration.find_client(&id).await.unwrap());
    let scope = ScopeSet::parse(ADMIN_SCOPES).unwrap();
    let actor = Actor::Client { client, scope, issued_at: administration.clock.now() };
    let caller = Caller { actor, origin: within::request(&[]).evidence.origin };
    let type_of = |name: &str| details_types::Target { name: name.to_owned(), version: None };
    let server = |name: &str| resources::Target { name: ResourceName::parse(name).unwrap(), version: None };
    let vouching = |name: &str| {
        let keys = json!({"keys": [key(Algorithm::Es256).public_jwk("s1")]});
        invitation(json!({"issuer": format!("https://{name}.example"), "jwks": keys}))
    };
    let schema = json!({"type": "object", "additionalProperties": false, "required": ["type"],
        "properties": {"type": {"const": "notes"}}});
    let notes = document(json!({"title": "Notes", "schema": schema}));

    let kept = administration.create_statement_issuer(&caller, &vouching("one")).await.unwrap().id;
    let stop = format!("update client set status = 'disabled' where client_id = '{}'", world.admin_id);
    world.database.execute(&stop).await;
    let invited = invitation(json!({"registrations": 1}));
    stopped(administration.create_initial_token(&caller, &invited).await);
    stopped(administration.delete_initial_token(&caller, Uuid::nil()).await);
    stopped(administration.create_statement_issuer(&caller, &vouching("two")).await);
    stopped(administration.replace_statement_issuer(&caller, kept, &vouching("one")).await);
    stopped(administration.delete_statement_issuer(&caller, kept).await);
    stopped(administration.put_details_type(&caller, type_of("notes"), notes).await);
    stopped(administration.delete_details_type(&caller, type_of("notes")).await);
    let lab = json!({"name": "lab", "title": "Laboratory", "url": "https://lab.example/r4", "scope": "system/*.rs"});
    stopped(administration.create_resource(&caller, document(lab)).await);
    stopped(administration.patch_resource(&caller, server("nothing"), Map::new()).await);
    stopped(administration.delete_resource(&caller, server("nothing")).await);
    let client = json!({"client_name": "Late", "organization": "Nobody", "token_endpoint_auth_method": "client_secret_basic"});
    stopped(administration.create_client(&caller, &document(client)).await);
    for how in [Replacement::Announced, Replacement::AtOnce] {
        stopped(administration.rotate_keys(&caller, how).await);
    }
    let kid = administration.list_keys().await.unwrap()[0].record.kid.clone();
    stopped(administration.revoke_key(&caller, Revocation { kid, reason: "late".to_owned() }).await);
    let touched = "select count(*) - 3 + count(retires_at) + count(withdrawn_at) from signing_key";
    assert_eq!(world.database.count(touched).await, 0);
    let written =
        "select (select count(*) from initial_access_token) + (select count(*) from statement_issuer)";
    assert_eq!(world.database.count(written).await, 1);
}
