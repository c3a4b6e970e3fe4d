//! `hilum pki enroll`: a new back-end, registered and its certificate asked for in one.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::admin::back_ends::NewBackEnd;
use crate::commands::output::{Failed, cell, lines, print, print_json};
use crate::commands::terminal::{self, Terminal, TerminalOptions, read_bytes};
use crate::http::admin::issuance::show_request;
use crate::model::certificate_request::Eyes;

/// Options of `hilum pki enroll`.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    terminal: TerminalOptions,
    /// What people call the back-end
    #[arg(long)]
    name: String,
    /// Whose it is [default: its name]
    #[arg(long)]
    organization: Option<String>,
    /// What it may ask for, such as system/Claim.rs
    #[arg(long)]
    scope: String,
    /// The URL of the resource server that its tokens are for [default: the only one that is registered]
    #[arg(long, value_name = "URL")]
    resource: Option<String>,
    /// Print the client_id alone
    #[arg(long, conflicts_with = "json")]
    quiet: bool,
    /// Its request, PKCS #10 in PEM or DER (- for the input stream)
    csr: PathBuf,
}

/// Runs `hilum pki enroll`.
pub fn run(options: Options) -> Result<(), Failed> {
    let Options { terminal, name, organization, scope, resource, quiet, csr } = options;
    let new = NewBackEnd { name, organization, scope, resource, csr: read_bytes(&csr)? };
    let (shown, next) = terminal::with(&terminal, |terminal| enroll(terminal, new))?;
    if terminal.json {
        print_json(&shown);
    } else if quiet {
        print(&cell(&shown, "client_id"));
    } else {
        print(&lines(&shown));
        print(&next);
    }
    Ok(())
}

async fn enroll(
    Terminal { administration, caller }: Terminal,
    new: NewBackEnd,
) -> Result<(Value, String), Failed> {
    let (client, request) = administration.enroll_back_end(&caller, new).await?;
    let shown = show_request(&request, administration.clock.now());
    let member = |name: &str| shown.get(name).cloned().unwrap_or_default();
    let who = match administration.authority.terms().eyes {
        Eyes::Four => "Another account approves it",
        Eyes::Two => "Approve it",
    };
    let next = format!("{who}: hilum pki approve {} --out client.pem", request.id);
    let shown = json!({
        "client_id": client.id.as_str(),
        "client_name": client.metadata.client_name,
        "scope": client.metadata.scope.to_string(),
        "request": member("id"),
        "state": member("state"),
        "expires_at": member("expires_at"),
    });
    Ok((shown, next))
}
