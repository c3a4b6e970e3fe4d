//! What commands print: tables for people, JSON for programs, complaints to the error stream.

use std::io::Write;

use serde_json::Value;
use time::format_description::well_known::Rfc3339;

use crate::config::problem::{ConfigError, Problem};
use crate::moment::Timestamp;
use crate::protocol::error::{Failure, Fault};
use crate::store::connect;

/// Why a command failed, in words that tell what to do.
#[derive(Debug)]
pub struct Failed(pub String);

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self(connect::told(&fault))
    }
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Fault(fault) => fault.into(),
            Failure::Refusal(refusal) => {
                let mut lines = vec![format!("{}: {}", refusal.code().word(), refusal.told())];
                let named = refusal.field_problems().iter();
                lines.extend(named.map(|problem| format!("  {}: {}", problem.field, problem.says)));
                Self(lines.join("\n"))
            }
        }
    }
}

impl From<ConfigError> for Failed {
    fn from(error: ConfigError) -> Self {
        Self(error.to_string())
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Prints to the output stream. A reader that has gone away is no error.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// Prints to the error stream.
pub fn complain(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "hilum: {text}"));
}

/// Problems, a line each.
#[must_use]
pub fn listed(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("  {problem}")).collect::<Vec<_>>().join("\n")
}

/// Prints a document as JSON.
pub fn print_json(value: &Value) {
    print(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// A table of texts with a heading, its columns as wide as they need to be.
#[must_use]
pub fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = heading.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(heading.to_vec())];
    lines.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    lines.join("\n")
}

/// A point in time for people; 0 stands for never (RFC 7591, 3.2.1).
fn moment(seconds: Option<i64>) -> String {
    if seconds == Some(0) {
        return "never".to_owned();
    }
    let at = seconds.and_then(|seconds| Timestamp::from_unix_timestamp(seconds).ok());
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| "-".to_owned())
}

/// The text of a member, for a cell of a table. Points in time are dates.
#[must_use]
pub fn cell(value: &Value, member: &str) -> String {
    match value.get(member) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(" "),
        Some(Value::Number(number)) if member.ends_with("_at") => moment(number.as_i64()),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_))) => other.to_string(),
    }
}

/// A document as lines of member and value.
#[must_use]
pub fn lines(value: &Value) -> String {
    let Some(object) = value.as_object() else { return value.to_string() };
    let rows: Vec<Vec<String>> = object.keys().map(|name| vec![name.clone(), cell(value, name)]).collect();
    table(&["member", "value"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_time_are_dates_in_a_cell() {
        let client = serde_json::json!({"created_at": 1_795_371_204, "client_secret_expires_at": 0, "version": 2,
                                        "at": "2026-01-31T08:00:00Z", "approved_at": null});
        let rows = [
            ("created_at", "2026-11-22T18:13:24Z"),
            ("client_secret_expires_at", "never"),
            ("version", "2"),
            ("at", "2026-01-31T08:00:00Z"),
            ("approved_at", "-"),
        ];
        for (member, expected) in rows {
            assert_eq!(cell(&client, member), expected);
        }
    }

    #[test]
    fn a_table_is_as_wide_as_its_cells() {
        let rows = vec![
            vec!["a".to_owned(), "system/*.rs".to_owned()],
            vec!["long name".to_owned(), "-".to_owned()],
        ];
        assert_eq!(
            table(&["name", "scope"], &rows),
            "name       scope\na          system/*.rs\nlong name  -"
        );
    }
}
