//! `/admin/v1/clients`.

use serde_json::{Map, Value, json};
use time::Duration;

use crate::admin::clients::{Registered, Target};
use crate::model::client::Client;
use crate::model::registration::Provenance;
use crate::moment::seconds;
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::protocol::fields::Fields;
use crate::protocol::ids::ClientId;

use super::call::{Answer, Call, Unanswered};
use super::paging;

const PATH: &str = "/admin/v1/clients";

/// The most a former secret stays good beside a new one, in seconds: 30 days.
const MOST_OVERLAP: i64 = 2_592_000;

pub(super) async fn create(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document()?;
    let registered = call.state.administration.create_client(&call.caller, &document).await?;
    let location = format!("{PATH}/{}", registered.client.id);
    let version = registered.client.version;
    Ok(Answer::created(show_registered(&registered), location).version(version))
}

pub(super) async fn list(call: Call) -> Result<Answer, Unanswered> {
    call.only_query(&["cursor", "limit"])?;
    let page = paging::page(&call.query, ClientId::parse)?;
    let clients = call.state.administration.list_clients(&page).await?;
    let last = clients.last().filter(|_| paging::is_full(clients.len(), page.limit));
    let cursor = last.map(|client| paging::cursor(client.id.as_str()));
    let next = cursor.as_ref().map(|cursor| format!("{PATH}?limit={}&cursor={cursor}", page.limit));
    let items: Vec<Value> = clients.iter().map(show).collect();
    Ok(Answer::ok(json!({"items": items, "next": cursor})).next(next))
}

pub(super) async fn read(call: Call) -> Result<Answer, Unanswered> {
    let client = call.state.administration.find_client(&target(&call)?.id).await?;
    Ok(shown(&client))
}

pub(super) async fn replace(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document()?;
    let client = call.state.administration.replace_client(&call.caller, target(&call)?, &document).await?;
    Ok(shown(&client))
}

pub(super) async fn patch(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document()?;
    let client = call.state.administration.patch_client(&call.caller, target(&call)?, document).await?;
    Ok(shown(&client))
}

pub(super) async fn delete(call: Call) -> Result<Answer, Unanswered> {
    call.state.administration.delete_client(&call.caller, target(&call)?).await?;
    Ok(Answer::no_content())
}

pub(super) async fn disable(call: Call) -> Result<Answer, Unanswered> {
    Ok(shown(&call.state.administration.disable_client(&call.caller, target(&call)?).await?))
}

pub(super) async fn enable(call: Call) -> Result<Answer, Unanswered> {
    Ok(shown(&call.state.administration.enable_client(&call.caller, target(&call)?).await?))
}

pub(super) async fn approve(call: Call) -> Result<Answer, Unanswered> {
    let Target { id, version } = target(&call)?;
    let version = version.ok_or_else(|| {
        let told = "name in If-Match the version that you have looked at";
        Refusal::new(ErrorCode::PreconditionRequired, told, Reason::new("etag_missing"))
    })?;
    Ok(shown(&call.state.administration.approve_client(&call.caller, id, version).await?))
}

pub(super) async fn rotate_secret(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document_or_empty()?;
    let mut fields = Fields::of(&document);
    let overlap = fields.number("overlap_seconds", 0..=MOST_OVERLAP).unwrap_or(0);
    let problems = fields.finish();
    if !problems.is_empty() {
        return Err(crate::admin::registration::refusal(problems).into());
    }
    let overlap = Duration::seconds(overlap);
    let registered = call.state.administration.rotate_secret(&call.caller, target(&call)?, overlap).await?;
    let version = registered.client.version;
    Ok(Answer::ok(show_registered(&registered)).version(version))
}

pub(super) async fn add_key(call: Call) -> Result<Answer, Unanswered> {
    let key = Value::Object(call.document()?);
    let client = call.state.administration.add_key(&call.caller, target(&call)?, &key).await?;
    Ok(shown(&client))
}

pub(super) async fn remove_key(call: Call) -> Result<Answer, Unanswered> {
    let kid = call.path("kid").to_owned();
    let client = call.state.administration.remove_key(&call.caller, target(&call)?, kid).await?;
    Ok(shown(&client))
}

/// The client that the path names, in the version that `If-Match` names.
fn target(call: &Call) -> Result<Target, Refusal> {
    let id = ClientId::parse(call.path("id"));
    let id = id.ok_or_else(|| {
        Refusal::new(ErrorCode::NotFound, "there is no such client", Reason::new("client_unknown"))
    })?;
    Ok(Target { id, version: call.expected_version()? })
}

fn shown(client: &Client) -> Answer {
    Answer::ok(show(client)).version(client.version)
}

/// A registration with what the server adds to it; never a secret.
#[must_use]
pub fn show(client: &Client) -> Value {
    Value::Object(members(client))
}

fn members(client: &Client) -> Map<String, Value> {
    let mut document = client.metadata.to_json();
    document.insert("client_id".to_owned(), json!(client.id.as_str()));
    document.insert("client_id_issued_at".to_owned(), json!(seconds(client.created_at)));
    document.insert("status".to_owned(), json!(client.status.as_str()));
    document.insert("version".to_owned(), json!(client.version));
    document.insert("updated_at".to_owned(), json!(seconds(client.updated_at)));
    let Provenance { by, approved_at } = client.provenance;
    document.insert("registered_by".to_owned(), json!(by.as_str()));
    if let Some(with) = by.with() {
        document.insert("registered_with".to_owned(), json!(with));
        document.insert("approved_at".to_owned(), json!(approved_at.map(seconds)));
    }
    document
}

/// A registration with the secret that was just made, the one time it is shown (RFC 7591, 3.2.1).
#[must_use]
pub fn show_registered(registered: &Registered) -> Value {
    let mut document = members(&registered.client);
    if let Some(secret) = &registered.secret {
        document.insert("client_secret".to_owned(), json!(secret.expose()));
        document.insert("client_secret_expires_at".to_owned(), json!(0));
    }
    Value::Object(document)
}
