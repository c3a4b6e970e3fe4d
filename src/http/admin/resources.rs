//! `/admin/v1/resources`.

use serde_json::{Value, json};

use crate::admin::resources::Target;
use crate::model::resource::Resource;
use crate::moment::seconds;
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::protocol::ids::ResourceName;

use super::call::{Answer, Call, Unanswered};
use super::paging;

const PATH: &str = "/admin/v1/resources";

pub(super) async fn create(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document()?;
    let resource = call.state.administration.create_resource(&call.caller, document).await?;
    Ok(Answer::created(show(&resource), format!("{PATH}/{}", resource.name)).version(resource.version))
}

pub(super) async fn list(call: Call) -> Result<Answer, Unanswered> {
    call.only_query(&["cursor", "limit"])?;
    let page = paging::page(&call.query, ResourceName::parse)?;
    let resources = call.state.administration.list_resources(&page).await?;
    let last = resources.last().filter(|_| paging::is_full(resources.len(), page.limit));
    let cursor = last.map(|resource| paging::cursor(resource.name.as_str()));
    let next = cursor.as_ref().map(|cursor| format!("{PATH}?limit={}&cursor={cursor}", page.limit));
    let items: Vec<Value> = resources.iter().map(show).collect();
    Ok(Answer::ok(json!({"items": items, "next": cursor})).next(next))
}

pub(super) async fn read(call: Call) -> Result<Answer, Unanswered> {
    Ok(shown(&call.state.administration.find_resource(&target(&call)?.name).await?))
}

pub(super) async fn replace(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document()?;
    Ok(shown(&call.state.administration.replace_resource(&call.caller, target(&call)?, document).await?))
}

pub(super) async fn patch(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document()?;
    Ok(shown(&call.state.administration.patch_resource(&call.caller, target(&call)?, document).await?))
}

pub(super) async fn delete(call: Call) -> Result<Answer, Unanswered> {
    call.state.administration.delete_resource(&call.caller, target(&call)?).await?;
    Ok(Answer::no_content())
}

fn target(call: &Call) -> Result<Target, Refusal> {
    let name = ResourceName::parse(call.path("name"));
    let unknown = || {
        Refusal::new(ErrorCode::NotFound, "there is no such resource server", Reason::new("resource_unknown"))
    };
    Ok(Target { name: name.ok_or_else(unknown)?, version: call.expected_version()? })
}

fn shown(resource: &Resource) -> Answer {
    Answer::ok(show(resource)).version(resource.version)
}

/// A registration with what the server adds to it.
#[must_use]
pub fn show(resource: &Resource) -> Value {
    let mut document = resource.metadata.to_json();
    document.insert("name".to_owned(), json!(resource.name.as_str()));
    document.insert("version".to_owned(), json!(resource.version));
    document.insert("created_at".to_owned(), json!(seconds(resource.created_at)));
    document.insert("updated_at".to_owned(), json!(seconds(resource.updated_at)));
    Value::Object(document)
}
