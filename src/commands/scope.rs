//! `hilum scope`: what `/admin/v1/scopes` does, from a terminal.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use crate::admin::Administration;
use crate::http::admin::scopes::show;
use crate::model::client::Client;
use crate::model::page::Page;
use crate::protocol::error::Failure;
use crate::protocol::ids::ClientId;

use super::output::{Failed, print, print_json};
use super::terminal::{self, Terminal, TerminalOptions};
use super::verdict::{Ink, tell};

/// Options of `hilum scope`.
#[derive(Args, Debug)]
pub struct Options {
    #[command(flatten)]
    terminal: TerminalOptions,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Tell what would be granted, narrowed or dropped of a request, by which rule, and what to do about it
    Explain(Question),
}

#[derive(Args, Debug)]
struct Question {
    /// The client: its `client_id`, or its name when no other has it
    #[arg(long, value_name = "CLIENT")]
    client: String,
    /// The person, by user name or subject [default: whoever signs in]
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// The URL of the resource server, as the request would name it
    #[arg(long, value_name = "URL")]
    resource: Option<String>,
    /// `authorization_code` or `client_credentials` [default: what the client is registered for]
    #[arg(long, value_name = "GRANT")]
    grant_type: Option<String>,
    /// The id of the patient in context [default: the only patient the person may act for]
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    patient: Option<String>,
    /// The scopes, as the request would have them
    #[arg(required = true, value_name = "SCOPE")]
    scope: Vec<String>,
}

/// Runs `hilum scope`.
pub fn run(options: Options) -> Result<(), Failed> {
    let json = options.terminal.json;
    let What::Explain(question) = options.what;
    let explained = terminal::with(&options.terminal, |terminal| async move {
        let Terminal { administration, caller } = terminal;
        let client = find(&administration, &question.client).await?;
        Ok(administration.explain_scopes(&caller, &document(question, &client.id)).await?)
    })?;
    if json {
        print_json(&show(&explained));
    } else {
        print(&tell(&explained, Ink::of_output()));
    }
    Ok(())
}

/// The question as the admin API takes it.
fn document(question: Question, client: &ClientId) -> Map<String, Value> {
    let Question { user, resource, grant_type, patient, scope, .. } = question;
    let members = [
        ("client_id", Some(client.to_string())),
        ("scope", Some(scope.join(" "))),
        ("user", user),
        ("resource", resource),
        ("grant_type", grant_type),
        ("patient", patient),
    ];
    members.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::String(text?)))).collect()
}

/// Finds a client by its identifier, or by its name as far as letters and digits tell it from others.
async fn find(administration: &Administration, text: &str) -> Result<Client, Failed> {
    if let Some(id) = ClientId::parse(text) {
        match administration.find_client(&id).await {
            Ok(client) => return Ok(client),
            Err(Failure::Refusal(_)) => {}
            Err(Failure::Fault(fault)) => return Err(fault.into()),
        }
    }
    let wanted = plain(text);
    let mut found: Vec<Client> = Vec::new();
    let mut page = Page { after: None, limit: 200 };
    loop {
        let clients = administration.list_clients(&page).await?;
        let Some(last) = clients.last() else { break };
        page.after = Some(last.id.clone());
        found.extend(clients.into_iter().filter(|client| plain(&client.metadata.client_name) == wanted));
    }
    match found.len() {
        0 => Err(Failed(format!("not_found: there is no client with the client_id or the name {text}"))),
        1 => found.pop().ok_or_else(|| Failed("not_found".to_owned())),
        _ => {
            let ids: Vec<&str> = found.iter().map(|client| client.id.as_str()).collect();
            let ids = ids.join("\n  ");
            Err(Failed(format!("several clients have the name {text}; name one by its client_id:\n  {ids}")))
        }
    }
}

/// `Growth Chart` as `growthchart`.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
