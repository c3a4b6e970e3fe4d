//! The connection of a writer, cut at every message of the token path.

use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use serde_json::json;

use super::proxy::{Cut, Proxy};
use super::unmatched;
use crate::harness::{Backend, Database, World, eventually};

#[tokio::test]
async fn inv_8_a_connection_cut_at_any_message_leaves_nothing_half_done_and_no_answer_untrue() {
    let proxy = Proxy::start(Database::socket()).await;
    let port = proxy.port;
    let url = |database: &Database| {
        format!("postgres://hilum_app@127.0.0.1:{port}/{}?sslmode=disable", database.name())
    };
    let world = World::configured(1, "[database]\nwriters = 1\n", url).await;
    let backend = Backend::register(&world, Algorithm::Es256, json!({})).await;
    let peer = world.public();
    let (mut cuts, mut lost_answers) = (0, 0);
    for how in [Cut::Before, Cut::After] {
        for message in 1..60 {
            let assertion = backend.assertion(&world).claim("jti", json!(format!("{how:?} {message}")));
            let assertion = assertion.sign(&backend.key);
            let form = Backend::form(&assertion, "system/Claim.rs");
            proxy.cut(message, how);
            let answer = peer.post("/oauth2/token", &form).await;
            let happened = !proxy.is_armed();
            proxy.disarm();
            assert!(
                [200, 503].contains(&answer.status),
                "{how:?} {message}: {} {}",
                answer.status,
                answer.text
            );
            assert_whole(&world, &backend.id).await;
            if answer.status == 503 {
                assert_eq!(answer.header("retry-after"), Some("1"));
                // Told that nothing was done: the same assertion is still good.
                peer.post("/oauth2/token", &form).await.token();
            }
            peer.post("/oauth2/token", &form).await.invalid_client();
            if !happened {
                break;
            }
            cuts += 1;
            lost_answers += usize::from(how == Cut::After && answer.status == 200);
        }
    }
    assert!(cuts >= 8, "the sweep cut {cuts} times");
    let found_out = world.processes[0].log().matches("the answer to a commit was lost").count();
    assert!(found_out >= 1 && lost_answers >= found_out, "a commit whose answer was lost is found out");
}

/// Each granted record has its proof, and nothing stays open.
async fn assert_whole(world: &World, client: &str) {
    assert_eq!(world.database.count(&unmatched(client)).await, 0, "proofs and records");
    let open = format!(
        "select count(*) from pg_stat_activity where datname = '{}' and state like 'idle in transaction%'",
        world.database.name()
    );
    // PostgreSQL may need a moment to see that a connection is gone.
    eventually("no transaction stays open", Duration::from_secs(10), || async {
        (world.database.count(&open).await == 0).then_some(())
    })
    .await;
}
