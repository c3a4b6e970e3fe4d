//! Telling apps that a session has ended (OpenID Connect Back-Channel Logout 1.0): at once, again, and at last no
//! more.

use std::time::Duration as Wait;

use hilum::authorize::browser::{Sender, Visit, digest};
use hilum::authorize::logout::LogoutAnswer;
use hilum::http::state::State;
use hilum::model::audit_event::Origin;
use hilum::oidc::backchannel_logout::LogoutNotifier;
use hilum::platform::clock::Clock;
use hilum::protocol::logout_request::LogoutRequest;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::{Scene, Told, address, id_token, is_logout_token, logout_token};
use crate::faults::within;
use crate::harness::{App, Browser, KeyHost, Saying, eventually};
use crate::token::claims;

/// The parts of a server that may reach the receivers, and whose clock the test sets.
pub struct Within {
    pub scene: Scene,
    pub state: State,
    pub notifier: LogoutNotifier,
    pub clock: Clock,
}

/// An address of a receiver.
pub fn uri(host: &KeyHost) -> String {
    format!("https://localhost:{}/told", host.port)
}

impl Within {
    /// A session in which the scene's app had tokens, and the process that served it gone. Each host is the
    /// receiver of an app of its own that had tokens too; the first is that of the scene's app.
    pub async fn begin(saying: &[Saying]) -> (Self, Vec<(App, KeyHost)>) {
        let mut scene = Scene::begin().await;
        let mut receivers = Vec::new();
        for says in saying {
            let app = App::secret(&scene.world, json!({})).await;
            id_token(&scene.world, &app, &scene.pat, &mut scene.browser).await;
            receivers.push((app, KeyHost::start(&scene.world.authority, says.clone())));
        }
        scene.world.processes[0].kill();
        for (app, host) in &receivers {
            register(&scene, app, &uri(host)).await;
        }
        let roots = scene.world.file("roots.pem");
        std::fs::write(&roots, &scene.world.authority.pem).unwrap();
        let served = std::fs::read_to_string(scene.world.config()).unwrap();
        let text =
            format!("{served}[outbound]\nallow = [\"localhost\"]\nca_file = \"{}\"\n", roots.display());
        std::fs::write(scene.world.config(), text).unwrap();
        let clock = Clock::set_to(OffsetDateTime::from_unix_timestamp(crate::harness::now() + 2).unwrap());
        let (state, notifier) =
            within::parts(&scene.world, Some(clock.clone()), &scene.world.database.url()).await;
        (Self { scene, state, notifier, clock }, receivers)
    }

    /// Signs out by the id token of the scene's app.
    pub async fn sign_out(&self) {
        let cookie = |name: &str| self.scene.browser.cookies.get(name).and_then(|value| digest(value));
        let origin =
            Origin { peer: None, certificate: None, request: uuid::Uuid::nil(), process: "test".into() };
        let visit = Visit {
            browser: cookie("__Host-hilum_browser"),
            session: cookie("__Host-hilum_session"),
            device: None,
            sender: Sender::Own,
            origin,
        };
        let id_token_hint = Some(self.scene.id_token.clone());
        let request = LogoutRequest { id_token_hint, ..LogoutRequest::default() };
        let answer = self.state.authorization.logout(request, &visit).await.unwrap();
        assert!(matches!(answer, LogoutAnswer::SignedOut { .. }), "{answer:?}");
    }

    /// Sends what is due now; the answer is how much that was.
    async fn send(&self) -> usize {
        let taken = self.notifier.claim().await.unwrap();
        let count = taken.len();
        self.notifier.send_all(taken).await;
        count
    }

