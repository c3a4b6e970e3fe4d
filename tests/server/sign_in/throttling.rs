//! How often one may try (NIST SP 800-63B).

use std::collections::BTreeMap;

use hilum::authorize::login::Notice;
use hilum::platform::clock::Clock;
use hilum::protocol::secret::Secret;
use reqwest::Method;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::in_process::InProcess;
use crate::authorize::{PATIENT_SCOPE, reasons};
use crate::faults::within;
use crate::harness::{App, Browser, World};

#[tokio::test]
async fn l04_l17_the_wait_grows_to_a_hard_end_but_not_for_a_device_that_is_known() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let clock = Clock::set_to(OffsetDateTime::from_unix_timestamp(crate::harness::now() + 2).unwrap());
    let state = within::state(&world, Some(clock.clone()), &world.database.url()).await;
    let mut own = InProcess::new(&state);
    let interaction = own.begin(&app, &[]).await.unwrap();
    let form = own.form(interaction).await;
    own.sign_in(&form, "pat", &pat.password).await.unwrap();

    let mut stranger = InProcess::new(&state);
    for failure in 1_u32..=100 {
        // A form is good for half an hour.
        let interaction = stranger.begin(&app, &[]).await.unwrap();
        let form = stranger.form(interaction).await;
        let answer = stranger.sign_in(&form, "pat", "wrong").await;
        assert_eq!(answer, Err(Notice::Wrong), "attempt {failure}");
        if (4..100).contains(&failure) {
            let wait = i64::from(2_u32.pow(failure.saturating_sub(4).min(12))).min(900);
            // Not even the right one is looked at.
            let answer = stranger.sign_in(&form, "PAT", &pat.password).await;
            assert_eq!(answer, Err(Notice::Wait { seconds: wait }), "after {failure}");
            clock.advance(Duration::seconds(wait - 1));
            assert_eq!(stranger.sign_in(&form, "pat", "x").await, Err(Notice::Wait { seconds: 1 }));
            clock.advance(Duration::seconds(1));
        }
    }
    clock.advance(Duration::DAY);
    let interaction = stranger.begin(&app, &[]).await.unwrap();
    let form = stranger.form(interaction).await;
    let answer = stranger.sign_in(&form, "pat", &pat.password).await;
    assert_eq!(answer, Err(Notice::Wait { seconds: 900 }), "100 in a row are the end");
    let interaction = own.begin(&app, &[]).await.unwrap();
    let form = own.form(interaction).await;
    own.sign_in(&form, "pat", &pat.password).await.unwrap();
    let mut copied = InProcess::new(&state);
    let mark = own.visit.device.as_ref().unwrap().expose().to_owned();
    copied.visit.device = Some(Secret::new(format!("{}AAAA", &mark[4..])));
    let interaction = copied.begin(&app, &[]).await.unwrap();
    let form = copied.form(interaction).await;
    assert!(copied.sign_in(&form, "pat", &pat.password).await.is_err(), "a mark that was made up is none");

    // A security officer is told once, and a reset lets the person in again, with no device known any more.
    let alerts = world.administer(Method::GET, "/admin/v1/alerts", None).await.json();
    let kinds: Vec<&str> =
        alerts["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["account_held"]);
    assert_eq!(alerts["items"][0]["person"], json!(pat.subject));
    let path = format!("/admin/v1/users/{}/reset", pat.subject);
    let reset = world.administer(Method::POST, &path, Some(json!({}))).await.json();
    let password = reset["password"].as_str().unwrap();
    let interaction = stranger.begin(&app, &[]).await.unwrap();
    let form = stranger.form(interaction).await;
    stranger.sign_in(&form, "pat", password).await.unwrap();
    // Everybody but a device that is known is held now.
    let held = "update sign_in_attempts set failures = 100, blocked_until = 'epoch' where kind = 'account'";
    world.database.execute(held).await;
    let mut before = InProcess::new(&state);
    before.visit.device = Some(Secret::new(mark));
    let interaction = before.begin(&app, &[]).await.unwrap();
    let form = before.form(interaction).await;
    assert!(before.sign_in(&form, "pat", password).await.is_err(), "a mark of before the reset is none");
}

#[tokio::test]
async fn l07_a_network_that_tries_one_password_with_many_accounts_has_to_wait() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let clock = Clock::set_to(OffsetDateTime::from_unix_timestamp(crate::harness::now() + 2).unwrap());
    let state = within::state(&world, Some(clock.clone()), &world.database.url()).await;
    let mut known = InProcess::new(&state);
    let interaction = known.begin(&app, &[]).await.unwrap();
    let form = known.form(interaction).await;
    known.sign_in(&form, "pat", &pat.password).await.unwrap();
    let mut sprayer = InProcess::new(&state);
    let interaction = sprayer.begin(&app, &[]).await.unwrap();
    let form = sprayer.form(interaction).await;
    for account in 0..100 {
        let answer = sprayer.sign_in(&form, &format!("user-{account}"), "violet tractor pencil").await;
        assert_eq!(answer, Err(Notice::Wrong), "{account}");
    }
    let answer = sprayer.sign_in(&form, "pat", &pat.password).await;
    assert_eq!(answer, Err(Notice::Wait { seconds: 600 }));
    let interaction = known.begin(&app, &[("prompt", "login")]).await.unwrap();
    let own = known.form(interaction).await;
    known.sign_in(&own, "pat", &pat.password).await.unwrap();
    // Its neighbour in the same network waits too, and nobody else.
    sprayer.visit.origin.peer = Some([127, 0, 0, 77].into());
    assert!(sprayer.sign_in(&form, "pat", &pat.password).await.is_err());
    sprayer.visit.origin.peer = Some([127, 0, 1, 1].into());
    sprayer.sign_in(&form, "pat", &pat.password).await.unwrap();
}

