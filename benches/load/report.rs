//! The result as a page and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::drive::{Round, number};
use crate::limit::{Costs, ES256_SIGN, ES256_VERIFY, ES384_VERIFY, HMAC, RS384_VERIFY};
use crate::operations::{OPERATIONS, Operation};

pub(crate) const HILUM: &str = "Hilum";
pub(crate) const PEER: &str = "oidc-provider";
pub(crate) const BARE: &str = "actix-web over TLS, an answer of 1 KB";

/// Everything that a run came to.
#[derive(Default)]
pub(crate) struct Results {
    pub(crate) about: Vec<(String, String)>,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) rounds: BTreeMap<(Operation, &'static str), Vec<Round>>,
    pub(crate) failures: BTreeMap<(Operation, &'static str), String>,
    pub(crate) costs: Vec<Costs>,
    pub(crate) bare: Vec<Round>,
    pub(crate) commits: Vec<Round>,
    pub(crate) starts: BTreeMap<&'static str, Vec<f64>>,
    /// Idle and peak, in MiB.
    pub(crate) memory: BTreeMap<&'static str, (f64, f64)>,
    pub(crate) instructions: Vec<(Operation, u64)>,
}

/// Minimum, median and maximum.
struct Spread([f64; 3]);

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_unstable_by(f64::total_cmp);
        let middle = values.get(values.len() / 2)?;
        Some(Self([*values.first()?, *middle, *values.last()?]))
    }

    fn median(&self) -> f64 {
        let Self([_, median, _]) = self;
        *median
    }

    /// The median, and the other two in brackets.
    fn shown(&self) -> String {
        let Self([least, median, most]) = self;
        format!("**{}** ({}–{})", figure(*median), figure(*least), figure(*most))
    }
}

/// Three digits are as much as such a measurement bears.
fn figure(value: f64) -> String {
    let text = if value < 10.0 {
        format!("{value:.2}")
    } else if value < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    };
    let (whole, fraction) =
        text.split_once('.').map_or((text.as_str(), ""), |(whole, fraction)| (whole, fraction));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") }
}

/// What is aimed at: requests per processor-second of the server, times the peer's, requests per second.
struct Aim {
    per_processor: f64,
    over_peer: Option<f64>,
    per_second: Option<f64>,
}

const fn aim(operation: Operation) -> Aim {
    let (per_processor, over_peer, per_second) = match operation {
        Operation::Secret => (12_000.0, Some(7.0), Some(9_000.0)),
        Operation::Es384 => (2_350.0, Some(8.0), Some(3_700.0)),
        Operation::Rs384 => (9_000.0, None, Some(7_000.0)),
        Operation::Introspection => (8_000.0, Some(6.0), Some(9_000.0)),
        Operation::Refresh => (6_000.0, Some(10.0), Some(2_950.0)),
        Operation::Code => (5_000.0, Some(8.0), Some(2_500.0)),
        Operation::Discovery | Operation::Jwks => (50_000.0, Some(10.0), None),
    };
    Aim { per_processor, over_peer, per_second }
}

impl Results {
    fn spread(
        &self,
        operation: Operation,
        side: &'static str,
        value: impl Fn(&Round) -> f64,
    ) -> Option<Spread> {
        Spread::of(self.rounds.get(&(operation, side))?.iter().map(value))
    }

    fn median(&self, operation: Operation, side: &'static str, value: impl Fn(&Round) -> f64) -> Option<f64> {
        self.spread(operation, side, value).map(|spread| spread.median())
    }

    fn cost(&self, name: &str) -> Option<f64> {
        Spread::of(self.costs.iter().filter_map(|costs| costs.get(name).copied()))
            .map(|spread| spread.median())
    }

    /// The least a server could do with the same libraries: its cryptography and a bare request.
    fn limit(&self, operation: Operation) -> Option<f64> {
        let parts: &[&str] = match operation {
            Operation::Secret => &[HMAC, ES256_SIGN],
            Operation::Es384 => &[ES384_VERIFY, ES256_SIGN],
            Operation::Rs384 => &[RS384_VERIFY, ES256_SIGN],
            Operation::Introspection => &[HMAC, ES256_VERIFY],
            // The client's secret, the token shown and the token made.
            Operation::Refresh | Operation::Code => &[HMAC, HMAC, HMAC, ES256_SIGN],
            Operation::Discovery | Operation::Jwks => &[],
        };
        let bare = Spread::of(self.bare.iter().map(|round| round.server_micros))?.median();
        parts.iter().map(|part| self.cost(part)).sum::<Option<f64>>().map(|sum| sum + bare)
    }

