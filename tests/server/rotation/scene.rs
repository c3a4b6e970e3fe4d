//! Rotation in accelerated time: several processes' rings on one database, under a clock that is set.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::future::join_all;
use hilum::admin::Administration;
use hilum::app::Ground;
use hilum::config::Config;
use hilum::jobs;
use hilum::jose::algorithm::Algorithm;
use hilum::jose::jws::UnverifiedJws;
use hilum::keys::keyring::KeyRing;
use hilum::keys::publication;
use hilum::keys::rotation::{self, Schedule};
use hilum::moment::{Timestamp, seconds};
use hilum::platform::clock::Clock;
use hilum::store::connect;
use serde_json::{Map, json};
use time::Duration;

use super::ResourceServer;
use crate::harness::{Database, World};

/// How many processes there are.
const PROCESSES: usize = 3;
/// How long a process may take to read the keys again, in seconds: the longest that is allowed for.
const READS_EACH: i64 = 10;
/// How long a token lives, in seconds.
const TOKEN: i64 = 150;

struct Node {
    administration: Administration,
    keys: KeyRing,
}

async fn node(world: &World, clock: Clock) -> Node {
    let url = world.database.url();
    let text = std::fs::read_to_string(world.config()).expect("a configuration");
    let config = Config::parse(&text, [("DATABASE_URL".to_owned(), url.clone())]).expect("a configuration");
    let options = connect::options(&url).expect("a database URL");
    let db = connect::readers(&options, 1);
    let Ground { administration, keys, .. } =
        Ground::over(&config, &options, db, clock).await.expect("a ground");
    Node { administration, keys }
}

/// Runs the schedule as a process does; the answer is how many keys it made.
async fn keep_current(node: &Node, schedule: Schedule) -> usize {
    let event = jobs::event(&node.administration, &Arc::from("scene"), "keys.announce").expect("a record");
    let Administration { db, ledger, clock, custody, .. } = &node.administration;
    let event = (event, clock.clone());
    rotation::keep_current((db, ledger), custody.clone(), event, schedule).await.expect("keys")
}

/// What came of a run.
struct Ran {
    rotations: usize,
    judged: usize,
    failed: Vec<String>,
}

async fn run(schedule: Schedule, total: i64) -> Ran {
    let world = World::configured(0, "", Database::url).await;
    let begin = Timestamp::from_unix_timestamp(1_800_000_000).expect("a time");
    let clock = Clock::set_to(begin);
    let mut nodes = Vec::new();
    for _ in 0..PROCESSES {
        nodes.push(node(&world, clock.clone()).await);
    }
    let made = join_all(nodes.iter().map(|node| keep_current(node, schedule))).await;
    assert_eq!(made.iter().sum::<usize>(), 3, "of those who begin at once one makes the keys: {made:?}");
    for node in &nodes {
        node.keys.refresh(clock.now()).await.expect("keys");
    }
    let mut servers: Vec<ResourceServer> = (0..4).map(|_| ResourceServer::default()).collect();
    let (mut living, mut rotations): (VecDeque<(i64, String)>, usize) = (VecDeque::new(), 0);
    for second in 1..=total {
        clock.advance(Duration::seconds(1));
        let (now, at) = (clock.now(), usize::try_from(second).expect("a number"));
        for (index, node) in nodes.iter().enumerate() {
            // Each at its own moment, and as late as it may.
            if (second + 3 * i64::try_from(index).expect("a number")) % READS_EACH == 0 {
                node.keys.refresh(now).await.expect("keys");
            }
        }
        if second % 5 == 0 {
            // All at once where it comes due for the first time; then by turns.
            let due =
                if rotations == 0 { &nodes[..] } else { std::slice::from_ref(&nodes[at / 5 % PROCESSES]) };
            let made: usize =
                join_all(due.iter().map(|node| keep_current(node, schedule))).await.iter().sum();
            assert!(made == 0 || made == 3, "one process makes the next key of each algorithm: {made}");
            rotations += made / 3;
        }
        let algorithm = if second % 4 == 0 { Algorithm::Rs256 } else { Algorithm::Es256 };
        let claims = Map::from_iter([("exp".to_owned(), json!(seconds(now) + TOKEN))]);
        let signer = &nodes[at % PROCESSES].keys;
        let token = signer.sign(algorithm, "JWT", &claims, now).await.expect("a token");
        let ends = living.front().is_some_and(|(until, _)| *until <= second + 1);
        let ending = if ends { living.pop_front() } else { None };
        for (index, server) in servers.iter_mut().enumerate() {
            if at < 5 * index {
                continue;
            }
            if server.is_due(seconds(now)) {
                let ring = &nodes[(at + index) % PROCESSES].keys;
                let max_age = publication::max_age(ring, schedule, now);
                server.keep(&publication::jwks(ring, now), max_age, seconds(now));
            }
            server.judge(&token, &format!("new at {second} s"));
            if let Some((_, token)) = &ending {
                server.judge(token, &format!("about to expire at {second} s"));
            }
        }
        living.push_back((second + TOKEN, token));
    }
    let records = "select count(*) from audit_event where action = 'keys.announce'";
    assert_eq!(world.database.count(records).await, 1 + i64::try_from(rotations).expect("a number"));
    let judged = servers.iter().map(|server| server.judged).sum();
    Ran { rotations, judged, failed: servers.into_iter().flat_map(|server| server.failed).collect() }
}

