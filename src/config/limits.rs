//! `[limits]`: the numbers; `rate_limit` holds the names.

use toml::Table;

use super::source::Section;

/// The section `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How many bytes a request's body may have: `limits.body_bytes`.
    pub body_bytes: usize,
    /// How many refusals of those who proved nothing are recorded one by one, for each reason,
    /// network and minute; the rest are counted: `limits.refusals_recorded_per_minute`.
    pub refusals_recorded_per_minute: u32,
}

impl Limits {
    pub(super) fn parse(section: &mut Section<'_>) -> Self {
        Self {
            body_bytes: section.number("body_bytes", 1024..=1_048_576, 65_536),
            refusals_recorded_per_minute: section.number("refusals_recorded_per_minute", 1..=100_000, 60),
        }
    }

    pub(super) fn to_table(&self) -> Table {
        Table::from_iter([
            ("body_bytes".to_owned(), super::whole(self.body_bytes)),
            ("refusals_recorded_per_minute".to_owned(), super::whole(self.refusals_recorded_per_minute)),
        ])
    }
}
