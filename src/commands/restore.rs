//! `hilum restore`: what must be done once PostgreSQL has put the database back from a backup.

use clap::Args;
use serde_json::json;

use super::output::{Failed, print, print_json};
use super::terminal::{self, TerminalOptions};

/// Options of `hilum restore`.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    terminal: TerminalOptions,
    /// Yes, the database was put back from a backup: end every session, code and token of people of before
    #[arg(long, required = true)]
    declare: bool,
}

/// Runs `hilum restore`.
pub fn run(options: &Options) -> Result<(), Failed> {
    let epoch = terminal::with(&options.terminal, async |terminal: terminal::Terminal| {
        Ok(terminal.administration.declare_restored(&terminal.caller).await?)
    })?;
    if options.terminal.json {
        print_json(&json!({"epoch": epoch}));
    } else {
        print(&format!(
            "epoch {epoch}: every session, code and token of people of before is dead; people sign in again"
        ));
    }
    Ok(())
}
