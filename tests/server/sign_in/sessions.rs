//! How long a browser stays signed in.

use hilum::platform::clock::Clock;
use reqwest::Method;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::in_process::InProcess;
use crate::authorize::PATIENT_SCOPE;
use crate::faults::within;
use crate::harness::{App, Browser, World};

fn later() -> Clock {
    Clock::set_to(OffsetDateTime::from_unix_timestamp(crate::harness::now() + 2).unwrap())
}

#[tokio::test]
async fn l14_a_session_that_is_left_alone_ends_and_one_that_is_used_ends_too_in_the_end() {
    let world = World::start().await;
    let (app, pat) = (App::secret(&world, json!({})).await, world.patient_person().await);
    let clock = later();
    let state = within::state(&world, Some(clock.clone()), &world.database.url()).await;
    let mut browser = InProcess::new(&state);
    let sign_in = async |browser: &mut InProcess<'_>| {
        let interaction = browser.begin(&app, &[("prompt", "login")]).await.unwrap();
        let form = browser.form(interaction).await;
        browser.sign_in(&form, "pat", &pat.password).await.unwrap();
        assert!(browser.is_signed_in(&app).await);
    };
    sign_in(&mut browser).await;
    for _ in 0..3 {
        clock.advance(Duration::seconds(15 * 60 - 1));
        assert!(browser.is_signed_in(&app).await, "each use counts");
    }
    clock.advance(Duration::minutes(15));
    assert!(!browser.is_signed_in(&app).await, "left alone");
    clock.advance(Duration::minutes(-5));
    assert!(browser.is_signed_in(&app).await, "only time had ended it");

    sign_in(&mut browser).await;
    for _ in 0..71 {
        clock.advance(Duration::minutes(10));
        assert!(browser.is_signed_in(&app).await);
    }
    clock.advance(Duration::seconds(10 * 60 - 1));
    assert!(browser.is_signed_in(&app).await);
    clock.advance(Duration::seconds(1));
    assert!(!browser.is_signed_in(&app).await, "12 hours are the end, however much it was used");
}

#[tokio::test]
async fn an_interaction_has_an_end_too() {
    let world = World::start().await;
    let app = App::secret(&world, json!({})).await;
    let clock = later();
    let state = within::state(&world, Some(clock.clone()), &world.database.url()).await;
    let mut browser = InProcess::new(&state);
    let interaction = browser.begin(&app, &[]).await.unwrap();
    clock.advance(Duration::minutes(30));
    let view = state.authorization.login_view(&interaction.to_string(), &browser.visit).await;
    let trouble = view.map(|_| ()).unwrap_err();
    assert!(format!("{trouble:?}").contains("interaction_expired"), "{trouble:?}");
}

#[tokio::test]
async fn l14_t09_who_is_stopped_or_has_a_new_password_is_signed_in_nowhere() {
    let world = World::with_processes(2).await;
    let app = App::secret(&world, json!({})).await;
    for (username, step) in [("a", "disable"), ("b", "reset")] {
        let person = world.person(username, json!({})).await;
        let mut browsers = Vec::new();
        for index in [0, 1] {
            let mut browser = Browser::at(world.public_of(index));
            browser.authorize(&app.authorize_url(PATIENT_SCOPE), &person).await.code();
            browsers.push(browser);
        }
        // One is in the middle of something.
        let question = browsers[0].open(&app.authorize_with(PATIENT_SCOPE, &[("prompt", "consent")])).await;
        let path = format!("/admin/v1/users/{}/{step}", person.subject);
        assert_eq!(world.administer(Method::POST, &path, None).await.status, 200);
        for browser in &mut browsers {
            let page = browser.open(&app.authorize_url(PATIENT_SCOPE)).await;
            assert!(page.asks_to_sign_in(), "{step}");
            browser.try_password(&page, username, &person.password).await.shows(400);
        }
        let page = browsers[0].allow(&question).await;
        assert!(page.asks_to_sign_in(), "{step}");
    }
}