#[tokio::test]
async fn inv_23_o07_no_validation_fails_over_many_rotations_where_key_sets_are_cached_as_told() {
    let schedule =
        Schedule { life: Duration::seconds(60), notice: Duration::seconds(30), cache: Duration::seconds(20) };
    assert_eq!(schedule.notice, schedule.lead(), "no second more than is needed");
    let ran = run(schedule, 400).await;
    assert_eq!(ran.failed, [""; 0]);
    assert!(ran.rotations >= 6 && ran.judged > 2000, "{} {}", ran.rotations, ran.judged);
}

/// What holds the test above up: it fails where keys are announced for less.
#[tokio::test]
async fn inv_23_validations_fail_where_keys_are_announced_for_less_than_key_sets_are_cached() {
    let schedule =
        Schedule { life: Duration::seconds(60), notice: Duration::seconds(10), cache: Duration::seconds(20) };
    let ran = run(schedule, 140).await;
    assert!(ran.failed.iter().any(|failed| failed.starts_with("new at ")), "{:?}", ran.failed);
    assert!(ran.failed.iter().all(|failed| failed.contains("is in no key set")), "{:?}", ran.failed);
}

#[tokio::test]
async fn md_05_a_process_that_cannot_read_the_keys_promises_less_and_less() {
    let world = World::configured(0, "", Database::url).await;
    let clock = Clock::set_to(Timestamp::from_unix_timestamp(1_800_000_000).expect("a time"));
    let node = node(&world, clock.clone()).await;
    let schedule =
        Schedule { life: Duration::days(90), notice: Duration::hours(24), cache: Duration::minutes(5) };
    keep_current(&node, schedule).await;
    node.keys.refresh(clock.now()).await.expect("keys");
    let read_at = clock.now();
    for (age, max_age) in [(0, 300), (1, 300), (9, 300), (10, 299), (100, 209), (309, 0), (10_000, 0)] {
        let now = read_at + Duration::seconds(age);
        assert_eq!(publication::max_age(&node.keys, schedule, now), max_age, "{age} s");
    }
}

const LONG: Schedule =
    Schedule { life: Duration::days(90), notice: Duration::hours(24), cache: Duration::minutes(5) };

/// The name of the key that signs, or why nothing is signed.
async fn signer(node: &Node, algorithm: Algorithm, now: Timestamp) -> Result<String, String> {
    let signed = node.keys.sign(algorithm, "JWT", &Map::new(), now).await;
    let token = signed.map_err(|fault| fault.to_string())?;
    Ok(UnverifiedJws::parse(&token).expect("a token").header().kid.clone().expect("a kid"))
}

