//! The built-in client PKI from a terminal: set up, asked for certificates, and told to revoke them.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use super::authorities;
use crate::admin::Administration;
use crate::ca::Asked;
use crate::commands::output::{Failed, cell, lines, print, print_json, table};
use crate::commands::terminal::{self, Terminal, TerminalOptions, read_bytes};
use crate::http::admin::issuance::{show_certificate, show_issued, show_request};
use crate::model::authority::RevocationReason;
use crate::model::certificate::KnownCertificate;
use crate::model::certificate_request::{Eyes, RequestState};
use crate::model::page::Page;
use crate::pki::thumbprint::Thumbprint;
use crate::protocol::ids::ClientId;

/// Of the certificates that should be renewed, so many are listed.
const MOST_DUE: i64 = 200;

/// What can be done with the built-in client PKI.
#[derive(Subcommand, Debug)]
pub enum What {
    /// Set up a PKI that issues the certificates of clients: a root, and an authority under it
    Init(Plain),
    /// Show the authorities, where their revocation lists are, and how many requests wait
    Status(Plain),
    /// Ask for a client's certificate; somebody else approves it
    Request(Request),
    /// List the requests for certificates
    Requests(Plain),
    /// Issue what somebody else has asked for; prints the certificate and its chain as PEM
    Approve(Approved),
    /// Say no to a request
    Deny(Decided),
    /// Revoke a certificate: it opens nothing from now on
    Revoke(Revoked),
}

/// Options of commands that need no more.
#[derive(Args, Debug)]
pub struct Plain {
    #[command(flatten)]
    terminal: TerminalOptions,
}

/// Options of `hilum pki request`.
#[derive(Args, Debug)]
pub struct Request {
    #[command(flatten)]
    terminal: TerminalOptions,
    /// The client, as `hilum client list` names it
    client_id: String,
    /// Its request, PKCS #10 in PEM or DER (- for the input stream)
    csr: PathBuf,
}

/// Options of `hilum pki approve`.
#[derive(Args, Debug)]
pub struct Approved {
    #[command(flatten)]
    decided: Decided,
    /// Write the certificate and its chain here, once there are any
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Options of `hilum pki approve` and `hilum pki deny`.
#[derive(Args, Debug)]
pub struct Decided {
    #[command(flatten)]
    terminal: TerminalOptions,
    /// The request, as `hilum pki requests` names it, or the client of which one request waits
    #[arg(value_parser = request_id)]
    id: Uuid,
}

fn request_id(text: &str) -> Result<Uuid, &'static str> {
    Uuid::try_parse(text).map_err(|_| "it is no id; hilum pki requests lists those of the requests")
}

/// Options of `hilum pki revoke`.
#[derive(Args, Debug)]
pub struct Revoked {
    #[command(flatten)]
    terminal: TerminalOptions,
    /// The certificate's thumbprint (x5t#S256), which may begin with a hyphen
    #[arg(allow_hyphen_values = true)]
    thumbprint: String,
    /// unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation or privilegeWithdrawn
    #[arg(long, default_value = "unspecified")]
    reason: String,
}

/// Runs one of the commands.
pub fn run(what: What) -> Result<(), Failed> {
    match what {
        What::Init(Plain { terminal }) => {
            terminal::with(&terminal, |at| init(at, &terminal))?;
        }
        What::Status(Plain { terminal }) => {
            let shown = terminal::with(&terminal, |terminal| status(terminal.administration))?;
            show(&terminal, &shown, || {
                print(&lines(&without(&shown, &["root", "issuing", "authorities", "renewals_due"])));
                print(&format!("\n{}", authorities::table_of(&shown)));
                if let Some(due) = due(&shown) {
                    print(&format!("\nto be renewed by their clients:\n{due}"));
                }
            });
        }
        What::Request(Request { terminal, client_id, csr }) => {
            let asked = asked(&client_id, &csr)?;
            let shown = terminal::with(&terminal, |terminal| request(terminal, asked))?;
            show(&terminal, &shown, || print(&lines(&without(&shown, &["csr"]))));
        }
        What::Requests(Plain { terminal }) => {
            let shown = terminal::with(&terminal, |terminal| requests(terminal.administration))?;
            show(&terminal, &shown, || print(&listed(&shown)));
        }
        What::Approve(Approved { decided: Decided { terminal, id }, out }) => {
            let shown = terminal::with(&terminal, |terminal| approve(terminal, id))?;
            deliver(&terminal, &shown, out.as_deref())?;
        }
        What::Deny(Decided { terminal, id }) => {
            let shown = terminal::with(&terminal, |terminal| deny(terminal, id))?;
            show(&terminal, &shown, || print(&lines(&without(&shown, &["csr"]))));
        }
        What::Revoke(Revoked { terminal, thumbprint, reason }) => {
            let named = named(&thumbprint, &reason)?;
            let shown = terminal::with(&terminal, |terminal| revoke(terminal, named))?;
            show(&terminal, &shown, || print(&lines(&without(&shown, &["certificate"]))));
        }
    }
    Ok(())
}

