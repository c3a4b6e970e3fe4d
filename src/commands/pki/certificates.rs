//! `hilum pki certificates`: every certificate that the server knows, from a terminal.

use clap::Args;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::commands::output::{Failed, cell, complain, print, print_json, table};
use crate::commands::terminal::{self, Terminal, TerminalOptions};
use crate::http::admin::certificates::show;
use crate::model::page::Page;
use crate::model::watched_certificate::Wanted;
use crate::moment::Timestamp;

/// Options of `hilum pki certificates`.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    terminal: TerminalOptions,
    /// That end before this time, such as 2026-01-31T08:00:00Z
    #[arg(long, value_parser = moment)]
    expires_before: Option<Timestamp>,
    /// Of this client
    #[arg(long)]
    client: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    limit: i64,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text, &Rfc3339).map_err(|_| "must be a time such as 2026-01-31T08:00:00Z".to_owned())
}

const MEMBERS: &[&str] = &[
    "kind",
    "label",
    "days_left",
    "not_after",
    "client_id",
    "community",
    "revoked",
    "subject",
    "thumbprint",
];

/// Runs `hilum pki certificates`.
pub fn run(options: Options) -> Result<(), Failed> {
    let json = options.terminal.json;
    let Options { terminal, expires_before, client, limit } = options;
    let wanted = Wanted { before: expires_before, client };
    let shown = terminal::with(&terminal, |terminal| list(terminal, wanted, limit))?;
    if json {
        print_json(&json!(shown));
        return Ok(());
    }
    let row = |one: &Value| MEMBERS.iter().map(|member| cell(one, member)).collect();
    print(&table(MEMBERS, &shown.iter().map(row).collect::<Vec<_>>()));
    Ok(())
}

/// Those that end first, of servers as the files of this configuration hold them.
async fn list(
    Terminal { administration, .. }: Terminal,
    wanted: Wanted,
    limit: i64,
) -> Result<Vec<Value>, Failed> {
    let found = administration.list_certificates(&wanted, &Page { after: None, limit }).await?;
    if let Some(why) = administration.in_token.trouble() {
        complain(&format!("those in the HSM are not among them: {why}"));
    }
    let now = administration.clock.now();
    Ok(found.iter().map(|one| show(one, now)).collect())
}
