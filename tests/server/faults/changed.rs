//! A registration that changes while a request is answered: the decision is made again on what stands there now.

use hilum::jose::algorithm::Algorithm;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection, Row};

use crate::harness::{Answer, Backend, World};

async fn execute(connection: &mut PgConnection, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.expect("a statement");
}

/// Changes a client while a token request, which has read it already, waits to write its proof.
async fn ask_while(world: &World, backend: &Backend, change: &str) -> Answer {
    let mut admin = world.database.superuser().await;
    let mut holder = world.database.superuser().await;
    execute(&mut holder, "begin; lock table proof in exclusive mode".to_owned()).await;
    let peer = world.public();
    let asked = backend.ask(world, &peer, "system/Claim.cruds");
    let commit = async {
        let waiting = format!(
            "select count(*) from pg_stat_activity where datname = '{}' and wait_event_type = 'Lock'",
            world.database.name()
        );
        for _ in 0..20_000 {
            let row =
                sqlx::raw_sql(AssertSqlSafe(waiting.clone())).fetch_one(&mut admin).await.expect("a count");
            if row.get::<i64, _>(0) > 0 {
                let id = &backend.id;
                let update =
                    format!("update client set {change}, version = version + 1 where client_id = '{id}'");
                execute(&mut admin, update).await;
                return execute(&mut holder, "commit".to_owned()).await;
            }
        }
        panic!("nobody waited for the proofs");
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
