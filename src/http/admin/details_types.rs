//! `/admin/v1/authorization-details-types`.

use serde_json::{Value, json};

use crate::admin::details_types::Target;
use crate::model::authorization_details_type::DetailsType;
use crate::moment::seconds;
use crate::protocol::authorization_details::is_type_name;
use crate::protocol::error::Refusal;

use super::call::{Answer, Call, Unanswered};
use super::paging;

const PATH: &str = "/admin/v1/authorization-details-types";

pub(super) async fn list(call: Call) -> Result<Answer, Unanswered> {
    call.only_query(&["cursor", "limit"])?;
    let page = paging::page(&call.query, |text| is_type_name(text).then(|| text.to_owned()))?;
    let types = call.state.administration.list_details_types(&page).await?;
    let last = types.last().filter(|_| paging::is_full(types.len(), page.limit));
    let cursor = last.map(|kind| paging::cursor(&kind.name));
    let next = cursor.as_ref().map(|cursor| format!("{PATH}?limit={}&cursor={cursor}", page.limit));
    let items: Vec<Value> = types.iter().map(show).collect();
    Ok(Answer::ok(json!({"items": items, "next": cursor})).next(next))
}

pub(super) async fn read(call: Call) -> Result<Answer, Unanswered> {
    Ok(shown(&call.state.administration.find_details_type(call.path("type")).await?))
}

pub(super) async fn put(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document()?;
    let target = target(&call)?;
    let written = call.state.administration.put_details_type(&call.caller, target, document).await?;
    if written.version > 1 {
        return Ok(shown(&written));
    }
    Ok(Answer::created(show(&written), format!("{PATH}/{}", written.name)).version(written.version))
}

pub(super) async fn delete(call: Call) -> Result<Answer, Unanswered> {
    call.state.administration.delete_details_type(&call.caller, target(&call)?).await?;
    Ok(Answer::no_content())
}

fn target(call: &Call) -> Result<Target, Refusal> {
    Ok(Target { name: call.path("type").to_owned(), version: call.expected_version()? })
}

fn shown(kind: &DetailsType) -> Answer {
    Answer::ok(show(kind)).version(kind.version)
}

fn show(kind: &DetailsType) -> Value {
    json!({
        "name": kind.name,
        "title": kind.title,
        "schema": kind.schema.to_json(),
        "version": kind.version,
        "created_at": seconds(kind.created_at),
        "updated_at": seconds(kind.updated_at),
    })
}
