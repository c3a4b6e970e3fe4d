//! `/admin/v1/statement-issuers`.

use serde_json::{Value, json};

use crate::model::registration::StatementIssuer;
use crate::moment::seconds;

use super::call::{Answer, Call, Unanswered};
use super::initial_tokens::target;
use super::paging;

const PATH: &str = "/admin/v1/statement-issuers";

pub(super) async fn create(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document()?;
    let issuer = call.state.administration.create_statement_issuer(&call.caller, &document).await?;
    Ok(Answer::created(show(&issuer), format!("{PATH}/{}", issuer.id)))
}

pub(super) async fn list(call: Call) -> Result<Answer, Unanswered> {
    call.only_query(&["cursor", "limit"])?;
    let page = paging::page(&call.query, |text| text.parse().ok())?;
    let issuers = call.state.administration.list_statement_issuers(&page).await?;
    let last = issuers.last().filter(|_| paging::is_full(issuers.len(), page.limit));
    let cursor = last.map(|issuer| paging::cursor(&issuer.id.to_string()));
    let next = cursor.as_ref().map(|cursor| format!("{PATH}?limit={}&cursor={cursor}", page.limit));
    let items: Vec<Value> = issuers.iter().map(show).collect();
    Ok(Answer::ok(json!({"items": items, "next": cursor})).next(next))
}

pub(super) async fn read(call: Call) -> Result<Answer, Unanswered> {
    Ok(Answer::ok(show(&call.state.administration.find_statement_issuer(target(&call)?).await?)))
}

pub(super) async fn replace(call: Call) -> Result<Answer, Unanswered> {
    let (id, document) = (target(&call)?, call.document()?);
    let issuer = call.state.administration.replace_statement_issuer(&call.caller, id, &document).await?;
    Ok(Answer::ok(show(&issuer)))
}

pub(super) async fn delete(call: Call) -> Result<Answer, Unanswered> {
    call.state.administration.delete_statement_issuer(&call.caller, target(&call)?).await?;
    Ok(Answer::no_content())
}

fn show(issuer: &StatementIssuer) -> Value {
    let mut document = issuer.metadata.to_json();
    document.insert("id".to_owned(), json!(issuer.id));
    document.insert("created_at".to_owned(), json!(seconds(issuer.created_at)));
    document.insert("updated_at".to_owned(), json!(seconds(issuer.updated_at)));
    Value::Object(document)
}
