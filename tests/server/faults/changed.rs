//! A registration that changes while a request is answered: the decision is made again on what stands there now.

use hilum::jose::algorithm::Algorithm;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::harness::{Answer, App, Backend, Browser, World};
use crate::token::reasons;

async fn execute(connection: &mut PgConnection, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.expect("a statement");
}

/// Changes a client while a token request, which has read it already, waits to write its proof.
async fn ask_while(world: &World, backend: &Backend, change: &str) -> Answer {
    let id = &backend.id;
    let update = format!("update client set {change}, version = version + 1 where client_id = '{id}'");
    let peer = world.public();
    while_it_waits(world, backend.ask(world, &peer, "system/Claim.cruds"), update).await
}

/// Changes something while a token request waits to write its proof.
async fn while_it_waits(world: &World, asked: impl Future<Output = Answer>, update: String) -> Answer {
    let mut admin = world.database.superuser().await;
    let mut holder = world.database.superuser().await;
    execute(&mut holder, "begin; lock table proof in exclusive mode".to_owned()).await;
    let commit = async {
        // The job that purges proofs may come to wait too, and is not who is waited for.
        world.database.locks_awaited(1, "insert into proof").await;
        execute(&mut admin, update).await;
        execute(&mut holder, "commit".to_owned()).await;
    };
    tokio::join!(asked, commit).0
}

#[tokio::test]
async fn a07_a_client_disabled_or_narrowed_while_it_asks_gets_no_token() {
    let world = World::start().await;
    let stopped = Backend::register(&world, Algorithm::Es256, json!({})).await;
    ask_while(&world, &stopped, "status = 'disabled'").await.invalid_client();

    let narrowed = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let change = r#"metadata = jsonb_set(metadata, '{scope}', '"system/Patient.rs"')"#;
    ask_while(&world, &narrowed, change).await.refused(400, "invalid_scope");

    let renamed = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let change = r#"metadata = jsonb_set(metadata, '{client_name}', '"Another name"')"#;
    ask_while(&world, &renamed, change).await.token();

    let rekeyed = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let change = r#"metadata = jsonb_set(metadata, '{jwks,keys,0,kid}', '"another"')"#;
    ask_while(&world, &rekeyed, change).await.invalid_client();

    let granted = "select count(*) from audit_event where action = 'token.issue' and outcome = 'granted' and client_id in";
    let granted = format!("{granted} ('{}', '{}', '{}')", stopped.id, narrowed.id, rekeyed.id);
    assert_eq!(world.database.count(&granted).await, 0, "and nothing says it did");
}

#[tokio::test]
async fn c07_t09_a_person_or_family_that_changes_while_a_code_or_a_refresh_token_is_shown_is_judged_anew() {
    let world = World::start().await;
    let (app, peer) = (App::asymmetric(&world, json!({})).await, world.public());
    let scope = "offline_access patient/Observation.rs";
    let rows = [
        ("person set name = 'Another'", None, None),
        ("person set status = 'disabled'", Some("person_disabled"), Some("person_changed")),
        ("person set roles = '{clinician}'", Some("person_changed"), Some("person_changed")),
        (
            "person set not_before = now() + interval '1 minute'",
            Some("person_disabled"),
            Some("person_disabled"),
        ),
        ("family set revoked_at = now()", None, Some("family_revoked")),
        ("authorization_code set revoked_at = now()", Some("code_revoked"), None),
    ];
    let mut expected = Vec::new();
    for (at, (change, of_code, of_token)) in rows.into_iter().enumerate() {
        let person = world.person(&format!("p{at}"), json!({})).await;
        let mut browser = Browser::new(&world);
        let table = change.split(' ').next().unwrap();
        let version = if table == "person" { ", version = version + 1" } else { "" };
        let unredeemed = if table == "authorization_code" { "and redeemed_at is null" } else { "" };
        let update = format!("update {change}{version} where subject = '{}' {unredeemed}", person.subject);
        let begun = app.code(&mut browser, &person, scope).await;
        let begun = app.redeem(&peer, &begun).await.granted();
        let code = app.code(&mut browser, &person, scope).await;
        let families = format!("select count(*) from family where subject = '{}'", person.subject);

        let redeemed = while_it_waits(&world, app.redeem(&peer, &code), update.clone()).await;
        let token = if of_code.is_none() {
            redeemed.granted()
        } else {
            redeemed.refused(400, "invalid_grant");
            assert_eq!(world.database.count(&families).await, 1, "{change}");
            begun
        };
        expected.extend(of_code);
        // As they were, to be changed once more.
        let back = "update person set status = 'active', roles = '{patient}', not_before = created_at, version = version + 1";
        world.database.execute(back).await;
        world.database.execute("update family set revoked_at = null").await;
        let token = token["refresh_token"].as_str().unwrap();
        let refreshed = while_it_waits(&world, app.refresh(&peer, token), update).await;
        if of_token.is_none() {
            refreshed.granted();
        } else {
            refreshed.refused(400, "invalid_grant");
        }
        expected.extend(of_token);
    }
    assert_eq!(reasons(&world, "token.issue").await, expected);
    assert_eq!(world.database.count("select count(*) from alert").await, 0);
}
