//! `hilum user`: what `/admin/v1/users` does, from a terminal.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::admin::Administration;
use crate::admin::profile::Record;
use crate::admin::users::Target;
use crate::http::admin::users::{show, show_admitted};
use crate::model::page::Page;
use crate::model::person::Username;
use crate::protocol::error::Failure;

use super::output::{Failed, cell, lines, print, print_json, table};
use super::terminal::{self, Terminal, TerminalOptions, read_document};

/// Options of `hilum user`.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    terminal: TerminalOptions,
    #[command(subcommand)]
    what: What,
}

/// Whom it is about: a user name or a subject.
#[derive(Args, Debug)]
struct Whom {
    /// The user name or the subject, as `hilum user list` names them
    #[arg(value_name = "USER")]
    user: String,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Create a person from a JSON file (- for the input stream); prints the password once if none is given
    Create {
        /// The person, a JSON file
        file: PathBuf,
    },
    /// List the people
    List,
    /// Show one person
    Show(Whom),
    /// Merge a JSON file into what is said of a person (RFC 7396: null removes a member)
    Patch {
        #[command(flatten)]
        whom: Whom,
        /// The members that change, a JSON file (- for the input stream)
        file: PathBuf,
    },
    /// Stop a person: no sign-in any more, and every session, grant and token is dead
    Disable(Whom),
    /// Let a stopped person go on; what began before stays dead
    Enable(Whom),
    /// Give a person another password, and end every session, grant and token; prints a password made here once
    Reset {
        #[command(flatten)]
        whom: Whom,
        /// A JSON file with the member `password` (- for the input stream) [default: a password is made]
        file: Option<PathBuf>,
    },
}

/// Runs `hilum user`.
pub fn run(options: Options) -> Result<(), Failed> {
    let json = options.terminal.json;
    let shown = terminal::with(&options.terminal, |terminal| perform(terminal, options.what))?;
    match shown.as_array() {
        _ if json => print_json(&shown),
        Some(people) => print(&table(&HEADING, &people.iter().map(row).collect::<Vec<_>>())),
        None => print(&lines(&shown)),
    }
    Ok(())
}

const HEADING: [&str; 6] = ["username", "status", "roles", "name", "organization", "subject"];

fn row(person: &Value) -> Vec<String> {
    HEADING.iter().map(|member| cell(person, member)).collect()
}

async fn perform(terminal: Terminal, what: What) -> Result<Value, Failed> {
    let Terminal { administration, caller } = terminal;
    Ok(match what {
        What::Create { file } => {
            show_admitted(&administration.create_user(&caller, &read_document(&file)?).await?)
        }
        What::List => return list(&administration).await,
        What::Show(whom) => show(&find(&administration, &whom).await?),
        What::Patch { whom, file } => {
            let target = target(&administration, &whom).await?;
            show(&administration.patch_user(&caller, target, read_document(&file)?).await?)
        }
        What::Disable(whom) => {
            let target = target(&administration, &whom).await?;
            show(&administration.disable_user(&caller, target).await?)
        }
        What::Enable(whom) => {
            let target = target(&administration, &whom).await?;
            show(&administration.enable_user(&caller, target).await?)
        }
        What::Reset { whom, file } => {
            let target = target(&administration, &whom).await?;
            let document = file.as_deref().map_or_else(|| Ok(Map::new()), read_document)?;
            show_admitted(&administration.reset_user(&caller, target, &document).await?)
        }
    })
}

/// Everybody, page by page.
async fn list(administration: &Administration) -> Result<Value, Failed> {
    let mut all = Vec::new();
    let mut page = Page { after: None, limit: 200 };
    loop {
        let people = administration.list_users(&page).await?;
        let Some(last) = people.last() else { return Ok(Value::Array(all)) };
        page.after = Some(last.person.username.clone());
        all.extend(people.iter().map(show));
    }
}

async fn target(administration: &Administration, whom: &Whom) -> Result<Target, Failed> {
    Ok(Target { subject: find(administration, whom).await?.person.subject, version: None })
}

async fn find(administration: &Administration, Whom { user }: &Whom) -> Result<Record, Failed> {
    let found = match (Uuid::try_parse(user), Username::parse(user)) {
        (Ok(subject), _) => administration.find_user(&subject).await,
        (Err(_), Some(username)) => administration.find_user_named(&username).await,
        (Err(_), None) => return Err(Failed(format!("{user:?} is neither a user name nor a subject"))),
    };
    found.map_err(|failure| match failure {
        Failure::Refusal(_) => Failed(format!("not_found: there is nobody called {user}")),
        Failure::Fault(fault) => fault.into(),
    })
}
