//! `[tokens]`: how long things live.

use std::time::Duration;

use toml::Table;

use super::source::Section;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// The section `[tokens]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// An access token that speaks for a system: `tokens.system_seconds`
    /// (at most 300, SMART Backend Services).
    pub system: Duration,
    /// A signing key: `tokens.signing_key_days`.
    pub signing_key: Duration,
    /// How long before its use a signing key is published: `tokens.signing_key_notice_hours`.
    pub signing_key_notice: Duration,
    /// How far ahead a client's assertion may expire: `tokens.assertion_max_seconds`.
    pub assertion_max: Duration,
    /// How far the clock of a client may be off: `tokens.assertion_skew_seconds`.
    pub assertion_skew: Duration,
}

impl Tokens {
    pub(super) fn parse(section: &mut Section<'_>) -> Self {
        let tokens = Self {
            system: Duration::from_secs(section.number("system_seconds", 30..=300, 300)),
            signing_key: Duration::from_secs(section.number("signing_key_days", 1..=730, 90) * DAY),
            signing_key_notice: Duration::from_secs(
                section.number("signing_key_notice_hours", 1..=720, 24) * HOUR,
            ),
            assertion_max: Duration::from_secs(section.number("assertion_max_seconds", 30..=300, 300)),
            assertion_skew: Duration::from_secs(section.number("assertion_skew_seconds", 0..=60, 30)),
        };
        if tokens.signing_key_notice >= tokens.signing_key {
            section.refuse("signing_key_notice_hours", "give less than the life of a key (signing_key_days)");
        }
        tokens
    }

    pub(super) fn to_table(&self) -> Table {
        Table::from_iter([
            ("system_seconds".to_owned(), super::whole(self.system.as_secs())),
            ("signing_key_days".to_owned(), super::whole(self.signing_key.as_secs() / DAY)),
            ("signing_key_notice_hours".to_owned(), super::whole(self.signing_key_notice.as_secs() / HOUR)),
            ("assertion_max_seconds".to_owned(), super::whole(self.assertion_max.as_secs())),
            ("assertion_skew_seconds".to_owned(), super::whole(self.assertion_skew.as_secs())),
        ])
    }
}
