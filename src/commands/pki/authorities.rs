//! The authorities of the built-in client PKI: one takes the place of another, and one that was replaced is revoked.

use clap::Args;
use serde_json::{Value, json};

use super::issuance::reason;
use crate::admin::Administration;
use crate::commands::output::{Failed, cell, print, print_json, table};
use crate::commands::terminal::{self, Terminal, TerminalOptions};
use crate::http::admin::issuance::show_authorities;
use crate::model::authority::{AuthorityName, RevocationReason};

/// Options of `hilum pki rollover`.
#[derive(Args, Debug)]
pub struct RolloverOptions {
    #[command(flatten)]
    terminal: TerminalOptions,
    /// The authority to replace, as `hilum pki status` names it; needed within a day of another rollover
    #[arg(long)]
    replace: Option<String>,
}

/// Options of `hilum pki revoke-authority`.
#[derive(Args, Debug)]
pub struct RevokeOptions {
    #[command(flatten)]
    terminal: TerminalOptions,
    /// The authority, as `hilum pki status` names it: one that another has replaced
    name: String,
    /// unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation or privilegeWithdrawn
    #[arg(long)]
    reason: String,
}

/// Runs `hilum pki rollover`.
pub fn roll_over(options: &RolloverOptions) -> Result<(), Failed> {
    let replaced = options.replace.as_deref().map(named).transpose()?;
    let (shown, told) = terminal::with(&options.terminal, |terminal| rolled_over(terminal, replaced))?;
    show(&options.terminal, &shown, &told);
    Ok(())
}

/// Runs `hilum pki revoke-authority`.
pub fn revoke(options: &RevokeOptions) -> Result<(), Failed> {
    let asked = (named(&options.name)?, reason(&options.reason)?);
    let (shown, told) = terminal::with(&options.terminal, |terminal| revoked(terminal, asked))?;
    show(&options.terminal, &shown, &told);
    Ok(())
}

fn show(options: &TerminalOptions, shown: &Value, told: &str) {
    if options.json { print_json(shown) } else { print(told) }
}

fn named(text: &str) -> Result<AuthorityName, Failed> {
    let unknown = || Failed(format!("{text:?} is not the name of an authority: see hilum pki status"));
    AuthorityName::parse(text).ok_or_else(unknown)
}

async fn rolled_over(
    Terminal { administration, caller }: Terminal,
    replaced: Option<AuthorityName>,
) -> Result<(Value, String), Failed> {
    let rollover = administration.roll_over(&caller, replaced).await?;
    let (from, to) = (rollover.from, rollover.to);
    let told = format!(
        "{to} issues certificates from now on; every running server follows at once.\n\
         The certificates of {from} stay good until they expire, and their holders renew them as ever.\n\
         {from} goes on telling what was revoked. If its key may be known to somebody:\n  \
         hilum pki revoke-authority {from} --reason keyCompromise\n\
         Take a backup of the database now: the new key is nowhere else."
    );
    Ok((shown(&administration).await?, told))
}

async fn revoked(
    Terminal { administration, caller }: Terminal,
    (name, reason): (AuthorityName, RevocationReason),
) -> Result<(Value, String), Failed> {
    let many = administration.revoke_authority(&caller, name, reason).await?;
    let told = format!(
        "{name} is revoked, and with it {many} certificates, which open nothing from now on.\n\
         Have their holders make new keys and ask for first certificates again."
    );
    let mut shown = shown(&administration).await?;
    if let Some(members) = shown.as_object_mut() {
        members.insert("certificates_revoked".to_owned(), json!(many));
    }
    Ok((shown, told))
}

/// The authorities as they stand.
pub(super) async fn shown(administration: &Administration) -> Result<Value, Failed> {
    let found = administration.find_pki().await?;
    let overview =
        found.ok_or_else(|| Failed("there is no client PKI yet: run hilum pki init".to_owned()))?;
    Ok(show_authorities(administration.authority.terms(), &overview, administration.clock.now()))
}

/// The authorities under the root, as a table.
pub(super) fn table_of(shown: &Value) -> String {
    let members = ["name", "state", "until", "not_after", "to_do"];
    let row = |one: &Value| members.iter().map(|member| cell(one, member)).collect();
    let all = shown.get("authorities").and_then(Value::as_array);
    table(&members, &all.map(|all| all.iter().map(row).collect::<Vec<_>>()).unwrap_or_default())
}
