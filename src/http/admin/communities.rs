//! `/admin/v1/communities`.

use serde_json::{Value, json};

use crate::admin::communities::Target;
use crate::model::community::Community;
use crate::moment::seconds;
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::protocol::ids::CommunityName;

use super::call::{Answer, Call, Unanswered};
use super::paging;

const PATH: &str = "/admin/v1/communities";

pub(super) async fn create(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document()?;
    let community = call.state.administration.create_community(&call.caller, document).await?;
    let location = format!("{PATH}/{}", community.name);
    Ok(Answer::created(show(&community), location).version(community.version))
}

pub(super) async fn list(call: Call) -> Result<Answer, Unanswered> {
    call.only_query(&["cursor", "limit"])?;
    let page = paging::page(&call.query, CommunityName::parse)?;
    let communities = call.state.administration.list_communities(&page).await?;
    let last = communities.last().filter(|_| paging::is_full(communities.len(), page.limit));
    let cursor = last.map(|community| paging::cursor(community.name.as_str()));
    let next = cursor.as_ref().map(|cursor| format!("{PATH}?limit={}&cursor={cursor}", page.limit));
    let items: Vec<Value> = communities.iter().map(show).collect();
    Ok(Answer::ok(json!({"items": items, "next": cursor})).next(next))
}

pub(super) async fn read(call: Call) -> Result<Answer, Unanswered> {
    Ok(shown(&call.state.administration.find_community(&target(&call)?.name).await?))
}

pub(super) async fn replace(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document()?;
    let administration = &call.state.administration;
    Ok(shown(&administration.replace_community(&call.caller, target(&call)?, &document).await?))
}

pub(super) async fn delete(call: Call) -> Result<Answer, Unanswered> {
    call.state.administration.delete_community(&call.caller, target(&call)?).await?;
    Ok(Answer::no_content())
}

fn target(call: &Call) -> Result<Target, Refusal> {
    let unknown = || {
        let reason = Reason::new("community_unknown");
        Refusal::new(ErrorCode::NotFound, "there is no such trust community", reason)
    };
    let name = CommunityName::parse(call.path("name")).ok_or_else(unknown)?;
    Ok(Target { name, version: call.expected_version()? })
}

fn shown(community: &Community) -> Answer {
    Answer::ok(show(community)).version(community.version)
}

/// A registration with what the server adds to it.
#[must_use]
pub fn show(community: &Community) -> Value {
    let mut document = community.terms.to_json();
    document.insert("name".to_owned(), json!(community.name.as_str()));
    document.insert("subjects".to_owned(), json!(community.terms.anchors.anchor_subjects()));
    document.insert("version".to_owned(), json!(community.version));
    document.insert("created_at".to_owned(), json!(seconds(community.created_at)));
    document.insert("updated_at".to_owned(), json!(seconds(community.updated_at)));
    Value::Object(document)
}
