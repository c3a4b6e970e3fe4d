//! One round: so many connections ask as fast as they are answered, first to warm up, then counted.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Outcome;
use crate::processes::Watched;
use crate::wire::{Answer, Connection, Target, find};

/// How many connections ask at the same time.
pub(crate) const CONNECTIONS: usize = 32;

const WARM_UP: Duration = Duration::from_secs(1);

const WARMING: u8 = 0;
const COUNTING: u8 = 1;
const ENDED: u8 = 2;

/// What one connection asks.
#[derive(Clone)]
pub(crate) enum Source {
    /// The same few requests again and again.
    Cycle(Arc<Vec<Vec<u8>>>),
    /// Each request once, shared by all connections.
    Supply(Arc<Supply>),
    /// Each request made from the answer before.
    Chain(Chain),
}

/// Requests that were made ahead.
pub(crate) struct Supply {
    requests: Vec<Vec<u8>>,
    next: AtomicUsize,
}

/// Makes a request of a token.
pub(crate) type Writer = Arc<dyn Fn(&str) -> Vec<u8> + Send + Sync>;

/// A refresh token that is rotated, and how a request is made of it.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) token: String,
    pub(crate) request: Writer,
}

impl Supply {
    pub(crate) fn of(requests: Vec<Vec<u8>>) -> Arc<Self> {
        Arc::new(Self { requests, next: AtomicUsize::new(0) })
    }
}

/// What is asked in a round, and by which word in the answer success is known.
pub(crate) struct Load {
    pub(crate) target: Target,
    pub(crate) sources: Vec<Source>,
    pub(crate) marker: &'static str,
}

/// What a round came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    pub(crate) server_micros: f64,
    /// The part of it that the kernel worked.
    pub(crate) system_micros: f64,
    pub(crate) database_micros: f64,
    pub(crate) p50_micros: u32,
    pub(crate) p99_micros: u32,
}

impl Round {
    pub(crate) fn per_second(&self) -> f64 {
        number(self.requests) / self.seconds
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "requests": self.requests, "seconds": self.seconds, "per_second": self.per_second(),
            "server_micros": self.server_micros, "system_micros": self.system_micros, "database_micros": self.database_micros,
            "p50_micros": self.p50_micros, "p99_micros": self.p99_micros,
        })
    }
}

