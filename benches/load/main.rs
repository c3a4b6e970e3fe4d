//! The load of `scripts/bench`: starts Hilum and its peer, measures both and what the machine gives,
//! and writes the page.

#![expect(
    clippy::disallowed_methods,
    reason = "it measures a server from outside: its own clock, its own waiting and its own SQL are what it is for"
)]

mod bare;
mod browser;
mod callgrind;
mod drive;
mod hilum;
mod limit;
mod operations;
mod peer;
mod processes;
mod report;
mod wire;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ::hilum::platform::tls;
use clap::{Args, Parser, Subcommand};

use crate::bare::Bare;
use crate::hilum::{Certificate, Dev, Serve, first_answer};
use crate::limit::Database;
use crate::operations::{OPERATIONS, Operation, Side};
use crate::peer::Peer;
use crate::processes::{Running, memory};
use crate::report::{HILUM, PEER, Results};
use crate::wire::Identity;

/// Whatever ends a measurement; it is told as it is.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Outcome<T> = Result<T, Error>;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Measures everything
    Measure(Plan),
    /// Serves the bare request
    Bare { port: u16, certificate: PathBuf, key: PathBuf },
}

#[derive(Args)]
struct Plan {
    /// The release build of hilum
    #[arg(long)]
    hilum: PathBuf,
    /// Node
    #[arg(long)]
    node: PathBuf,
    /// The folder of the peer's server.mjs
    #[arg(long)]
    peer: PathBuf,
    /// An empty folder on a disk
    #[arg(long)]
    work: PathBuf,
    /// Where the raw numbers go
    #[arg(long)]
    json: PathBuf,
    /// Where the page goes
    #[arg(long)]
    page: PathBuf,
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// The counted time of a round, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Only this operation; may be given several times
    #[arg(long)]
    only: Vec<String>,
    /// Count instructions too
    #[arg(long)]
    callgrind: bool,
    /// What the page says of the run: NAME=VALUE
    #[arg(long)]
    about: Vec<String>,
}