    pub async fn records(&self, action: &str) -> Vec<String> {
        let all = format!(
            "select coalesce(string_agg(detail, '|' order by id), '') from audit_event where action = '{action}'"
        );
        let text = self.scene.world.database.text(&all).await;
        text.split('|').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    async fn alerts(&self) -> i64 {
        let alerts = "select count(*) from alert where kind = 'backchannel_logout_failed'";
        self.scene.world.database.count(alerts).await
    }
}

/// Registers where an app is told, past the rules of the process that serves.
async fn register(scene: &Scene, app: &App, uri: &str) {
    let metadata = json!({"backchannel_logout_uri": uri});
    let update = format!(
        "update client set metadata = metadata || '{metadata}', version = version + 1 where client_id = '{}'",
        app.id
    );
    scene.world.database.execute(&update).await;
}

#[tokio::test]
async fn lo_02_what_may_pass_is_tried_again_with_a_new_token_each_time_until_it_is_given_up_and_told() {
    let (within, receivers) = Within::begin(&[Saying::status("503 Service Unavailable")]).await;
    let (app, host) = &receivers[0];
    assert_eq!(within.send().await, 0, "nobody has signed out");
    within.sign_out().await;
    let mut at = within.clock.now();
    for delay in [0, 10, 60, 600, 3_600, 21_600] {
        if delay > 0 {
            within.clock.advance(Duration::seconds(delay - 1));
            assert_eq!(within.send().await, 0, "too soon, before {delay} s");
            within.clock.advance(Duration::SECOND);
        }
        at += Duration::seconds(delay);
        assert_eq!(within.send().await, 1, "after {delay} s");
        let token = logout_token(host.bodies().last().unwrap()).unwrap();
        assert_eq!(claims(&token)["iat"], json!(at.unix_timestamp()), "written for this attempt");
        assert_eq!(claims(&token)["aud"], json!(app.id));
    }
    let mut ids: Vec<String> =
        host.bodies().iter().map(|body| claims(&logout_token(body).unwrap())["jti"].to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6);
    within.clock.advance(Duration::days(2));
    assert_eq!((within.send().await, host.bodies().len()), (0, 6), "that was the last");
    assert_eq!(within.records("logout.notify_failed").await, ["status 503, at attempt 6"]);
    assert_eq!((within.records("logout.notify").await.len(), within.alerts().await), (0, 1));
}

#[tokio::test]
async fn lo_02_an_app_that_could_not_be_reached_is_told_once_it_can_and_only_once() {
    let (within, receivers) = Within::begin(&[Saying::Nothing]).await;
    let (app, host) = &receivers[0];
    within.sign_out().await;
    for (saying, wait) in
        [(Saying::status("429 Too Many Requests"), 10), (Saying::status("204 No Content"), 60)]
    {
        assert_eq!(within.send().await, 1);
        host.say(saying);
        within.clock.advance(Duration::seconds(wait));
    }
    assert_eq!(within.send().await, 1);
    within.clock.advance(Duration::days(1));
    assert_eq!((within.send().await, host.bodies().len()), (0, 2));
    assert_eq!(within.records("logout.notify").await, ["status 204, at attempt 3"]);
    let named = format!(
        "select count(*) from audit_event where action = 'logout.notify' and client_id = '{}' and person = '{}'",
        app.id, within.scene.pat.subject
    );
    assert_eq!((within.scene.world.database.count(&named).await, within.alerts().await), (1, 0));
}

#[tokio::test]
async fn lo_02_a_400_is_recorded_and_not_tried_again_nor_is_what_would_not_change() {
    let elsewhere =
        Saying::Answer("302 Found", "Location: https://localhost:1/\r\n".to_owned(), String::new());
    let says = [Saying::status("400 Bad Request"), elsewhere, Saying::status("404 Not Found")];
    let (within, receivers) = Within::begin(&says).await;
    within.sign_out().await;
    assert_eq!(within.send().await, 3);
    within.clock.advance(Duration::days(1));
    assert_eq!(within.send().await, 0);
    assert!(receivers.iter().all(|(_, host)| host.bodies().len() == 1));
    let mut records = within.records("logout.notify_failed").await;
    records.sort();
    let expected =
        ["status 400, at attempt 1", "status 404, at attempt 1", "the answer is a redirect, at attempt 1"];
    assert_eq!(records, expected);
    assert_eq!(within.alerts().await, 2, "an app that says no knows of it already");
}

#[tokio::test]
async fn lo_02_two_processes_never_send_at_once_and_one_that_died_is_followed_by_another() {
    let (within, receivers) = Within::begin(&[Saying::status("200 OK")]).await;
    let (_, other) =
        within::parts(&within.scene.world, Some(within.clock.clone()), &within.scene.world.database.url())
            .await;
    within.sign_out().await;
    let (mine, theirs) = tokio::join!(within.notifier.claim(), other.claim());
    let (mine, theirs) = (mine.unwrap(), theirs.unwrap());
    assert_eq!(mine.len() + theirs.len(), 1);
    // Whoever took it dies.
    within.clock.advance(Duration::seconds(29));
    assert!(within.notifier.claim().await.unwrap().is_empty() && other.claim().await.unwrap().is_empty());
    within.clock.advance(Duration::SECOND);
    let taken = other.claim().await.unwrap();
    assert_eq!(taken[0].attempt, 2);
    other.send_all(taken).await;
    // The one that was taken for dead was only slow: what it finds out is no news.
    within.notifier.send_all([mine, theirs].concat()).await;
    assert_eq!(receivers[0].1.bodies().len(), 2);
    assert_eq!(within.records("logout.notify").await, ["status 200, at attempt 2"]);
    within.clock.advance(Duration::days(1));
    assert_eq!(within.send().await, 0);
}

#[tokio::test]
async fn lo_02_a_receiver_that_does_not_answer_keeps_no_other_waiting() {
    let (within, receivers) = Within::begin(&[Saying::Silence, Saying::status("200 OK")]).await;
    within.sign_out().await;
    let taken = within.notifier.claim().await.unwrap();
    assert_eq!(taken.len(), 2);
    let (silent, quick) = (&receivers[0].1, &receivers[1].1);
    let told = eventually("the other is told", Wait::from_secs(20), || async {
        (quick.bodies().len() == 1 && within.records("logout.notify").await.len() == 1).then_some(())
    });
    let sending = within.notifier.send_all(taken);
    tokio::pin!(sending);
    tokio::select! {
        () = told => {}
        () = &mut sending => panic!("the other was told only when the silent one had been given up"),
    }
    sending.await;
    assert_eq!(silent.bodies().len(), 1);
    let last = "select last_answer from backchannel_logout where delivered_at is null";
    assert_eq!(within.scene.world.database.text(last).await, "the answer took too long");
}

#[tokio::test]
async fn k08_only_the_address_that_is_registered_now_is_asked_and_only_where_the_rules_allow() {
    let says = [Saying::status("200 OK"), Saying::status("200 OK"), Saying::status("200 OK")];
    let (within, receivers) = Within::begin(&says).await;
    let moved = KeyHost::start(&within.scene.world.authority, Saying::status("200 OK"));
    within.sign_out().await;
    register(&within.scene, &receivers[0].0, &uri(&moved)).await;
    register(&within.scene, &receivers[1].0, "https://127.0.0.1:1/told").await;
    let stop = format!("update client set status = 'disabled' where client_id = '{}'", receivers[2].0.id);
    within.scene.world.database.execute(&stop).await;
    assert_eq!(within.send().await, 3);
    assert!(receivers.iter().all(|(_, host)| host.asked() == 0));
    assert_eq!(moved.bodies().len(), 1);
    let mut records = within.records("logout.notify_failed").await;
    records.sort();
    let expected =
        ["the address may not be asked, at attempt 1", "the client is gone or stopped, at attempt 1"];
    assert_eq!(records, expected);
}

#[tokio::test]
async fn lo_02_a_notice_is_written_with_the_end_of_the_session_and_sent_by_whoever_serves_next() {
    // The session ends in a process that sends nothing: a command of the terminal.
    let scene = Told::begin().await;
    let (_browser, id_token) = scene.signed_in().await;
    scene.dev.command(&["user", "disable", "pat"], "").expect_success();
    let host = &scene.host;
    let body =
        eventually("the app is told", Wait::from_mins(1), || async { host.bodies().into_iter().next() })
            .await;
    let token = logout_token(&body).unwrap();
    is_logout_token(&token, (&scene.dev.url(""), &scene.app.id), &id_token);
}

#[tokio::test]
async fn lo_02_each_session_of_a_person_is_told_of_by_its_own_name() {
    let scene = Told::begin().await;
    let (mut first, one) = scene.signed_in().await;
    let (_second, two) = scene.signed_in().await;
    first.get(&address(&[("id_token_hint", &one)])).await.shows(200);
    let host = &scene.host;
    eventually("the app is told", Wait::from_mins(1), || async { (host.bodies().len() == 1).then_some(()) })
        .await;
    let issuer = scene.dev.url("");
    is_logout_token(&logout_token(&host.bodies()[0]).unwrap(), (&issuer, &scene.app.id), &one);
    let mut third = Browser::at(scene.dev.public());
    let page = third.account(&scene.pat).await;
    let csrf = page.choices("csrf").pop().unwrap();
    third.post("/oauth2/logout", &[("csrf", &csrf), ("scope_of", "everywhere")]).await.shows(200);
    eventually("the app is told", Wait::from_mins(1), || async { (host.bodies().len() == 2).then_some(()) })
        .await;
    is_logout_token(&logout_token(&host.bodies()[1]).unwrap(), (&issuer, &scene.app.id), &two);
}