/// A count as a number to divide by; exact far beyond what is counted here.
pub(crate) fn number(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

struct Shared {
    phase: AtomicU8,
    over: AtomicBool,
    failure: Mutex<Option<String>>,
    answered: AtomicU64,
}

impl Shared {
    fn fail(&self, error: &str) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert_with(|| error.to_owned());
        self.over.store(true, Ordering::Relaxed);
    }

    fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// Runs a round of so many seconds, or until what was made ahead is used up.
pub(crate) fn round(load: Load, watched: Watched, counted: Duration) -> Outcome<Round> {
    let shared = Shared {
        phase: AtomicU8::new(WARMING),
        over: AtomicBool::new(false),
        failure: Mutex::new(None),
        answered: AtomicU64::new(0),
    };
    let Load { target, sources, marker } = load;
    let mut connections = Vec::new();
    for _ in &sources {
        connections.push(target.connect()?);
    }
    let (times, measured) = thread::scope(|scope| {
        let threads: Vec<_> = connections
            .into_iter()
            .zip(sources)
            .enumerate()
            .map(|(at, (connection, source))| {
                let shared = &shared;
                scope.spawn(move || ask_on(connection, Asking { source, at, marker }, shared))
            })
            .collect();
        let measured = watch(&shared, watched, counted);
        shared.phase.store(ENDED, Ordering::Relaxed);
        let times: Vec<u32> =
            threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect();
        (times, measured)
    });
    if let Some(failure) = shared.failure() {
        return Err(failure.into());
    }
    let mut round = measured?;
    (round.p50_micros, round.p99_micros) = percentiles(times);
    Ok(round)
}

/// Waits for the warm-up, then for the counted time, and takes the difference.
fn watch(shared: &Shared, watched: Watched, counted: Duration) -> Outcome<Round> {
    rest(shared, WARM_UP);
    let before = watched.used()?;
    let first = shared.answered.load(Ordering::Relaxed);
    let begin = Instant::now();
    shared.phase.store(COUNTING, Ordering::Relaxed);
    if shared.over() {
        return Err("what was made ahead was used up in the warm-up".into());
    }
    rest(shared, counted);
    let seconds = begin.elapsed().as_secs_f64();
    let requests = shared.answered.load(Ordering::Relaxed) - first;
    let after = watched.used()?;
    if requests == 0 {
        return Err("nothing was answered".into());
    }
    let each = |used: Duration| used.as_secs_f64() * 1e6 / number(requests);
    Ok(Round {
        requests,
        seconds,
        server_micros: each(after.server.saturating_sub(before.server)),
        system_micros: each(after.system.saturating_sub(before.system)),
        database_micros: each(after.database.saturating_sub(before.database)),
        ..Round::default()
    })
}

fn rest(shared: &Shared, time: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < time && !shared.over() {
        thread::sleep(Duration::from_millis(2).min(time.saturating_sub(begin.elapsed())));
    }
}

struct Asking {
    source: Source,
    at: usize,
    marker: &'static str,
}

/// Asks until the round has ended; answers with the times of the counted requests.
fn ask_on(mut connection: Connection, mut asking: Asking, shared: &Shared) -> Vec<u32> {
    let mut times = Vec::new();
    loop {
        let phase = shared.phase.load(Ordering::Relaxed);
        if phase == ENDED || shared.over() {
            return times;
        }
        let begin = Instant::now();
        match asking.once(&mut connection) {
            Ok(true) => {}
            Ok(false) => {
                shared.over.store(true, Ordering::Relaxed);
                return times;
            }
            Err(error) => {
                shared.fail(&error.to_string());
                return times;
            }
        }
        shared.answered.fetch_add(1, Ordering::Relaxed);
        if phase == COUNTING {
            times.push(u32::try_from(begin.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }
}

impl Asking {
    /// One request and its answer; `false` when there is none left.
    fn once(&mut self, connection: &mut Connection) -> Outcome<bool> {
        let answer = match &self.source {
            Source::Cycle(requests) => {
                let request = requests.get(self.at % requests.len().max(1)).ok_or("nothing to ask")?;
                self.at += 1;
                connection.ask(request)?
            }
            Source::Supply(supply) => {
                let Some(request) = supply.requests.get(supply.next.fetch_add(1, Ordering::Relaxed)) else {
                    return Ok(false);
                };
                connection.ask(request)?
            }
            Source::Chain(chain) => connection.ask(&(chain.request)(&chain.token))?,
        };
        expect(&answer, self.marker)?;
        if let Source::Chain(chain) = &mut self.source {
            let told = answer.json()?;
            let token = told.get("refresh_token").and_then(Value::as_str);
            let token = token.ok_or("the answer has no refresh_token")?;
            if token == chain.token {
                return Err("the refresh token was not rotated".into());
            }
            token.clone_into(&mut chain.token);
        }
        Ok(true)
    }
}

/// Success, by status and by a word in the body.
pub(crate) fn expect(answer: &Answer, marker: &str) -> Outcome<()> {
    if answer.status == 200 && find(&answer.body, marker.as_bytes()).is_some() {
        return Ok(());
    }
    Err(format!("wanted 200 with {marker}, was answered {}", answer.told()).into())
}

fn percentiles(mut times: Vec<u32>) -> (u32, u32) {
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    (at(50), at(99))
}

/// So many requests on one connection, uncounted.
pub(crate) fn one_by_one(load: Load, count: usize) -> Outcome<()> {
    let Load { target, mut sources, marker } = load;
    let mut connection = target.connect()?;
    let source = sources.pop().ok_or("nothing to ask")?;
    let mut asking = Asking { source, at: 0, marker };
    for _ in 0..count {
        asking.once(&mut connection)?;
    }
    Ok(())
}
