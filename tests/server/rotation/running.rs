//! Rotation under load, in real time: `scripts/faults rotation` runs it for as long as it is told.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hilum::jose::algorithm::Algorithm;
use reqwest::Method;
use serde_json::json;
use tokio::sync::Mutex;

use super::ResourceServer;
use crate::harness::{Backend, Database, FHIR, World, now};

/// A key each minute, announced as short as may be.
const SCHEDULE: &str = "[tokens]\nsigning_key_seconds = 60\nsigning_key_notice_seconds = 30\njwks_seconds = 20\n\
                        system_seconds = 60\n";
/// How many ask at once.
const WORKERS: usize = 4;
/// Which of the tokens are judged once more before they expire: one of so many.
const KEPT: usize = 10;

#[expect(clippy::disallowed_methods, reason = "scripts/faults tells how long")]
fn minutes() -> u64 {
    std::env::var("HILUM_TEST_MINUTES").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

/// What everybody who asks shares.
struct Load {
    world: World,
    backends: [Backend; 2],
    servers: [Mutex<ResourceServer>; 2],
    kept: Mutex<Vec<(i64, String)>>,
    issued: AtomicUsize,
    refused: Mutex<Vec<String>>,
    over: AtomicBool,
}

impl Load {
    /// Both resource servers judge a token; each fetches from a process of its own when its set may be used no more.
    async fn judge(&self, token: &str, when: &str) {
        for (index, server) in self.servers.iter().enumerate() {
            let mut server = server.lock().await;
            if server.is_due(now()) {
                let answer = self.world.public_of(index).get("/oauth2/jwks").await;
                let told =
                    answer.header("cache-control").and_then(|value| value.strip_prefix("public, max-age="));
                let max_age = told.and_then(|seconds| seconds.parse().ok()).expect("how long it may be kept");
                server.keep(&answer.json(), max_age, now());
            }
            server.judge(token, when);
        }
    }

    async fn ask(&self, worker: usize) {
        let peers = [self.world.public_of(0), self.world.public_of(1)];
        let mut at = worker;
        while !self.over.load(Ordering::Relaxed) {
            at += 1;
            let answer = self.backends[at % 2].ask(&self.world, &peers[at / 2 % 2], "system/Claim.rs").await;
            if answer.status != 200 {
                self.refused.lock().await.push(answer.text);
                continue;
            }
            let token = answer.token();
            self.judge(&token, "new").await;
            if self.issued.fetch_add(1, Ordering::Relaxed).is_multiple_of(KEPT) {
                self.kept.lock().await.push((now() + 58, token));
            }
        }
    }

    /// Judges what was kept, shortly before it expires.
    async fn ask_again(&self) {
        while !self.over.load(Ordering::Relaxed) {
            let due: Vec<String> = {
                let mut kept = self.kept.lock().await;
                let at = kept.iter().position(|(at, _)| *at > now()).unwrap_or(kept.len());
                kept.drain(..at).map(|(_, token)| token).collect()
            };
            for token in due {
                self.judge(&token, "about to expire").await;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

async fn begun() -> Load {
    let world = World::configured(2, SCHEDULE, Database::url).await;
    let lab = "https://lab.example/r4";
    let document = json!({"name": "lab", "title": "Laboratory", "url": lab, "scope": "system/*.cruds",
        "token_signing_alg": "RS256"});
    assert_eq!(world.administer(Method::POST, "/admin/v1/resources", Some(document)).await.status, 201);
    let backends = [
        Backend::register(&world, Algorithm::Es256, json!({"resources": [FHIR]})).await,
        Backend::register(&world, Algorithm::Es256, json!({"resources": [lab]})).await,
    ];
    Load {
        world,
        backends,
        servers: [Mutex::default(), Mutex::default()],
        kept: Mutex::default(),
        issued: AtomicUsize::new(0),
        refused: Mutex::default(),
        over: AtomicBool::new(false),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes as long as it is told: scripts/faults rotation"]
#[expect(clippy::disallowed_methods, reason = "a measurement looks at a clock")]
#[expect(clippy::print_stdout, reason = "the figure is what it is run for")]
async fn inv_23_under_load_in_real_time() {
    let load = begun().await;
    let (begin, most) = (Instant::now(), Duration::from_secs(60 * minutes()));
    let end = async {
        tokio::time::sleep(most).await;
        load.over.store(true, Ordering::Relaxed);
    };
    let asking = futures_util::future::join_all((0..WORKERS).map(|worker| load.ask(worker)));
    tokio::join!(end, asking, load.ask_again());
    let took = begin.elapsed().as_secs_f64() / 60.0;
    let rotations = "select count(*) - 1 from audit_event where action = 'keys.announce'";
    let rotations = load.world.database.count(rotations).await;
    let servers = load.servers.map(Mutex::into_inner);
    let sum = |of: fn(&ResourceServer) -> usize| servers.iter().map(of).sum::<usize>();
    let refused = load.refused.into_inner();
    println!(
        "rotation: {took:.1} minutes, 2 processes, {} tokens ({} not issued), {rotations} times the next keys, {} key \
         sets fetched, {} validations, {} failed",
        load.issued.into_inner(),
        refused.len(),
        sum(|server| server.fetched),
        sum(|server| server.judged),
        sum(|server| server.failed.len()),
    );
    for server in &servers {
        assert_eq!(server.failed, [""; 0]);
    }
    assert_eq!(refused, [""; 0]);
    // On a busy machine each comes a little later than a minute after the one before.
    let minutes = i64::try_from(minutes()).expect("a number");
    assert!(rotations >= minutes - minutes / 10 - 1, "{rotations}");
}
