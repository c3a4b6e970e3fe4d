//! `hilum client`: what `/admin/v1/clients` does, from a terminal.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use time::Duration;

use crate::admin::clients::Target;
use crate::http::admin::clients::{show, show_registered};
use crate::model::page::Page;
use crate::protocol::ids::ClientId;

use super::output::{Failed, cell, lines, print, print_json, table};
use super::terminal::{self, Terminal, TerminalOptions, read_document};

/// Options of `hilum client`.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    terminal: TerminalOptions,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Register a client from a JSON file (- for the input stream); prints its secret once
    Create {
        /// The registration, a JSON file
        file: PathBuf,
    },
    /// List the clients
    List,
    /// Show one client
    Show(Which),
    /// Replace a registration by a JSON file
    Replace {
        #[command(flatten)]
        which: Which,
        /// The whole registration, a JSON file (- for the input stream)
        file: PathBuf,
    },
    /// Merge a JSON file into a registration (RFC 7396: null removes a member)
    Patch {
        #[command(flatten)]
        which: Which,
        /// The members that change, a JSON file (- for the input stream)
        file: PathBuf,
    },
    /// Stop a client: it may do nothing and its tokens are dead
    Disable(Which),
    /// Let a stopped client go on; its older tokens stay dead
    Enable(Which),
    /// Find good a client that registered itself
    Approve {
        #[command(flatten)]
        which: Which,
        /// The version that you have looked at (see `hilum client show`); without it, the one that stands now
        #[arg(long)]
        seen_version: Option<i64>,
    },
    /// Delete a client with its secrets
    Delete(Which),
    /// Make a new secret; prints it once
    RotateSecret {
        #[command(flatten)]
        which: Which,
        /// How long the former secrets stay good, in seconds
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..=2_592_000))]
        overlap_seconds: i64,
    },
    /// Add a public key (a JWK in a JSON file)
    AddKey {
        #[command(flatten)]
        which: Which,
        /// The key, a JSON file (- for the input stream)
        file: PathBuf,
    },
    /// Remove a public key
    RemoveKey {
        #[command(flatten)]
        which: Which,
        /// The kid of the key, as `hilum client show` names it; it may begin with a hyphen
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

/// Which client it is about.
#[derive(Args, Debug)]
struct Which {
    /// The client, as `hilum client list` names it
    client_id: String,
}

/// Runs `hilum client`.
pub fn run(options: Options) -> Result<(), Failed> {
    let json = options.terminal.json;
    let shown = terminal::with(&options.terminal, |terminal| perform(terminal, options.what))?;
    match shown.as_array() {
        _ if json => print_json(&shown),
        Some(clients) => print(&table(&HEADING, &clients.iter().map(row).collect::<Vec<_>>())),
        None => print(&lines(&shown)),
    }
    Ok(())
}

const HEADING: [&str; 6] = ["client_id", "status", "registered_by", "method", "name", "scope"];

fn row(client: &Value) -> Vec<String> {
    ["client_id", "status", "registered_by", "token_endpoint_auth_method", "client_name", "scope"]
        .iter()
        .map(|member| cell(client, member))
        .collect()
}

async fn perform(terminal: Terminal, what: What) -> Result<Value, Failed> {
    let Terminal { administration, caller } = terminal;
    Ok(match what {
        What::Create { file } => {
            show_registered(&administration.create_client(&caller, &read_document(&file)?).await?)
        }
        What::List => return list(&administration).await,
        What::Show(which) => show(&administration.find_client(&target(&which)?.id).await?),
        What::Replace { which, file } => {
            show(&administration.replace_client(&caller, target(&which)?, &read_document(&file)?).await?)
        }
        What::Patch { which, file } => {
            show(&administration.patch_client(&caller, target(&which)?, read_document(&file)?).await?)
        }
        What::Disable(which) => show(&administration.disable_client(&caller, target(&which)?).await?),
        What::Enable(which) => show(&administration.enable_client(&caller, target(&which)?).await?),
        What::Approve { which, seen_version } => {
            let Target { id, .. } = target(&which)?;
            let version = match seen_version {
                Some(version) => version,
                None => administration.find_client(&id).await?.version,
            };
            show(&administration.approve_client(&caller, id, version).await?)
        }
        What::Delete(which) => {
            administration.delete_client(&caller, target(&which)?).await?;
            json!({"deleted": which.client_id})
        }
        What::RotateSecret { which, overlap_seconds } => {
            let overlap = Duration::seconds(overlap_seconds);
            show_registered(&administration.rotate_secret(&caller, target(&which)?, overlap).await?)
        }
        What::AddKey { which, file } => {
            let key = Value::Object(read_document(&file)?);
            show(&administration.add_key(&caller, target(&which)?, &key).await?)
        }
        What::RemoveKey { which, kid } => {
            show(&administration.remove_key(&caller, target(&which)?, kid).await?)
        }
    })
}

/// Every client, page by page.
async fn list(administration: &crate::admin::Administration) -> Result<Value, Failed> {
    let mut all = Vec::new();
    let mut page = Page { after: None, limit: 200 };
    loop {
        let clients = administration.list_clients(&page).await?;
        let Some(last) = clients.last() else { return Ok(Value::Array(all)) };
        page.after = Some(last.id.clone());
        all.extend(clients.iter().map(show));
    }
}

fn target(Which { client_id }: &Which) -> Result<Target, Failed> {
    let unknown = || Failed(format!("{client_id:?} is not a client_id: hilum client list names them"));
    let id = ClientId::parse(client_id).ok_or_else(unknown)?;
    Ok(Target { id, version: None })
}