#[tokio::test]
async fn l05_many_attempts_at_once_in_two_processes_are_counted_one_by_one() {
    let world = World::with_processes(2).await;
    let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
    let mut forms = Vec::new();
    for index in [0, 1] {
        let mut browser = Browser::at(world.public_of(index));
        let form = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
        forms.push((browser, form));
    }
    let all = (0..200_usize).map(|index| {
        let (browser, form) = &forms[index % 2];
        let mut browser = browser.clone();
        // A machine that is too busy says so with 503, and is asked again.
        async move {
            let mut busy = 0_usize;
            loop {
                let page = browser.try_password(form, "pat", &format!("wrong {index}")).await;
                if page.answer.status != 503 {
                    return (page.answer.status, busy);
                }
                busy += 1;
            }
        }
    });
    let (mut counts, mut busy): (BTreeMap<u16, usize>, usize) = (BTreeMap::new(), 0);
    for (status, before) in futures_util::future::join_all(all).await {
        *counts.entry(status).or_default() += 1;
        busy += before;
    }
    assert_eq!(counts.values().sum::<usize>(), 200);
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [400, 429], "{counts:?}");
    assert!(counts[&400] <= 12, "{counts:?}");
    let failures = world.database.count("select max(failures) from sign_in_attempts").await;
    let reasons = reasons(&world, "sign_in").await;
    let looked_at = reasons.iter().filter(|reason| *reason == "credentials_wrong").count();
    // One that was told to come again may have been counted, and looked at, by then.
    let counted = usize::try_from(failures).unwrap();
    assert!(
        (looked_at..=looked_at + busy).contains(&counted),
        "each that was let through was counted, and no other: {failures} of {looked_at}, {busy}"
    );
    assert!((counts[&400]..=counts[&400] + busy).contains(&looked_at), "{looked_at}: {counts:?}, {busy}");

    // Who succeeds begins anew, and the network has one failure less.
    world.database.execute("update sign_in_attempts set blocked_until = 'epoch'").await;
    let (browser, form) = &mut forms[0];
    assert_eq!(browser.try_password(form, "pat", &pat.password).await.answer.status, 303);
    assert_eq!(world.database.count("select count(*) from sign_in_attempts where failures = 0").await, 2);
    assert_eq!(world.database.count("select max(failures) from sign_in_attempts").await, failures);
}

#[tokio::test]
async fn l17_strangers_do_not_lock_anybody_out_of_a_device_that_is_known() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let mut known = Browser::new(&world);
    known.authorize(&app.authorize_url(PATIENT_SCOPE), &pat).await.code();
    let mut stranger = Browser::new(&world);
    let form = stranger.open(&app.authorize_url(PATIENT_SCOPE)).await;
    for _ in 0..4 {
        stranger.try_password(&form, "pat", "wrong").await.shows(400);
    }
    let hold =
        "update sign_in_attempts set blocked_until = now() + interval '1 hour' where blocked_until > 'epoch'";
    world.database.execute(hold).await;
    assert_eq!(stranger.try_password(&form, "pat", &pat.password).await.answer.status, 429);
    // Nor does a stranger come from somewhere else by saying so (H10).
    for (name, value) in
        [("x-forwarded-for", "10.1.2.3"), ("forwarded", "for=10.1.2.3"), ("x-real-ip", "10.1.2.3")]
    {
        let mut elsewhere = Browser { headers: vec![(name, value.to_owned())], ..stranger.clone() };
        assert_eq!(elsewhere.try_password(&form, "pat", &pat.password).await.answer.status, 429, "{name}");
    }
    // Who is signed in stays so, and may sign in again where they have before.
    known.open(&app.authorize_url(PATIENT_SCOPE)).await.code();
    let form = known.open(&app.authorize_with(PATIENT_SCOPE, &[("prompt", "login")])).await;
    known.sign_in(&form, &pat).await.code();
    // The mark is of this account alone.
    let sam = world.person("sam", json!({})).await;
    let mut other = Browser::new(&world);
    other.authorize(&app.authorize_url("openid"), &sam).await.code();
    other.cookies.remove("__Host-hilum_session");
    let form = other.open(&app.authorize_url(PATIENT_SCOPE)).await;
    assert_eq!(other.try_password(&form, "pat", &pat.password).await.answer.status, 429);
}