    /// The page.
    pub(crate) fn page(&self) -> String {
        let mut page = String::from(
            "# Performance\n\nWritten by `scripts/bench`, which measures all of it anew; raw numbers go to `target/bench/`. \
             Each number is the **median** of its rounds, with the least and the most in brackets.\n\n",
        );
        for (name, value) in &self.about {
            let _ = writeln!(page, "- {name}: {value}");
        }
        page.push_str("\n## Against the targets\n\n");
        page.push_str(&self.targets());
        for side in [HILUM, PEER] {
            let _ = write!(page, "\n## {side}\n\n{}", self.side(side));
        }
        let _ = write!(page, "\n## Start and memory\n\n{}", self.start_and_memory());
        let _ = write!(page, "\n## The limit\n\n{}", self.limits());
        page.push_str(METHOD);
        let settings: Vec<String> =
            self.settings.iter().map(|(name, value)| format!("`{name}` {value}")).collect();
        let _ = writeln!(page, "\nPostgreSQL on both sides: {}.", settings.join(", "));
        page
    }

    fn targets(&self) -> String {
        let mut table = String::from(
            "| operation | requests per processor-second of the server | share of the limit | times oidc-provider | \
             with PostgreSQL's time counted | requests per second |\n|---|---|---|---|---|---|\n",
        );
        for operation in OPERATIONS {
            let aim = aim(operation);
            let own = self.median(operation, HILUM, |round| round.server_micros);
            let peer = self.median(operation, PEER, |round| round.server_micros);
            let sum = |round: &Round| round.server_micros + round.database_micros;
            let whole = self.median(operation, PEER, sum).zip(self.median(operation, HILUM, sum));
            let per_second = self.median(operation, HILUM, Round::per_second);
            let share =
                self.limit(operation).zip(own).map(|(limit, own)| format!("{:.0} %", 100.0 * limit / own));
            let _ = writeln!(
                table,
                "| {} | {} | {} | {} | {} | {} |",
                operation.name(),
                against(own.map(|own| 1e6 / own), Some(aim.per_processor)),
                share.unwrap_or_else(none),
                against(peer.zip(own).map(|(peer, own)| peer / own), aim.over_peer),
                whole.map_or_else(none, |(peer, own)| format!("{}×", figure(peer / own))),
                against(per_second, aim.per_second),
            );
        }
        table.push_str("\nThe target stands behind each number; ✓ where it is reached, ✗ where not.\n");
        table
    }

    fn side(&self, side: &'static str) -> String {
        let mut table = String::from(
            "| operation | server, µs of a processor | PostgreSQL, µs of a processor | requests per second | p50, p99 at full load, ms |\n\
             |---|---|---|---|---|\n",
        );
        for operation in OPERATIONS {
            if let Some(failure) = self.failures.get(&(operation, side)) {
                let _ = writeln!(table, "| {} | failed: {} | | | |", operation.name(), brief(failure));
                continue;
            }
            let shown = |value: fn(&Round) -> f64| {
                self.spread(operation, side, value).map_or_else(none, |spread| spread.shown())
            };
            let times =
                [|round: &Round| f64::from(round.p50_micros), |round: &Round| f64::from(round.p99_micros)];
            let times = times.map(|time| {
                self.median(operation, side, time).map_or_else(none, |micros| figure(micros / 1000.0))
            });
            let _ = writeln!(
                table,
                "| {} | {} | {} | {} | {} |",
                operation.name(),
                shown(|round| round.server_micros),
                shown(|round| round.database_micros),
                shown(Round::per_second),
                times.join(", "),
            );
        }
        table
    }

