//! A client that hangs up, at each await of the token path.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use serde_json::json;

use super::proxy::Proxy;
use super::{unmatched, within};
use crate::harness::{Backend, Database, OPAQUE, World, eventually};

/// A future that is dropped after so many polls, as a request is when its client has gone.
struct DroppedAfter<F> {
    inner: Pin<Box<F>>,
    polls: usize,
}

impl<F: Future> Future for DroppedAfter<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        self.inner.as_mut().poll(cx).map(Some)
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_at_any_await_leaves_the_database_whole() {
    let world = World::start().await;
    let members = json!({"resources": [OPAQUE], "scope": "system/Claim.cruds"});
    let backend = Backend::register(&world, Algorithm::Es256, members).await;
    // Behind a proxy in this very thread no answer of the database can be there before it is awaited.
    let proxy = Proxy::start(Database::socket()).await;
    let url =
        format!("postgres://hilum_app@127.0.0.1:{}/{}?sslmode=disable", proxy.port, world.database.name());
    let state = within::state(&world, None, &url).await;

    let mut awaits = 0;
    for polls in 0..200 {
        let assertion = backend.assertion(&world).sign(&backend.key);
        let request = within::request(&Backend::form(&assertion, "system/Claim.rs"));
        let inner = Box::pin(state.token.respond(&request, &state.entropy));
        let answered = DroppedAfter { inner, polls }.await;
        settle(&world).await;
        assert_whole(&world, &backend.id).await;
        // What was not spent can still be spent, once; what was, cannot.
        let again = state.token.respond(&request, &state.entropy).await.is_ok();
        let third = state.token.respond(&request, &state.entropy).await.is_ok();
        assert!(!third, "spent twice after {polls} polls");
        if let Some(outcome) = answered {
            assert!(outcome.is_ok() && !again, "an answered request spends its assertion");
            break;
        }
        awaits = polls;
    }
    assert!(awaits >= 3, "the token path was dropped at {awaits} awaits: the sweep did nothing");
    assert_whole(&world, &backend.id).await;
}

/// Waits until nothing of this database is in the middle of a transaction.
async fn settle(world: &World) {
    let open = format!(
        "select count(*) from pg_stat_activity where datname = '{}' and backend_type = 'client backend'
            and (state = 'active' or state like 'idle in%') and pid <> pg_backend_pid()",
        world.database.name()
    );
    eventually("nothing is in the middle of a transaction", Duration::from_secs(10), || async {
        (world.database.count(&open).await == 0).then_some(())
    })
    .await;
}

/// Each granted record has its proof and its token, and nothing else has: seen at one moment.
async fn assert_whole(world: &World, client: &str) {
    assert_eq!(world.database.count(&unmatched(client)).await, 0, "proofs and records");
    let tokens = "select abs((select count(*) from opaque_token t join audit_event a using (token_id))
                           - (select count(*) from opaque_token))
                + abs((select count(*) from opaque_token)
                    - (select count(*) from audit_event where action = 'token.issue' and outcome = 'granted'
                          and audience = 'https://opaque.example/r4'))";
    assert_eq!(world.database.count(tokens).await, 0, "tokens and records");
}
