//! `[sign_in]`: how people sign in.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Duration;

use toml::Table;

use super::source::Section;

/// The most password hashes at once.
const MOST_HASHES: usize = 64;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The section `[sign_in]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// How many password hashes run at once, each with 19 MiB of memory: `sign_in.hashes`
    /// (as many as there are processors).
    pub hashes: usize,
    /// How long a signed-in browser may be left alone: `sign_in.idle_minutes`
    /// (45 CFR 164.312(a)(2)(iii)).
    pub idle: Duration,
    /// How long a browser stays signed in at most: `sign_in.session_hours`.
    pub session: Duration,
}

impl SignIn {
    pub(super) fn parse(section: &mut Section<'_>) -> Self {
        let processors = available_parallelism().map_or(1, NonZero::get).min(MOST_HASHES);
        Self {
            hashes: section.number("hashes", 1..=MOST_HASHES, processors),
            idle: Duration::from_secs(section.number("idle_minutes", 1..=60, 15) * MINUTE),
            session: Duration::from_secs(section.number("session_hours", 1..=24, 12) * HOUR),
        }
    }

    pub(super) fn to_table(&self) -> Table {
        Table::from_iter([
            ("hashes".to_owned(), super::whole(self.hashes)),
            ("idle_minutes".to_owned(), super::whole(self.idle.as_secs() / MINUTE)),
            ("session_hours".to_owned(), super::whole(self.session.as_secs() / HOUR)),
        ])
    }
}