fn show(options: &TerminalOptions, shown: &Value, print: impl FnOnce()) {
    if options.json { print_json(shown) } else { print() }
}

/// Prints what was issued, or writes it to a file that no refusal leaves behind empty.
fn deliver(options: &TerminalOptions, shown: &Value, out: Option<&Path>) -> Result<(), Failed> {
    let text = |member| shown.get(member).and_then(Value::as_str).unwrap_or_default();
    let pem = format!("{}{}", text("certificate"), text("chain"));
    let pem = pem.trim_end();
    let Some(file) = out else {
        show(options, shown, || print(pem));
        return Ok(());
    };
    let path = file.display();
    if let Err(error) = std::fs::write(file, format!("{pem}\n")) {
        print(pem);
        return Err(Failed(format!("{path} cannot be written: {error}: what was issued is printed instead")));
    }
    show(options, shown, || print(&format!("{path} holds the certificate and the authority above it")));
    Ok(())
}

/// Makes the PKI, and tells what comes next.
async fn init(
    Terminal { administration, caller }: Terminal,
    options: &TerminalOptions,
) -> Result<(), Failed> {
    administration.init_pki(&caller).await?;
    let who = match administration.authority.terms().eyes {
        Eyes::Four => "Another account approves it",
        Eyes::Two => "Approve it",
    };
    let issuer = &administration.authority.terms().issuer;
    let next = format!(
        "The client PKI is set up. What comes next:\n\
         1. Bind a client to it: register it with \"trust_community\": \"hilum-pki\" and\n   \
         \"token_endpoint_auth_method\": \"tls_client_auth\". The name of its certificates,\n   \
         {issuer}/clients/CLIENT_ID, is filled in.\n\
         2. Ask for its certificate: hilum pki request CLIENT_ID client.csr\n\
         3. {who}: hilum pki approve REQUEST --out client.pem\n\
         Take a backup of the database now: the keys of the PKI are nowhere else."
    );
    authorities::tell(options, &administration, &next, &[]).await
}

async fn status(administration: Administration) -> Result<Value, Failed> {
    let mut shown = authorities::shown(&administration).await?;
    let requests = all(&administration).await?;
    let waiting = requests.iter().filter(|request| cell(request, "state") == RequestState::Pending.as_str());
    if let Some(members) = shown.as_object_mut() {
        members.insert("requests_pending".to_owned(), json!(waiting.count()));
        let due = administration.list_renewals_due(MOST_DUE).await?;
        members.insert("renewals_due".to_owned(), Value::Array(due.iter().map(show_due).collect()));
    }
    Ok(shown)
}

fn asked(client: &str, csr: &Path) -> Result<Asked, Failed> {
    let unknown = || Failed(format!("{client:?} is not a client_id"));
    Ok(Asked {
        client: ClientId::parse(client).ok_or_else(unknown)?,
        csr: read_bytes(csr)?,
        asked_with: None,
    })
}

async fn request(Terminal { administration, caller }: Terminal, asked: Asked) -> Result<Value, Failed> {
    let request = administration.request_certificate(&caller, asked).await?;
    Ok(show_request(&request, administration.clock.now()))
}

async fn requests(administration: Administration) -> Result<Value, Failed> {
    Ok(Value::Array(all(&administration).await?))
}

