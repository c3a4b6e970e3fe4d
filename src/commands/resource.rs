//! `hilum resource`: what `/admin/v1/resources` does, from a terminal.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::admin::Administration;
use crate::admin::resources::Target;
use crate::http::admin::resources::show;
use crate::model::page::Page;
use crate::protocol::ids::ResourceName;

use super::output::{Failed, cell, lines, print, print_json, table};
use super::terminal::{self, Terminal, TerminalOptions, read_document};

/// Options of `hilum resource`.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    terminal: TerminalOptions,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Register a resource server from a JSON file (- for the input stream)
    Create { file: PathBuf },
    /// List the resource servers
    List,
    /// Show one resource server
    Show { name: String },
    /// Replace a registration by a JSON file
    Replace { name: String, file: PathBuf },
    /// Merge a JSON file into a registration (RFC 7396: null removes a member)
    Patch { name: String, file: PathBuf },
    /// Delete a resource server: nobody gets tokens for it any more
    Delete { name: String },
}

/// Runs `hilum resource`.
pub fn run(options: Options) -> Result<(), Failed> {
    let json = options.terminal.json;
    let shown = terminal::with(&options.terminal, |terminal| perform(terminal, options.what))?;
    match shown.as_array() {
        _ if json => print_json(&shown),
        Some(resources) => {
            let row = |resource: &Value| {
                ["name", "url", "kind", "token_format", "scope"]
                    .iter()
                    .map(|member| cell(resource, member))
                    .collect()
            };
            let rows: Vec<Vec<String>> = resources.iter().map(row).collect();
            print(&table(&["name", "url", "kind", "tokens", "scope"], &rows));
        }
        None => print(&lines(&shown)),
    }
    Ok(())
}

async fn perform(terminal: Terminal, what: What) -> Result<Value, Failed> {
    let Terminal { administration, caller } = terminal;
    Ok(match what {
        What::Create { file } => show(&administration.create_resource(&caller, read_document(&file)?).await?),
        What::List => return list(&administration).await,
        What::Show { name } => show(&administration.find_resource(&target(&name)?.name).await?),
        What::Replace { name, file } => {
            show(&administration.replace_resource(&caller, target(&name)?, read_document(&file)?).await?)
        }
        What::Patch { name, file } => {
            show(&administration.patch_resource(&caller, target(&name)?, read_document(&file)?).await?)
        }
        What::Delete { name } => {
            administration.delete_resource(&caller, target(&name)?).await?;
            json!({"deleted": name})
        }
    })
}

/// Every resource server, page by page.
async fn list(administration: &Administration) -> Result<Value, Failed> {
    let mut all = Vec::new();
    let mut page = Page { after: None, limit: 200 };
    loop {
        let resources = administration.list_resources(&page).await?;
        let Some(last) = resources.last() else { return Ok(Value::Array(all)) };
        page.after = Some(last.name.clone());
        all.extend(resources.iter().map(show));
    }
}

fn target(text: &str) -> Result<Target, Failed> {
    let name = ResourceName::parse(text)
        .ok_or_else(|| Failed(format!("{text:?} is not the name of a resource server")))?;
    Ok(Target { name, version: None })
}