fn kids(node: &Node, now: Timestamp) -> Vec<String> {
    let set = publication::jwks(&node.keys, now);
    set["keys"].as_array().expect("keys").iter().map(|key| key["kid"].to_string()).collect()
}

#[tokio::test]
async fn f_31_o07_a_key_that_does_not_open_keeps_no_other_from_being_known_or_withdrawn() {
    let world = World::configured(0, "", Database::url).await;
    let clock = Clock::set_to(Timestamp::from_unix_timestamp(1_800_000_000).expect("a time"));
    let node = node(&world, clock.clone()).await;
    assert_eq!(keep_current(&node, LONG).await, 3);
    node.keys.refresh(clock.now()).await.expect("keys");
    let first = signer(&node, Algorithm::Es256, clock.now()).await.expect("a token");
    let rsa = signer(&node, Algorithm::Rs256, clock.now()).await.expect("a token");

    // The next keys are there, and the next one of ES256 does not open.
    clock.advance(Duration::days(89));
    assert_eq!(keep_current(&node, LONG).await, 3);
    let next = "algorithm = 'ES256' and retires_at is null";
    let sealed = format!("select encode(sealed_private_key, 'hex') from signing_key where {next}");
    let sealed = world.database.text(&sealed).await;
    let put = async |hex: &str| {
        let update =
            format!("update signing_key set sealed_private_key = decode('{hex}', 'hex') where {next}");
        world.database.execute(&update).await;
    };
    put("00").await;
    node.keys.refresh(clock.now()).await.expect("what was read");
    assert_eq!(kids(&node, clock.now()).len(), 6, "it is announced all the same");
    assert_eq!(node.keys.obstacle(clock.now()), None, "nobody needs it yet");
    assert_eq!(signer(&node, Algorithm::Es256, clock.now()).await, Ok(first));
    world.database.execute(&format!("update signing_key set withdrawn_at = now() where kid = '{rsa}'")).await;
    node.keys.refresh(clock.now()).await.expect("what was read");
    assert_eq!(kids(&node, clock.now()).len(), 5, "what was revoked is gone");

    // It is to sign.
    clock.advance(Duration::days(2));
    node.keys.refresh(clock.now()).await.expect("what was read");
    assert_eq!(node.keys.obstacle(clock.now()), Some("the active signing key could not be opened"));
    let kid = world.database.text(&format!("select kid from signing_key where {next}")).await;
    let told = signer(&node, Algorithm::Es256, clock.now()).await.expect_err("a fault");
    assert!(told.contains(&kid) && told.contains("could not be opened"), "{told}");
    assert!(signer(&node, Algorithm::Ps256, clock.now()).await.is_ok(), "another algorithm signs");
    // It opens again: at the latest after a pause.
    put(&sealed).await;
    clock.advance(Duration::seconds(65));
    node.keys.refresh(clock.now()).await.expect("what was read");
    assert_eq!(signer(&node, Algorithm::Es256, clock.now()).await, Ok(kid));
    assert_eq!(node.keys.obstacle(clock.now()), None);

    nothing_unread_signs(&world, &node, &clock).await;
}

/// What cannot be read for a minute signs no more.
async fn nothing_unread_signs(world: &World, node: &Node, clock: &Clock) {
    world.database.execute("alter table signing_key rename to signing_key_away").await;
    clock.advance(Duration::seconds(59));
    assert!(signer(node, Algorithm::Es256, clock.now()).await.is_ok(), "a while goes on");
    clock.advance(Duration::SECOND);
    assert!(signer(node, Algorithm::Es256, clock.now()).await.is_err());
    let unread = "the signing keys have not been read for a minute";
    assert_eq!(node.keys.obstacle(clock.now()), Some(unread));
    world.database.execute("alter table signing_key_away rename to signing_key").await;
    clock.advance(Duration::SECOND);
    assert!(signer(node, Algorithm::Es256, clock.now()).await.is_ok(), "whoever signs reads them");
}
