//! `[log]`: how the application log is written.

use toml::{Table, Value};
use tracing_subscriber::EnvFilter;

use super::source::Section;

/// The section `[log]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The form of a line: `log.format`.
    pub format: Format,
    /// What is logged: `log.level`.
    pub level: Level,
}

/// The form of a line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// What is logged: a level, or levels by module (`info,hilum::ledger=debug`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level(String);

impl Log {
    pub(super) fn parse(section: &mut Section<'_>) -> Self {
        let format = section.parsed("format", |text| match text {
            "json" => Ok(Format::Json),
            "pretty" => Ok(Format::Pretty),
            _ => Err("give \"json\" or \"pretty\""),
        });
        let level = section.parsed("level", Level::parse);
        Self { format: format.unwrap_or(Format::Json), level: level.unwrap_or_default() }
    }

    pub(super) fn to_table(&self) -> Table {
        let format = match self.format {
            Format::Json => "json",
            Format::Pretty => "pretty",
        };
        Table::from_iter([
            ("format".to_owned(), Value::from(format)),
            ("level".to_owned(), Value::from(self.level.as_str())),
        ])
    }
}

impl Level {
    /// Parses what is logged.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match EnvFilter::builder().parse(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => {
                Err("give error, warn, info, debug or trace, or levels by module: info,hilum::ledger=debug")
            }
        }
    }

    /// The text, as `tracing` reads it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Level {
    fn default() -> Self {
        Self("info".to_owned())
    }
}
