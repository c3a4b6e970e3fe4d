//! How long refresh tokens live, with a clock that is set.

use hilum::http::state::State;
use hilum::platform::clock::Clock;
use hilum::protocol::error::Failure;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::faults::within;
use crate::harness::{App, Browser, Credential, OPAQUE, World};

/// The server's parts with a clock of the test's own.
pub struct Inside {
    /// The clock.
    pub clock: Clock,
    state: State,
}

/// What a token request gave.
#[derive(Debug)]
pub struct Given {
    /// The access token.
    pub access: String,
    /// The refresh token, empty when there is none.
    pub refresh: String,
}

impl Inside {
    /// The parts of a world's server, whose clock shows the time it is.
    pub async fn of(world: &World) -> Self {
        let clock = Clock::set_to(OffsetDateTime::from_unix_timestamp(crate::harness::now() + 1).unwrap());
        let state = within::state(world, Some(clock.clone()), &world.database.url()).await;
        Self { clock, state }
    }

    /// The parts of a world's server, with the database's time, and another way to the database.
    pub async fn over(world: &World, url: &str) -> Self {
        let state = within::state(world, None, url).await;
        Self { clock: state.clock.clone(), state }
    }

    /// Redeems a code.
    pub async fn redeem(&self, app: &App, code: &str) -> Result<Given, Failure> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &app.callback),
            ("code_verifier", &app.verifier),
        ];
        self.ask(app, &form).await
    }

    /// Uses a refresh token.
    pub async fn refresh(&self, app: &App, token: &str) -> Result<Given, Failure> {
        self.ask(app, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// A refresh token is refused, for this reason.
    pub async fn refuses(&self, app: &App, token: &str, reason: &str) {
        let Err(Failure::Refusal(refusal)) = self.refresh(app, token).await else {
            panic!("not refused: {reason}")
        };
        assert_eq!((refusal.code().word(), refusal.reason().code()), ("invalid_grant", reason));
    }

    async fn ask(&self, app: &App, form: &[(&str, &str)]) -> Result<Given, Failure> {
        let mut form = [form, &[("client_id", app.id.as_str())]].concat();
        if let Credential::Secret(secret) = &app.credential {
            form.push(("client_secret", secret));
        }
        let answer = self.state.token.respond(&within::request(&form), &self.state.entropy).await?;
        let access = answer.access_token.expose().to_owned();
        let refresh = answer.refresh_token.map(|token| token.expose().to_owned()).unwrap_or_default();
        Ok(Given { access, refresh })
    }

    /// Whether an access token is alive.
    async fn is_alive(&self, token: &str) -> bool {
        use hilum::keys::keyring::Look;
        let live = self.state.tokens.read_live(token, self.clock.now(), Look::Surely).await;
        live.unwrap().is_some()
    }
}

/// A public app for the resource server whose tokens need no signing key, and a code for it.
async fn agreed(world: &World, members: serde_json::Value, scope: &str) -> (App, String) {
    let mut all = json!({"resources": [OPAQUE]});
    for (name, value) in members.as_object().unwrap() {
        all[name] = value.clone();
    }
    let app = App::public(world, all).await;
    let username = format!("p{}", world.audit("user.create").await.len());
    let person = world.person(&username, json!({})).await;
    let request = app.authorize_with(scope, &[("aud", OPAQUE)]);
    let code = Browser::new(world).authorize(&request, &person).await.code();
    (app, code)
}

#[tokio::test]
async fn t08_x7_a_refresh_token_lives_100_days_from_its_last_use_and_to_its_registered_end() {
    let world = World::start().await;
    let scope = "offline_access patient/Observation.rs";
    let (app, code) = agreed(&world, json!({}), scope).await;
    let (limited, of_limited) = agreed(&world, json!({"refresh_token_max_days": 30}), scope).await;

    let inside = Inside::of(&world).await;
    let mut given = inside.redeem(&app, &code).await.unwrap();
    for _ in 0..4 {
        inside.clock.advance(Duration::days(100) - Duration::seconds(1));
        given = inside.refresh(&app, &given.refresh).await.expect("used in time, so renewed");
    }
    assert!(inside.is_alive(&given.access).await);
    inside.clock.advance(Duration::days(100));
    inside.refuses(&app, &given.refresh, "refresh_token_expired").await;

    let inside = Inside::of(&world).await;
    let mut given = inside.redeem(&limited, &of_limited).await.unwrap();
    for _ in 0..3 {
        inside.clock.advance(Duration::days(10) - Duration::seconds(1));
        given = inside.refresh(&limited, &given.refresh).await.expect("used in time");
    }
    assert!(inside.is_alive(&given.access).await);
    inside.clock.advance(Duration::seconds(3));
    inside.refuses(&limited, &given.refresh, "refresh_token_expired").await;
    assert!(!inside.is_alive(&given.access).await, "nothing of the family outlives its end");
}

#[tokio::test]
async fn t10_sm_r_06_online_access_ends_with_the_idle_session_and_offline_access_does_not() {
    let world = World::start().await;
    let (online, of_online) = agreed(&world, json!({}), "online_access patient/Observation.rs").await;
    let both = "online_access offline_access patient/Observation.rs";
    let (narrower, of_narrower) = agreed(&world, json!({}), both).await;
    let (offline, of_offline) = agreed(&world, json!({}), "offline_access patient/Observation.rs").await;

    let inside = Inside::of(&world).await;
    let given = inside.redeem(&online, &of_online).await.unwrap();
    let both = inside.redeem(&narrower, &of_narrower).await.unwrap();
    let kept = inside.redeem(&offline, &of_offline).await.unwrap();
    // A session may be left alone for 15 minutes, and was for some seconds already.
    inside.clock.advance(Duration::minutes(13));
    let given = inside.refresh(&online, &given.refresh).await.unwrap();
    let both = inside.refresh(&narrower, &both.refresh).await.unwrap();
    assert!(inside.is_alive(&given.access).await);
    // An app that refreshes is not a person at the browser.
    inside.clock.advance(Duration::minutes(2));
    inside.refuses(&online, &given.refresh, "session_ended").await;
    inside.refuses(&narrower, &both.refresh, "session_ended").await;
    assert!(!inside.is_alive(&given.access).await);
    inside.refresh(&offline, &kept.refresh).await.unwrap();
}
