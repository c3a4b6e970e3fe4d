//! The connection of a writer, cut at every message of the token path.

use hilum::jose::algorithm::Algorithm;
use serde_json::json;

use super::proxy::{Cut, Proxy};
use crate::harness::{Backend, Database, World};

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
    assert!(lost_answers >= 1, "a commit whose answer was lost is found out");
}

/// Each granted record has its proof, and nothing stays open.
async fn assert_whole(world: &World, client: &str) {
    let granted = format!(
        "select count(*) from audit_event where action = 'token.issue' and outcome = 'granted' and client_id = '{client}'"
    );
    let proofs = format!("select count(*) from proof where owner = 'assertion {client}'");
    assert_eq!(world.database.count(&proofs).await, world.database.count(&granted).await);
    let open = format!(
        "select count(*) from pg_stat_activity where datname = '{}' and state like 'idle in transaction%'",
        world.database.name()
    );
    assert_eq!(world.database.count(&open).await, 0, "a transaction stayed open");
}
