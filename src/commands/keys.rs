//! `hilum keys`: the signing keys, from a terminal.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::http::admin::keys::{NOBODY_SIGNS, parse_reason, show};
use crate::keys::keyring::ALGORITHMS;
use crate::keys::rotation::{Replacement, Revocation, Succession};

use super::output::{Failed, cell, complain, print, print_json, table};
use super::rewrap;
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
    /// Put everything that is sealed under the master key of the configuration, while the server serves
    Rewrap,
    /// Revoke one key, whose tokens die; another signs in its place at once
    Revoke {
        /// The kid of the key, as `hilum keys list` names it; it may begin with a hyphen
        #[arg(allow_hyphen_values = true)]
        kid: String,
        /// Why: it stands in the audit record
        #[arg(long, value_parser = parse_reason, default_value = "revoked at a terminal")]
        reason: String,
    },
}

/// Runs `hilum keys`.
pub fn run(options: Options) -> Result<(), Failed> {
    if matches!(options.what, What::Rewrap) {
        return rewrap::run(&options.terminal);
    }
    let json = options.terminal.json;
    let shown = terminal::with(&options.terminal, |terminal| perform(terminal, options.what))?;
    if json {
        print_json(&shown);
        return Ok(());
    }
    let row = |key: &Value| {
        ["kid", "alg", "state", "custody", "announced_at", "activates_at", "retires_at", "revoked_at"]
            .iter()
            .map(|member| cell(key, member))
            .collect()
    };
    let rows: Vec<Vec<String>> =
        shown.as_array().map(|keys| keys.iter().map(row).collect()).unwrap_or_default();
    let names = ["kid", "alg", "state", "custody", "announced", "activates", "retires", "revoked"];
    print(&table(&names, &rows));
    Ok(())
}

/// Does what is asked and shows the keys as they are then.
async fn perform(terminal: Terminal, what: What) -> Result<Value, Failed> {
    let Terminal { administration, caller } = terminal;
    match what {
        What::List | What::Rewrap => {}
        What::Rotate { now } => {
            let how = if now { Replacement::AtOnce } else { Replacement::Announced };
            if administration.rotate_keys(&caller, how).await?.len() < ALGORITHMS.len() {
                complain(NOBODY_SIGNS);
            }
        }
        What::Revoke { kid, reason } => {
            let succession = administration.revoke_key(&caller, Revocation { kid, reason }).await?;
            if succession == Succession::Nobody {
                complain(NOBODY_SIGNS);
            }
        }
    }
    let now = administration.clock.now();
    let keys = administration.list_keys().await?;
    Ok(json!(keys.iter().map(|key| show(key, now)).collect::<Vec<_>>()))
}
