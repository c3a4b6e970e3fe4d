//! The server's parts inside the test's own process, where a clock can be set and a future dropped.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use hilum::app::{self, Ground};
use hilum::clients::evidence::Evidence;
use hilum::config::Config;
use hilum::http::state::State;
use hilum::model::audit_event::Origin;
use hilum::oidc::backchannel_logout::LogoutNotifier;
use hilum::platform::clock::Clock;
use hilum::platform::telemetry;
use hilum::protocol::dpop;
use hilum::protocol::params::Params;
use hilum::store::connect;
use hilum::tokens::request::Request;

use crate::harness::World;

/// The parts of a world's server, with a clock of the test's own when it gives one,
/// and a way to its database.
pub async fn state(world: &World, clock: Option<Clock>, url: &str) -> State {
    parts(world, clock, url).await.0
}

/// The parts of a world's server, and what tells clients that sessions have ended.
pub async fn parts(world: &World, clock: Option<Clock>, url: &str) -> (State, LogoutNotifier) {
    let variables = [("DATABASE_URL".to_owned(), url.to_owned())];
    let text = std::fs::read_to_string(world.config()).expect("a configuration");
    let config = Config::parse(&text, variables).expect("a configuration");
    let options = connect::options(url).expect("a database URL");
    let db = connect::readers(&options, 4);
    let clock = match clock {
        Some(clock) => clock,
        None => Clock::following(hilum::store::now(&db)).await.expect("the time"),
    };
    let ground = Box::pin(Ground::over(&config, &options, db, clock)).await.expect("a ground");
    let metrics = telemetry::metrics();
    ground.prepare_keys().await.expect("keys");
    let (anchors, rule) = app::read_trust(&config.tls).expect("anchors");
    let communities = &ground.administration.communities;
    communities.configure(anchors, rule);
    communities.revocations.replace(app::read_revocations(&config.tls).expect("lists"));
    let notifier = ground.notifier(&config);
    let state = app::compose(&config, &ground, metrics, app::Beside::Nothing).expect("a server");
    (state, notifier)
}

/// What a request shows that shows nothing.
fn evidence(origin: Origin) -> Evidence {
    Evidence {
        authorization: None,
        certificate: None,
        disbelieved: None,
        dpop: dpop::Header::None,
        target: dpop::Target::default(),
        origin,
    }
}

/// A request without certificate.
pub fn request(form: &[(&str, &str)]) -> Request {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let origin = Origin {
        peer: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        certificate: None,
        request: uuid::Uuid::nil(),
        process: Arc::from("within"),
    };
    let params = Params::parse_form(body.as_bytes()).unwrap_or_else(|_| panic!("a form"));
    Request { params, evidence: evidence(origin) }
}
