//! `hilum keys rewrap`: every sealed value is put under the master key of the configuration.

use std::io::{IsTerminal, Write, stderr};

use serde_json::{Value, json};

use crate::admin::rewrap::{ColumnRewrapped, Rewrapped};

use super::output::{Failed, print, print_json, table};
use super::terminal::{self, Terminal, TerminalOptions};

/// Runs `hilum keys rewrap`.
pub fn run(options: &TerminalOptions) -> Result<(), Failed> {
    let done = terminal::with(options, async |Terminal { administration, caller }| {
        let mut bar = Bar { shown: stderr().is_terminal() };
        let done = administration.rewrap(&caller, |column| bar.show(column)).await;
        bar.end();
        Ok(done?)
    })?;
    if options.json {
        print_json(&shown(&done));
    } else {
        print(&figures(&done));
        print(&format!("sealed under the master key {}", done.master_key));
    }
    complete(&done)
}

/// A line that is written over, where a person looks on.
struct Bar {
    shown: bool,
}

impl Bar {
    fn show(&mut self, column: &ColumnRewrapped) {
        if !self.shown {
            return;
        }
        let ColumnRewrapped { of, seen, total, .. } = column;
        let line = format!("\r\u{1b}[K{}.{}: {seen} of {total}", of.table, of.column);
        let mut err = stderr().lock();
        drop(err.write_all(line.as_bytes()).and_then(|()| err.flush()));
    }

    fn end(&mut self) {
        if self.shown {
            drop(stderr().lock().write_all(b"\r\x1b[K"));
        }
    }
}

fn figures(done: &Rewrapped) -> String {
    let row = |column: &ColumnRewrapped| {
        let ColumnRewrapped { of, rewrapped, unchanged, changed, failed, .. } = column;
        let counts = [*rewrapped, *unchanged, *changed, u64::try_from(failed.len()).unwrap_or(u64::MAX)];
        let name = format!("{}.{}", of.table, of.column);
        std::iter::once(name).chain(counts.map(|count| count.to_string())).collect()
    };
    let rows: Vec<Vec<String>> = done.columns.iter().map(row).collect();
    table(&["sealed", "re-wrapped", "already", "changed", "not opened"], &rows)
}

fn shown(done: &Rewrapped) -> Value {
    let columns: Vec<Value> = done
        .columns
        .iter()
        .map(|column| {
            let failed: Vec<Value> =
                column.failed.iter().map(|(row, why)| json!({"row": row, "why": why})).collect();
            json!({
                "table": column.of.table,
                "column": column.of.column,
                "rewrapped": column.rewrapped,
                "already": column.unchanged,
                "changed": column.changed,
                "not_opened": failed,
            })
        })
        .collect();
    json!({"master_key": done.master_key, "complete": done.is_complete(), "sealed": columns})
}

/// Whether the former master keys can go.
fn complete(done: &Rewrapped) -> Result<(), Failed> {
    if done.is_complete() {
        return Ok(());
    }
    let failed = done.columns.iter().flat_map(|column| &column.failed).map(|(_, why)| format!("  {why}"));
    let mut lines: Vec<String> = failed.collect();
    if done.columns.iter().any(|column| column.changed > 0) {
        lines.push("  values went on being sealed under another master key, or changed: run it again when every process has this one".to_owned());
    }
    Err(Failed(format!(
        "not everything is under the master key; keep the former ones:\n{}",
        lines.join("\n")
    )))
}
