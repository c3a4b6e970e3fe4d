//! The audit trail: complete, unchangeable, searchable by who may.

use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use time::format_description::well_known::Rfc3339;

use super::clients::named;
use crate::harness::{Backend, FHIR, World, eventually};

async fn search(world: &World, query: &str) -> Vec<Value> {
    let answer = world.administer(Method::GET, &format!("/admin/v1/audit?limit=200&{query}"), None).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    answer.json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn o01_without_an_audit_record_no_token_is_issued_and_nothing_is_used_up() {
    let world = World::start().await;
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let assertion = client.assertion(&world).sign(&client.key);
    let form = Backend::form(&assertion, "system/Claim.rs");
    let before = world.database.count("select count(*) from proof").await;
    world.database.execute("revoke insert on audit_event from hilum_app").await;
    let refused = world.public().post("/oauth2/token", &form).await;
    refused.refused(503, "temporarily_unavailable");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(world.database.count("select count(*) from proof").await, before);
    assert_eq!(world.database.count("select count(*) from client").await, 2);
    world.database.execute("grant insert on audit_event to hilum_app").await;
    world.public().post("/oauth2/token", &form).await.granted();
    world.public().post("/oauth2/token", &form).await.invalid_client();
}

#[tokio::test]
async fn o03_the_servers_own_role_cannot_change_or_remove_a_record() {
    let world = World::start().await;
    let mut connection = PgConnection::connect(&world.database.url()).await.unwrap();
    let statements = [
        "update audit_event set outcome = 'granted'",
        "delete from audit_event",
        "truncate audit_event",
        "drop table audit_event",
        "alter table audit_event disable trigger all",
        "create rule r as on insert to audit_event do instead nothing",
        "create trigger t before insert on audit_event execute function suppress_redundant_updates_trigger()",
        "set role hilum_owner",
        "alter table audit_event owner to hilum_app",
        "create table shadow (x int)",
        "begin; lock table audit_event in access exclusive mode",
    ];
    let mut allowed = Vec::new();
    for statement in statements {
        match sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await {
            Ok(_) => allowed.push(statement),
            Err(error) => {
                let code = error
                    .as_database_error()
                    .and_then(sqlx::error::DatabaseError::code)
                    .unwrap_or_default()
                    .into_owned();
                assert_eq!(code, "42501", "{statement}: {error}");
            }
        }
    }
    assert!(allowed.is_empty(), "{allowed:?}");
    // PostgreSQL warns of a grant by somebody who may not grant, and grants nothing.
    let mut connection = PgConnection::connect(&world.database.url()).await.unwrap();
    sqlx::raw_sql("grant delete, update, truncate on audit_event to hilum_app")
        .execute(&mut connection)
        .await
        .ok();
    let change =
        "select has_table_privilege('hilum_app', 'audit_event', 'update, delete, truncate')::int::bigint";
    assert_eq!(world.database.count(change).await, 0);
    let kept = world.database.count("select count(*) from audit_event").await;
    assert!(kept > 0);
}

#[tokio::test]
async fn o11_records_are_found_by_time_client_action_outcome_and_patient_and_the_search_is_recorded() {
    let world = World::start().await;
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    client.ask(&world, &world.public(), "system/Claim.rs").await.granted();
    client.ask(&world, &world.public(), "system/Device.rs").await.refused(400, "invalid_scope");
    let of_client = search(&world, &format!("client={}", client.id)).await;
    assert_eq!(of_client.len(), 2);
    let (refused, granted) = (&of_client[0], &of_client[1]);
    assert_eq!(
        (&granted["action"], &granted["outcome"], &granted["audience"]),
        (&json!("token.issue"), &json!("granted"), &json!(FHIR))
    );
    assert_eq!(
        (&refused["outcome"], &refused["scopes_asked"]),
        (&json!("refused"), &json!("system/Device.rs"))
    );
    assert!(
        refused["reason"].is_string()
            && granted["token"].is_string()
            && granted["client_organization"] == "Blue Test"
    );
    assert_eq!(
        search(&world, &format!("client={}&outcome=refused&action=token.issue", client.id)).await.len(),
        1
    );
    assert!(
        search(&world, "action=client.create").await.iter().any(|event| event["target"] == json!(client.id))
    );

    // The window begins with the first record and ends before the second.
    let (from, until) = (granted["at"].as_str().unwrap(), refused["at"].as_str().unwrap());
    let window =
        format!("client={}&from={}&until={}", client.id, from.replace('+', "%2B"), until.replace('+', "%2B"));
    assert_eq!(search(&world, &window).await, *std::slice::from_ref(granted));
    let past = time::OffsetDateTime::parse(from, &Rfc3339).unwrap() - time::Duration::days(1);
    assert!(search(&world, &format!("until={}", past.format(&Rfc3339).unwrap())).await.is_empty());

    let injections =
        ["'%20or%20'1'='1", "';drop%20table%20audit_event;--", "%25", "_", "a%27%29%20or%20true--"];
    for text in injections {
        for member in ["client", "person", "patient", "action"] {
            assert!(search(&world, &format!("{member}={text}")).await.is_empty(), "{member}={text}");
        }
    }
    search(&world, "patient=rivera").await;
    let searches = world.audit("audit.search").await;
    assert!(
        searches.iter().any(|event| event["patient"] == "rivera" && event["client"] == json!(world.admin_id))
    );
    for wrong in ["outcome=maybe", "from=yesterday", "until=2026", "order=asc"] {
        let refused = world.administer(Method::GET, &format!("/admin/v1/audit?{wrong}"), None).await;
        assert_eq!(
            (refused.status, named(&refused)),
            (400, vec![wrong.split('=').next().unwrap().to_owned()])
        );
    }
    let (admin, token) = (world.mtls(&world.admin), world.admin_token("admin/clients.read").await);
    assert_eq!(admin.send(Method::GET, "/admin/v1/audit", Some(&token), None).await.status, 403);
}

#[tokio::test]
async fn records_are_paged_newest_first_without_a_gap_while_others_are_written() {
    let world = World::start().await;
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    for _ in 0..5 {
        client.ask(&world, &world.public(), "system/Claim.rs").await.granted();
    }
    let expected: Vec<Value> = search(&world, &format!("client={}", client.id)).await;
    let (mut path, mut found) = (format!("/admin/v1/audit?client={}&limit=2", client.id), Vec::new());
    let mut pages = 0;
    loop {
        let page = world.administer(Method::GET, &path, None).await;
        found.extend(page.json()["items"].as_array().unwrap().clone());
        pages += 1;
        client.ask(&world, &world.public(), "system/Claim.rs").await.granted();
        let Some(link) = page.header("link") else { break };
        path = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
        assert!(path.contains(&client.id), "the next page is of the same search: {link}");
    }
    assert_eq!((pages, found), (3, expected));
}

#[tokio::test]
async fn md_05_o07_keys_are_published_before_they_sign_and_an_emergency_kills_what_they_signed() {
    let world = World::with_processes(2).await;
    let server =
        Backend::register(&world, Algorithm::Es256, json!({"introspects": [FHIR], "scope": null})).await;
    let client = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let token = client.ask(&world, &world.public(), "system/Claim.rs").await.token();
    let kids = |document: Value| -> Vec<String> {
        document["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect()
    };
    let before = kids(world.public().get("/oauth2/jwks").await.json());
    let made = world.administer(Method::POST, "/admin/v1/keys/rotate", None).await.json()["made"].clone();
    let announced = kids(world.public().get("/oauth2/jwks").await.json());
    assert!(made.as_array().unwrap().iter().all(|kid| announced.contains(&kid.as_str().unwrap().to_owned())));
    assert!(before.iter().all(|kid| announced.contains(kid)), "the old ones stay");
    let still = client.ask(&world, &world.public(), "system/Claim.rs").await.token();
    assert_eq!(header(&still)["kid"], header(&token)["kid"], "an announced key does not sign yet");
    server.introspect(&world, &world.public(), &token).await.active();

    let swapped = world.administer(Method::POST, "/admin/v1/keys/rotate", Some(json!({"now": true}))).await;
    assert_eq!(swapped.status, 200);
    let kid = header(&token)["kid"].as_str().unwrap().to_owned();
    for process in 0..2 {
        eventually("the withdrawn key is gone", Duration::from_mins(1), || async {
            let document = world.public_of(process).get("/oauth2/jwks").await.json();
            (!kids(document).contains(&kid)).then_some(())
        })
        .await;
        server.introspect(&world, &world.public_of(process), &token).await.inactive();
    }
    let fresh = client.ask(&world, &world.public_of(1), "system/Claim.rs").await.token();
    server.introspect(&world, &world.public(), &fresh).await.active();
    let list = world.administer(Method::GET, "/admin/v1/keys", None).await;
    assert!(!list.text.contains("\"d\"") && !list.text.contains("private"));
    assert_eq!(
        world.administer(Method::POST, "/admin/v1/keys/rotate", Some(json!({"now": "yes"}))).await.status,
        400
    );
}

/// The header of a JWT.
fn header(token: &str) -> Value {
    serde_json::from_slice(&hilum::jose::base64url::decode(token.split('.').next().unwrap()).unwrap())
        .unwrap()
}

#[tokio::test]
async fn h_01_an_admin_request_that_cannot_be_read_is_recorded_with_who_sent_it() {
    let world = World::start().await;
    let bad = [
        (Method::GET, "/admin/v1/clients?cursor=no-cursor", None, "cursor"),
        (Method::GET, "/admin/v1/clients?limit=0", None, "limit"),
        (Method::GET, "/admin/v1/clients?tenant=other", None, "unknown_parameter"),
        (Method::GET, "/admin/v1/audit?outcome=maybe", None, "search"),
        (Method::POST, "/admin/v1/clients", Some(serde_json::json!([1])), "body_not_an_object"),
        (Method::GET, "/admin/v1/clients/%20", None, "client_unknown"),
    ];
    for (method, path, body, reason) in bad {
        let answer = world.administer(method, path, body).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.text);
        let record = &world.audit("admin.access").await[0];
        assert_eq!(
            (record["reason"].as_str(), record["client"].as_str()),
            (Some(reason), Some(world.admin_id.as_str()))
        );
        assert_eq!(record["client_organization"], "Test");
    }
}
