//! The authorities of the built-in client PKI: one takes the place of another, and one that was replaced is revoked.

use clap::Args;
use serde_json::{Value, json};

use super::issuance::reason;
use crate::admin::Administration;
use crate::commands::output::{Failed, cell, complain, print, print_json, table};
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
    terminal::with(&options.terminal, |terminal| rolled_over(terminal, &options.terminal, replaced))
}

/// Runs `hilum pki revoke-authority`.
pub fn revoke(options: &RevokeOptions) -> Result<(), Failed> {
    let asked = (named(&options.name)?, reason(&options.reason)?);
    terminal::with(&options.terminal, |terminal| revoked(terminal, &options.terminal, asked))
}

fn named(text: &str) -> Result<AuthorityName, Failed> {
    let unknown = || Failed(format!("{text:?} is not the name of an authority: see hilum pki status"));
    AuthorityName::parse(text).ok_or_else(unknown)
}

async fn rolled_over(
    Terminal { administration, caller }: Terminal,
    options: &TerminalOptions,
    replaced: Option<AuthorityName>,
) -> Result<(), Failed> {
    let rollover = administration.roll_over(&caller, replaced).await?;
    let (from, to) = (rollover.from, rollover.to);
    let told = format!(
        "{to} issues certificates from now on; every running server follows at once.\n\
         The certificates of {from} stay good until they expire, and their holders renew them as ever.\n\
         {from} goes on telling what was revoked. If its key may be known to somebody:\n  \
         hilum pki revoke-authority {from} --reason keyCompromise\n\
         Take a backup of the database now: the new key is nowhere else."
    );
    tell(options, &administration, &told, &[]).await
}

async fn revoked(
    Terminal { administration, caller }: Terminal,
    options: &TerminalOptions,
    (name, reason): (AuthorityName, RevocationReason),
) -> Result<(), Failed> {
    let mut part = administration.revoke_authority(&caller, name, reason).await?;
    let mut many = part.certificates;
    while !part.is_last {
        complain(&format!("{name} is revoked; {many} of its certificates are marked, and there are more"));
        let next = administration.revoke_rest(&caller, name).await;
        part = next.map_err(|failure| stopped(name, many, failure.into()))?;
        many += part.certificates;
    }
    let told = format!(
        "{name} is revoked, and with it {many} certificates, which open nothing from now on.\n\
         Have their holders ask for first certificates again."
    );
    tell(options, &administration, &told, &[("certificates_revoked", json!(many))]).await
}

/// What is said where not every certificate of an authority that is revoked could be marked.
fn stopped(name: AuthorityName, many: u64, Failed(why): Failed) -> Failed {
    Failed(format!(
        "{name} is revoked, and its certificates open nothing; {many} of them were marked, then it failed: {why}\n\
         A running server marks the rest within minutes; so does the same command again"
    ))
}

/// Tells what was done, which stands whether or not the authorities can be shown; as JSON, these and some members more.
pub(super) async fn tell(
    options: &TerminalOptions,
    administration: &Administration,
    told: &str,
    more: &[(&str, Value)],
) -> Result<(), Failed> {
    if !options.json {
        print(told);
        return Ok(());
    }
    let unseen = |Failed(why)| Failed(format!("{told}\nThe authorities cannot be shown: {why}"));
    let mut shown = shown(administration).await.map_err(unseen)?;
    if let Some(members) = shown.as_object_mut() {
        members.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    }
    print_json(&shown);
    Ok(())
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
