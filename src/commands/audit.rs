//! `hilum audit`: the audit trail, from a terminal.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::http::admin::alerts;
use crate::http::admin::audit::show;
use crate::model::audit_event::{Outcome, Search};
use crate::model::page::Page;
use crate::moment::Timestamp;

use super::output::{Failed, cell, print, print_json, table};
use super::terminal::{self, Terminal, TerminalOptions};

/// Options of `hilum audit`.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    terminal: TerminalOptions,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// List records, the newest first
    List(Filter),
    /// List alerts, the newest first: what a security officer should look at
    Alerts {
        /// At most so many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
}

#[derive(Args, Debug)]
struct Filter {
    /// From this time on, such as 2026-01-31T08:00:00Z
    #[arg(long, value_parser = moment)]
    from: Option<Timestamp>,
    /// Before this time
    #[arg(long, value_parser = moment)]
    until: Option<Timestamp>,
    /// Of this client
    #[arg(long)]
    client: Option<String>,
    /// Of this person
    #[arg(long, allow_hyphen_values = true)]
    person: Option<String>,
    /// About this patient
    #[arg(long, allow_hyphen_values = true)]
    patient: Option<String>,
    /// Of this action, such as token.issue
    #[arg(long)]
    action: Option<String>,
    /// That ended so: granted or refused
    #[arg(long, value_parser = outcome)]
    outcome: Option<Outcome>,
    /// At most so many records
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text, &Rfc3339).map_err(|_| "must be a time such as 2026-01-31T08:00:00Z".to_owned())
}

fn outcome(text: &str) -> Result<Outcome, String> {
    Outcome::parse(text).ok_or_else(|| "must be granted or refused".to_owned())
}

/// Runs `hilum audit`.
pub fn run(options: Options) -> Result<(), Failed> {
    let json = options.terminal.json;
    let (members, heading) = match &options.what {
        What::List(_) => (RECORD, RECORD_HEADING),
        What::Alerts { .. } => (ALERT, ALERT),
    };
    let shown = terminal::with(&options.terminal, |terminal| perform(terminal, options.what))?;
    if json {
        print_json(&shown);
        return Ok(());
    }
    let row = |item: &Value| members.iter().map(|member| cell(item, member)).collect();
    let rows: Vec<Vec<String>> =
        shown.as_array().map(|items| items.iter().map(row).collect()).unwrap_or_default();
    print(&table(heading, &rows));
    Ok(())
}

const RECORD: &[&str] =
    &["at", "action", "outcome", "reason", "client", "person", "scopes_granted", "audience", "target"];
const RECORD_HEADING: &[&str] =
    &["at", "action", "outcome", "reason", "client", "person", "granted", "audience", "target"];
const ALERT: &[&str] = &["at", "kind", "client", "person", "audit_event", "detail"];

async fn perform(terminal: Terminal, what: What) -> Result<Value, Failed> {
    match what {
        What::List(filter) => list(terminal, filter).await,
        What::Alerts { limit } => {
            let alerts = terminal.administration.list_alerts(&Page { after: None, limit }).await?;
            Ok(json!(alerts.iter().map(alerts::show).collect::<Vec<_>>()))
        }
    }
}

async fn list(terminal: Terminal, filter: Filter) -> Result<Value, Failed> {
    let Terminal { administration, caller } = terminal;
    let Filter { from, until, client, person, patient, action, outcome, limit } = filter;
    let search = Search { from, until, client, person, patient, action, outcome };
    let events = administration.search_audit(&caller, &search, &Page { after: None, limit }).await?;
    Ok(json!(events.iter().map(show).collect::<Vec<_>>()))
}
