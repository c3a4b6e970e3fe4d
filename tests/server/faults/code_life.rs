//! The life of a code, with a clock that is set.

use hilum::platform::clock::Clock;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use super::within;
use crate::harness::{App, Browser, World, now};

/// Redeems a code so many seconds from now by the clock of another process.
async fn redeemed_after(world: &World, app: &App, code: &str, seconds: i64) -> Result<(), String> {
    let at = OffsetDateTime::from_unix_timestamp(now()).unwrap() + Duration::seconds(seconds);
    let state = within::state(world, Some(Clock::set_to(at)), &world.database.url()).await;
    let request = within::request(&[
        ("grant_type", "authorization_code"),
        ("client_id", &app.id),
        ("code", code),
        ("redirect_uri", &app.callback),
        ("code_verifier", &app.verifier),
    ]);
    let outcome = state.token.respond(&request, &state.entropy).await;
    outcome.map(drop).map_err(|failure| format!("{failure:?}"))
}

#[tokio::test]
async fn c05_sm_a_15_a_code_is_good_for_a_minute_and_as_long_as_is_configured_and_no_longer() {
    for (more, life) in [("", 60), ("[tokens]\ncode_seconds = 40", 40)] {
        let world = World::configured(1, more, crate::harness::Database::url).await;
        let (app, pat) = (App::public(&world, json!({})).await, world.patient_person().await);
        let mut browser = Browser::new(&world);
        let late = app.code(&mut browser, &pat, "openid").await;
        let lived = "select extract(epoch from expires_at - issued_at)::bigint from authorization_code";
        assert_eq!(world.database.count(lived).await, life);
        let refused = redeemed_after(&world, &app, &late, life + 1).await.unwrap_err();
        assert!(refused.contains("InvalidGrant") && refused.contains("code_expired"), "{refused}");
        // Stepped on one process alone: to the others, whose time is right, it is still good.
        app.redeem(&world.public(), &late).await.granted();
        let in_time = app.code(&mut browser, &pat, "openid").await;
        redeemed_after(&world, &app, &in_time, life - 5).await.unwrap();
    }
}
