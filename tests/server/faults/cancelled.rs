//! A client that hangs up, at each await of the token path.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hilum::jose::algorithm::Algorithm;
use serde_json::json;

use super::proxy::Proxy;
use super::{unbalanced, unmatched, within};
use crate::harness::{App, Backend, Browser, Database, OPAQUE, World, eventually};
use crate::token::refresh_token::lifetime::Inside;

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
    let state = within::state(&world, None, &slow_url(&world).await).await;

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

/// A way to the database on which no answer can be there before it is awaited: a proxy in this very thread.
async fn slow_url(world: &World) -> String {
    let proxy = Proxy::start(Database::socket()).await;
    format!("postgres://hilum_app@127.0.0.1:{}/{}?sslmode=disable", proxy.port, world.database.name())
}

const SCOPE: &str = "offline_access patient/Observation.rs";

/// More than a request needs: the first ones are answered, and open the connections that make the number of
/// awaits of the others the same.
const MOST_POLLS: usize = 24;

fn most_polls_first() -> impl Iterator<Item = usize> {
    (0..MOST_POLLS).rev()
}

/// Some were answered, some were dropped, and not all of these when it was done already: whether a writer has
/// begun when its request is dropped is for the scheduler to say.
#[track_caller]
fn was_swept(unheard: usize, spent_unheard: usize) {
    assert!((3..MOST_POLLS).contains(&unheard), "dropped at {unheard} awaits");
    assert!(spent_unheard < unheard, "{spent_unheard} of {unheard} dropped too late");
}

#[tokio::test]
async fn inv_8_an_app_that_hangs_up_at_any_await_of_a_redemption_leaves_a_code_whole_or_spent() {
    let world = World::start().await;
    let app = App::public(&world, json!({"resources": [OPAQUE]})).await;
    let inside = Inside::over(&world, &slow_url(&world).await).await;
    let (pat, mut browser) = (world.patient_person().await, Browser::new(&world));
    let request = app.authorize_with(SCOPE, &[("aud", OPAQUE)]);

    let (mut unheard, mut spent_unheard) = (0, 0);
    for polls in most_polls_first() {
        let code = browser.authorize(&request, &pat).await.code();
        let inner = Box::pin(inside.redeem(&app, &code));
        let answered = DroppedAfter { inner, polls }.await;
        settle(&world).await;
        assert_eq!(world.database.count(&unbalanced(&app.id, 0)).await, 0, "after {polls} polls");
        let again = inside.redeem(&app, &code).await.is_ok();
        let third = inside.redeem(&app, &code).await.is_ok();
        assert!(!third, "spent twice after {polls} polls");
        assert_eq!(world.database.count(&unbalanced(&app.id, 0)).await, 0, "after {polls} polls");
        if let Some(outcome) = answered {
            assert!(outcome.is_ok() && !again, "an answered request spends its code");
        } else {
            (unheard, spent_unheard) = (unheard + 1, spent_unheard + usize::from(!again));
        }
    }
    was_swept(unheard, spent_unheard);
    let spent = "select count(*) from authorization_code where redeemed_at is null";
    assert_eq!(world.database.count(spent).await, 0, "what was not spent could still be");
}

#[tokio::test]
async fn inv_8_d2_an_app_that_hangs_up_at_any_await_of_a_refresh_asks_again_and_gets_the_one_successor() {
    let world = World::start().await;
    let members = json!({"resources": [OPAQUE], "token_endpoint_auth_method": "client_secret_post"});
    let app = App::secret(&world, members).await;
    let inside = Inside::over(&world, &slow_url(&world).await).await;
    let (pat, mut browser) = (world.patient_person().await, Browser::new(&world));
    let request = app.authorize_with(SCOPE, &[("aud", OPAQUE)]);
    let code = browser.authorize(&request, &pat).await.code();
    let mut token = inside.redeem(&app, &code).await.unwrap().refresh;
    let generation = format!("select generation from family where client_id = '{}'", app.id);

    let (mut unheard, mut spent_unheard, mut given_again) = (0, 0, 0);
    for polls in most_polls_first() {
        let before = world.database.count(&generation).await;
        let inner = Box::pin(inside.refresh(&app, &token));
        let answered = DroppedAfter { inner, polls }.await;
        settle(&world).await;
        assert_eq!(world.database.count(&unbalanced(&app.id, given_again)).await, 0, "after {polls} polls");
        let spent = world.database.count(&generation).await - before;
        let successors = [inside.refresh(&app, &token).await, inside.refresh(&app, &token).await];
        let [first, second] = successors.map(|given| given.expect("a lost answer is given again").refresh);
        assert!(first == second && world.database.count(&generation).await == before + 1, "one successor");
        given_again += 1 + usize::from(spent == 1);
        assert_eq!(world.database.count(&unbalanced(&app.id, given_again)).await, 0, "after {polls} polls");
        if let Some(outcome) = answered {
            let heard = outcome.unwrap().refresh;
            assert!(heard == first && spent == 1, "an answered request spends its token");
        } else {
            (unheard, spent_unheard) = (unheard + 1, spent_unheard + usize::from(spent == 1));
        }
        token = first;
    }
    was_swept(unheard, spent_unheard);
    assert_eq!(world.database.count("select count(*) from alert").await, 0);
}

/// Waits until nothing of this database is in the middle of a transaction.
async fn settle(world: &World) {
    let open = format!(
        "select count(*) from pg_stat_activity where datname = '{}' and backend_type = 'client backend'
            and (state = 'active' or state like 'idle in%') and pid <> pg_backend_pid()",
        world.database.name()
    );
    eventually("nothing is in the middle of a transaction", Duration::from_mins(1), || async {
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