    fn start_and_memory(&self) -> String {
        let mut table = String::from(
            "| | start to first answer, ms | memory idle, MiB | memory at its peak, MiB |\n|---|---|---|---|\n",
        );
        for side in [HILUM, PEER] {
            let start = self.starts.get(side).and_then(|starts| Spread::of(starts.iter().copied()));
            let start = start.map_or_else(none, |start| start.shown());
            let memory = self.memory.get(side);
            let idle = memory.map_or_else(none, |(idle, _)| figure(*idle));
            let peak = memory.map_or_else(none, |(_, peak)| figure(*peak));
            let _ = writeln!(table, "| {side} | {start} | {idle} | {peak} |");
        }
        table.push_str("| target for Hilum | ≤ 100 | ≤ 30 | ≤ 120 |\n");
        table.push_str(
            "\nThe database is up and its schema in place. Memory is the server's own, without PostgreSQL; \
             the peak is that of the whole run.\n",
        );
        if !self.instructions.is_empty() {
            let counted = |(operation, count): &(Operation, u64)| {
                format!("{} {}", operation.name(), figure(number(*count)))
            };
            let counted: Vec<String> = self.instructions.iter().map(counted).collect();
            let _ = writeln!(
                table,
                "\nInstructions of the server for each request, the kernel's not counted: {}. \
                 Counted by callgrind, whose processor lacks the newest vector instructions.",
                counted.join("; ")
            );
        }
        table
    }

    fn limits(&self) -> String {
        let mut table = String::from("| | µs of a processor | per second, 32 connections |\n|---|---|---|\n");
        for name in [ES384_VERIFY, RS384_VERIFY, ES256_VERIFY, ES256_SIGN, HMAC] {
            let spread = Spread::of(self.costs.iter().filter_map(|costs| costs.get(name).copied()));
            let _ = writeln!(table, "| {name} | {} | |", spread.map_or_else(none, |spread| spread.shown()));
        }
        // Of the two only one has a server, and only the other a database.
        for (name, rounds) in [(BARE, &self.bare), ("PostgreSQL, one row a commit, durable", &self.commits)] {
            let shown = |value: fn(&Round) -> f64| {
                Spread::of(rounds.iter().map(value)).map_or_else(none, |spread| spread.shown())
            };
            let micros = shown(|round| round.server_micros + round.database_micros);
            let _ = writeln!(table, "| {name} | {micros} | {} |", shown(Round::per_second));
        }
        table.push_str(
            "\nThe limit of an operation is the sum of its cryptography and of the bare request: for a secret HMAC and ES256 sign; \
             for an assertion its verification and ES256 sign; for introspection HMAC and ES256 verify; for a code or a refresh token \
             three HMAC and ES256 sign. JSON, policy and the database client are not in it.\n",
        );
        table
    }

    /// Every number, for whoever wants to reckon again.
    pub(crate) fn json(&self) -> Value {
        let rounds = |rounds: &[Round]| rounds.iter().map(Round::json).collect::<Vec<_>>();
        let mut operations = Map::new();
        for operation in OPERATIONS {
            let mut sides = Map::new();
            for side in [HILUM, PEER] {
                let found = self.rounds.get(&(operation, side)).map(|found| rounds(found));
                let failure = self.failures.get(&(operation, side));
                sides.insert(side.to_owned(), json!({"rounds": found, "failure": failure}));
            }
            operations.insert(operation.word().to_owned(), Value::Object(sides));
        }
        let memory: Map<String, Value> = self
            .memory
            .iter()
            .map(|(side, (idle, peak))| ((*side).to_owned(), json!({"idle_mib": idle, "peak_mib": peak})))
            .collect();
        let instructions: Map<String, Value> = self
            .instructions
            .iter()
            .map(|(operation, count)| (operation.word().to_owned(), json!(count)))
            .collect();
        json!({
            "about": self.about.iter().cloned().collect::<BTreeMap<_, _>>(),
            "postgresql": self.settings.iter().cloned().collect::<BTreeMap<_, _>>(),
            "operations": operations,
            "limit": {"cryptography_micros": self.costs, "bare": rounds(&self.bare), "commits": rounds(&self.commits)},
            "start_ms": self.starts, "memory": memory, "instructions": instructions,
        })
    }
}

fn against(value: Option<f64>, aim: Option<f64>) -> String {
    match (value, aim) {
        (None, _) => none(),
        (Some(value), None) => figure(value),
        (Some(value), Some(aim)) => {
            let mark = if value >= aim { '✓' } else { '✗' };
            format!("**{}** / {} {mark}", figure(value), figure(aim))
        }
    }
}

/// A failure as a cell of a table has room for it.
fn brief(failure: &str) -> String {
    let text: String = failure.chars().take(160).collect();
    text.replace(['|', '\n'], " ")
}

fn none() -> String {
    "–".to_owned()
}

const METHOD: &str = include_str!("method.md");