/// Every request, page by page.
async fn all(administration: &Administration) -> Result<Vec<Value>, Failed> {
    let now = administration.clock.now();
    let mut all = Vec::new();
    let mut page = Page { after: None, limit: 200 };
    loop {
        let requests = administration.list_certificate_requests(&page).await?;
        let Some(last) = requests.last() else { return Ok(all) };
        page.after = Some(last.id);
        all.extend(requests.iter().map(|request| show_request(request, now)));
    }
}

fn listed(requests: &Value) -> String {
    let members = ["id", "client_id", "state", "requested_by", "requested_at", "thumbprint"];
    let row = |request: &Value| members.iter().map(|member| cell(request, member)).collect();
    let rows: Vec<Vec<String>> =
        requests.as_array().map(|requests| requests.iter().map(row).collect()).unwrap_or_default();
    table(&members, &rows)
}

/// The request that is meant: by its own name, or by that of a client.
async fn meant(administration: &Administration, id: Uuid) -> Result<Uuid, Failed> {
    let waits = |request: &Value| {
        let is_pending = cell(request, "state") == RequestState::Pending.as_str();
        is_pending && cell(request, "client_id") == id.to_string()
    };
    let of_client: Vec<String> = all(administration)
        .await?
        .iter()
        .filter(|request| waits(request))
        .map(|one| cell(one, "id"))
        .collect();
    match of_client.as_slice() {
        [] => Ok(id),
        [one] => Uuid::parse_str(one).map_err(|error| Failed(error.to_string())),
        [_, _, ..] => Err(Failed(format!("{id} has several requests; give one of {}", of_client.join(", ")))),
    }
}

async fn approve(Terminal { administration, caller }: Terminal, id: Uuid) -> Result<Value, Failed> {
    let id = meant(&administration, id).await?;
    Ok(show_issued(&administration.approve_certificate(&caller, id).await?))
}

async fn deny(Terminal { administration, caller }: Terminal, id: Uuid) -> Result<Value, Failed> {
    let id = meant(&administration, id).await?;
    let request = administration.deny_certificate(&caller, id).await?;
    Ok(show_request(&request, administration.clock.now()))
}

fn named(thumbprint: &str, given: &str) -> Result<(Thumbprint, RevocationReason), Failed> {
    let found = Thumbprint::parse(thumbprint)
        .ok_or_else(|| Failed(format!("{thumbprint:?} is not a thumbprint: 43 characters, the x5t#S256")))?;
    Ok((found, reason(given)?))
}

/// Reads why something is revoked.
pub(super) fn reason(given: &str) -> Result<RevocationReason, Failed> {
    let words = RevocationReason::ALL.map(RevocationReason::as_str).join(", ");
    RevocationReason::parse(given)
        .ok_or_else(|| Failed(format!("{given:?} is not a reason; give one of {words}")))
}

async fn revoke(
    Terminal { administration, caller }: Terminal,
    (thumbprint, reason): (Thumbprint, RevocationReason),
) -> Result<Value, Failed> {
    Ok(show_certificate(&administration.revoke_certificate(&caller, thumbprint, reason).await?))
}

/// A certificate that should be renewed.
fn show_due((known, contacts): &(KnownCertificate, Vec<String>)) -> Value {
    let shown = show_certificate(known);
    let member = |name: &str| shown.get(name).cloned().unwrap_or_default();
    json!({
        "client_id": member("client_id"),
        "thumbprint": member("thumbprint"),
        "not_after": member("not_after"),
        "contacts": contacts,
    })
}

fn due(shown: &Value) -> Option<String> {
    let due = shown.get("renewals_due").and_then(Value::as_array).filter(|due| !due.is_empty())?;
    let members = ["client_id", "not_after", "contacts", "thumbprint"];
    let row = |one: &Value| members.iter().map(|member| cell(one, member)).collect();
    Some(table(&members, &due.iter().map(row).collect::<Vec<_>>()))
}

/// A document without what a table has no room for.
fn without(shown: &Value, members: &[&str]) -> Value {
    let mut rest = shown.clone();
    if let Some(object) = rest.as_object_mut() {
        object.retain(|name, _| !members.contains(&name.as_str()));
    }
    rest
}
