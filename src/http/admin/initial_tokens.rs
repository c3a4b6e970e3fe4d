//! `/admin/v1/initial-access-tokens`.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::model::registration::InitialToken;
use crate::moment::seconds;
use crate::protocol::error::{ErrorCode, Reason, Refusal};

use super::call::{Answer, Call, Unanswered};
use super::paging;

const PATH: &str = "/admin/v1/initial-access-tokens";

pub(super) async fn create(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document()?;
    let (token, text) = call.state.administration.create_initial_token(&call.caller, &document).await?;
    let mut shown = show(&token);
    // The one time that it is shown.
    if let Some(members) = shown.as_object_mut() {
        members.insert("token".to_owned(), json!(text.expose()));
    }
    Ok(Answer::created(shown, format!("{PATH}/{}", token.id)))
}

pub(super) async fn list(call: Call) -> Result<Answer, Unanswered> {
    call.only_query(&["cursor", "limit"])?;
    let page = paging::page(&call.query, |text| text.parse().ok())?;
    let tokens = call.state.administration.list_initial_tokens(&page).await?;
    let last = tokens.last().filter(|_| paging::is_full(tokens.len(), page.limit));
    let cursor = last.map(|token| paging::cursor(&token.id.to_string()));
    let next = cursor.as_ref().map(|cursor| format!("{PATH}?limit={}&cursor={cursor}", page.limit));
    let items: Vec<Value> = tokens.iter().map(show).collect();
    Ok(Answer::ok(json!({"items": items, "next": cursor})).next(next))
}

pub(super) async fn read(call: Call) -> Result<Answer, Unanswered> {
    Ok(Answer::ok(show(&call.state.administration.find_initial_token(target(&call)?).await?)))
}

pub(super) async fn delete(call: Call) -> Result<Answer, Unanswered> {
    call.state.administration.delete_initial_token(&call.caller, target(&call)?).await?;
    Ok(Answer::no_content())
}

/// The record that the path names.
pub(super) fn target(call: &Call) -> Result<Uuid, Refusal> {
    let unknown =
        |_| Refusal::new(ErrorCode::NotFound, "there is nothing of that name", Reason::new("id_unknown"));
    call.path("id").parse().map_err(unknown)
}

/// A token as it stands; never its text.
fn show(token: &InitialToken) -> Value {
    let mut document = token.allowance.to_json();
    document.insert("id".to_owned(), json!(token.id));
    document.insert("note".to_owned(), json!(token.note));
    document.insert("registrations".to_owned(), json!(token.registrations));
    document.insert("used".to_owned(), json!(token.used));
    document.insert("created_at".to_owned(), json!(seconds(token.created_at)));
    document.insert("expires_at".to_owned(), json!(seconds(token.expires_at)));
    Value::Object(document)
}