fn main() -> ExitCode {
    tls::install();
    let done = match Line::try_parse().unwrap_or_else(|error| error.exit()).what {
        What::Bare { port, certificate, key } => bare::serve(port, &certificate, &key),
        What::Measure(plan) => measure(&plan),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(plan: &Plan) -> Outcome<()> {
    let wanted =
        |operation: &Operation| plan.only.is_empty() || plan.only.iter().any(|word| word == operation.word());
    let operations: Vec<Operation> = OPERATIONS.into_iter().filter(wanted).collect();
    let counted = Duration::from_secs(plan.seconds.into());
    let about = plan.about.iter().filter_map(|pair| pair.split_once('='));
    let about = about.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut results = Results { about, ..Results::default() };

    let ground = Ground::lay(plan)?;
    results.settings = ground.database.settings()?;
    let (server, peer_server) = start_both(plan, &ground, &mut results)?;
    std::thread::sleep(Duration::from_secs(2));
    let idle = [memory(server.pid(), "VmRSS")?, memory(peer_server.pid(), "VmRSS")?];

    let Ground { dev, peer_dev, certificate, serve, peer, database } = ground;
    let sides =
        [hilum::side(&plan.hilum, &dev, &serve, server.pid())?, peer.side(&peer_dev, peer_server.pid())?];
    let bare = Bare::start(&plan.work, &certificate)?;
    let mut pace = Pace::default();
    for round in 1..=plan.rounds {
        println!("round {round} of {}", plan.rounds);
        for operation in &operations {
            for side in &sides {
                measure_one(&mut results, &mut pace, (side, *operation), counted);
            }
        }
        measure_limit(&mut results, &database, &bare, counted)?;
    }
    for (side, pid, idle) in [(HILUM, server.pid(), idle.first()), (PEER, peer_server.pid(), idle.last())] {
        results.memory.insert(side, (idle.copied().unwrap_or_default(), memory(pid, "VmHWM")?));
    }
    if plan.callgrind {
        drop((server, peer_server, bare));
        println!("counting instructions");
        let serve = Serve::configure(&dev, &certificate, "callgrind")?;
        results.instructions = callgrind::count(&plan.hilum, &plan.work, &dev, &serve)?;
    }
    write(plan, &results)
}

/// What both servers need before they start.
struct Ground {
    dev: Dev,
    peer_dev: Dev,
    certificate: Certificate,
    serve: Serve,
    peer: Peer,
    database: Database,
}

impl Ground {
    fn lay(plan: &Plan) -> Outcome<Self> {
        println!("making a private PostgreSQL for each");
        let dev = Dev::start(&plan.hilum, &plan.work, "hilum-data")?;
        let peer_dev = Dev::start(&plan.hilum, &plan.work, "peer-data")?;
        let certificate = Certificate::make(&plan.work)?;
        let serve = Serve::configure(&dev, &certificate, "serve")?;
        let folder = dev.folder.join("dev");
        let payer =
            Identity { certificate: &folder.join("payer-es384.pem"), key: &folder.join("payer-es384.key") };
        let peer = Peer::configure((&plan.node, &plan.peer), &peer_dev, &certificate, &payer)?;
        let database = Database::create(&peer_dev, "measured")?;
        database.prepare()?;
        Ok(Self { dev, peer_dev, certificate, serve, peer, database })
    }
}

/// Starts each as often as there are rounds; the last ones go on.
fn start_both(plan: &Plan, ground: &Ground, results: &mut Results) -> Outcome<(Running, Running)> {
    let Ground { serve, peer, .. } = ground;
    println!("start to first answer, {} times each", plan.rounds);
    let mut both = || -> Outcome<(Running, Running)> {
        let hilum = || Running::start("hilum", &plan.work, &plan.hilum, &serve.arguments);
        let (hilum, time) = first_answer(hilum, &serve.public)?;
        results.starts.entry(HILUM).or_default().push(time.as_secs_f64() * 1000.0);
        let (peer, time) = first_answer(|| peer.start(&plan.work), &peer.public)?;
        results.starts.entry(PEER).or_default().push(time.as_secs_f64() * 1000.0);
        Ok((hilum, peer))
    };
    for _ in 1..plan.rounds {
        both()?;
    }
    both()
}

/// How many requests a second were seen, so that enough is made ahead.
#[derive(Default)]
struct Pace(BTreeMap<(Operation, &'static str), u32>);

impl Pace {
    fn requests(&self, operation: Operation, side: &'static str, counted: Duration) -> usize {
        let guess = if side == PEER {
            700
        } else if operation == Operation::Rs384 {
            7000
        } else {
            4000
        };
        let each = self.0.get(&(operation, side)).copied().unwrap_or(guess);
        // A second to warm up, and a quarter to spare.
        usize::try_from(counted.as_secs() + 1).unwrap_or(1) * usize::try_from(each).unwrap_or(1) * 5 / 4
    }

    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is far from any bound"
    )]
    fn saw(&mut self, operation: Operation, side: &'static str, per_second: f64) {
        self.0.insert((operation, side), per_second as u32 + 1);
    }
}

/// One round on one side. A failure is kept, and the operation is not asked again there.
fn measure_one(
    results: &mut Results,
    pace: &mut Pace,
    (side, operation): (&Side, Operation),
    counted: Duration,
) {
    let at = (operation, side.name);
    if results.failures.contains_key(&at) {
        return;
    }
    if operation.spends() {
        println!("  {}, {}: making requests ahead", operation.name(), side.name);
    }
    let wanted = pace.requests(operation, side.name, counted);
    let round = side.prepare(operation, wanted).and_then(|load| drive::round(load, side.watched, counted));
    match round {
        Ok(round) => {
            println!(
                "  {}, {}: {:.0}/s, {:.0} µs, PostgreSQL {:.0} µs",
                operation.name(),
                side.name,
                round.per_second(),
                round.server_micros,
                round.database_micros
            );
            pace.saw(operation, side.name, round.per_second());
            results.rounds.entry(at).or_default().push(round);
        }
        Err(error) => {
            println!("  FAILED: {}, {}: {error}", operation.name(), side.name);
            results.failures.insert(at, error.to_string());
        }
    }
}

fn measure_limit(results: &mut Results, database: &Database, bare: &Bare, counted: Duration) -> Outcome<()> {
    let costs = limit::cryptography(counted)?;
    let shown: Vec<String> = costs.iter().map(|(name, micros)| format!("{name} {micros:.1} µs")).collect();
    println!("  limit: {}", shown.join(", "));
    results.costs.push(costs);
    let round = drive::round(bare.load(), bare.watched(), counted)?;
    println!("  limit: bare request {:.0}/s, {:.1} µs", round.per_second(), round.server_micros);
    results.bare.push(round);
    let round = database.commits(counted)?;
    println!(
        "  limit: one row a commit {:.0}/s, PostgreSQL {:.0} µs",
        round.per_second(),
        round.database_micros
    );
    results.commits.push(round);
    Ok(())
}

fn write(plan: &Plan, results: &Results) -> Outcome<()> {
    for path in [&plan.json, &plan.page] {
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    }
    std::fs::write(&plan.json, serde_json::to_string_pretty(&results.json())?)?;
    std::fs::write(&plan.page, results.page())?;
    println!("wrote {} and {}", plan.page.display(), plan.json.display());
    let failed: Vec<String> = results
        .failures
        .iter()
        .map(|((operation, side), error)| format!("{} on {side}: {error}", operation.name()))
        .collect();
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("{} failed:\n{}", failed.len(), failed.join("\n")).into())
    }
}
