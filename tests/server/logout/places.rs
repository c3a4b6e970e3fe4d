//! How much is sent at a time: no app keeps another waiting, and what was not sent counts as no attempt.

use std::time::Duration as Wait;

use hilum::model::backchannel_logout::Answer;
use nix::sys::signal::Signal;
use time::Duration;

use super::deliveries::Within;
use super::{Told, address};
use crate::faults::within;
use crate::harness::{App, Saying, eventually};

impl Within {
    /// Notices to an app that are due by the test's clock, the last of them for so many seconds.
    async fn owe(&self, app: &App, count: usize, seconds: usize) {
        let insert = format!(
            "insert into backchannel_logout (session_id, client_id, subject, next_at, created_at)
             select gen_random_uuid(), '{}', '{}', t - make_interval(secs => {seconds} + n), t
               from to_timestamp({}) t, generate_series(0, {count} - 1) n",
            app.id,
            self.scene.pat.subject,
            self.clock.now().unix_timestamp()
        );
        self.scene.world.database.execute(&insert).await;
    }

    /// How a notice stands.
    async fn standing(&self) -> String {
        let standing = "select attempts || ' ' || coalesce(last_answer, 'none') || ' ' || under_way from backchannel_logout";
        self.scene.world.database.text(standing).await
    }
}

#[tokio::test]
async fn lo_02_an_app_is_sent_four_at_a_time_whoever_takes_them_and_no_other_waits_for_it() {
    let (within, receivers) = Within::begin(&[Saying::status("200 OK"), Saying::status("200 OK")]).await;
    let database = within.scene.world.database.url();
    let (_, other) = within::parts(&within.scene.world, Some(within.clock.clone()), &database).await;
    let (many, few) = (&receivers[0], &receivers[1]);
    within.owe(&many.0, 3_000, 60).await;
    within.owe(&few.0, 1, 0).await;
    let (mine, theirs) = tokio::join!(within.notifier.claim(), other.claim());
    let taken = [mine.unwrap(), theirs.unwrap()].concat();
    let of_many = taken.iter().filter(|notice| notice.client.as_str() == many.0.id).count();
    assert_eq!((of_many, taken.len()), (4, 5), "the one that came last is not behind 3000 of another");
    assert!(within.notifier.claim().await.unwrap().is_empty(), "while four are under way");
    assert!(other.claim().await.unwrap().is_empty(), "not in another process either");
    within.notifier.send_all(taken).await;
    assert_eq!((many.1.bodies().len(), few.1.bodies().len()), (4, 1));
    let taken = other.claim().await.unwrap();
    assert_eq!(taken.len(), 4, "they have been sent, and there are places again");
    // Whoever took these dies: they hold no place for ever.
    within.clock.advance(Duration::seconds(30));
    assert_eq!(within.notifier.claim().await.unwrap().len(), 4);
}

#[tokio::test]
async fn lo_02_what_found_no_place_was_not_sent_and_counts_as_no_attempt() {
    let (within, receivers) = Within::begin(&[Saying::status("200 OK")]).await;
    within.sign_out().await;
    for _ in 0..10 {
        let taken = within.notifier.claim().await.unwrap();
        assert_eq!((taken.len(), taken[0].attempt), (1, 1));
        assert_eq!(within.standing().await, "1 none true");
        within.notifier.keep(&taken[0], None, Answer::Unasked("no place")).await.unwrap();
        assert_eq!(within.standing().await, "0 none false");
    }
    assert!(receivers[0].1.bodies().is_empty());
    let taken = within.notifier.claim().await.unwrap();
    within.notifier.send_all(taken).await;
    assert_eq!(within.records("logout.notify").await, ["status 200, at attempt 1"]);
}

#[tokio::test]
async fn lo_02_a_process_that_ends_keeps_what_comes_of_what_it_is_sending() {
    let mut scene = Told::begin().await;
    let (mut browser, id_token) = scene.signed_in().await;
    scene.host.say(Saying::Silence);
    browser.get(&address(&[("id_token_hint", &id_token)])).await.shows(200);
    let host = &scene.host;
    eventually("the app is asked", Wait::from_mins(1), || async { (host.bodies().len() == 1).then_some(()) })
        .await;
    scene.dev.signal(Signal::SIGTERM);
    scene.dev.child.wait().expect("its end");
    let standing =
        "select attempts || ' ' || coalesce(last_answer, 'none') || ' ' || under_way from backchannel_logout";
    assert_eq!(scene.database.text(standing).await, "1 the answer took too long false");
}
