//! `hilum keys`: the signing keys, from a terminal.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::http::admin::keys::show;
use crate::keys::rotation::Replacement;

use super::output::{Failed, cell, print, print_json, table};
use super::terminal::{self, Terminal, TerminalOptions};

/// Options of `hilum keys`.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    terminal: TerminalOptions,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// List the keys and where each stands in its life
    List,
    /// Announce the next keys, which become active when their notice is over
    Rotate {
        /// Swap at once and withdraw the old keys, whose tokens die: for an emergency
        #[arg(long)]
        now: bool,
    },
}

/// Runs `hilum keys`.
pub fn run(options: Options) -> Result<(), Failed> {
    let json = options.terminal.json;
    let shown = terminal::with(&options.terminal, |terminal| perform(terminal, options.what))?;
    if json {
        print_json(&shown);
        return Ok(());
    }
    let row = |key: &Value| {
        ["kid", "alg", "state", "activates_at", "retires_at"].iter().map(|member| cell(key, member)).collect()
    };
    let rows: Vec<Vec<String>> =
        shown.as_array().map(|keys| keys.iter().map(row).collect()).unwrap_or_default();
    print(&table(&["kid", "alg", "state", "activates", "retires"], &rows));
    Ok(())
}

/// Does what is asked and shows the keys as they are then.
async fn perform(terminal: Terminal, what: What) -> Result<Value, Failed> {
    let Terminal { administration, caller } = terminal;
    match what {
        What::List => {}
        What::Rotate { now } => {
            let how = if now { Replacement::AtOnce } else { Replacement::Announced };
            administration.rotate_keys(&caller, how).await?;
        }
    }
    let now = administration.clock.now();
    let keys = administration.list_keys().await?;
    Ok(json!(keys.iter().map(|key| show(key, now)).collect::<Vec<_>>()))
}
