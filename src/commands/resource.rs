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
    Create {
        /// The registration, a JSON file
        file: PathBuf,
    },
    /// List the resource servers
    List,
    /// Show one resource server
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
    /// Delete a resource server: nobody gets tokens for it any more
    Delete(Which),
}

/// Which resource server it is about.
#[derive(Args, Debug)]
struct Which {
    /// The resource server, as `hilum resource list` names it
    name: String,
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
        What::Show(which) => show(&administration.find_resource(&target(&which)?.name).await?),
        What::Replace { which, file } => {
            show(&administration.replace_resource(&caller, target(&which)?, read_document(&file)?).await?)
        }
        What::Patch { which, file } => {
            show(&administration.patch_resource(&caller, target(&which)?, read_document(&file)?).await?)
        }
        What::Delete(which) => {
            administration.delete_resource(&caller, target(&which)?).await?;
            json!({"deleted": which.name})
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

fn target(Which { name }: &Which) -> Result<Target, Failed> {
    let name = ResourceName::parse(name)
        .ok_or_else(|| Failed(format!("{name:?} is not the name of a resource server")))?;
    Ok(Target { name, version: None })
}
