//! `/admin/v1/trusted-issuers`.

use serde_json::{Value, json};

use crate::admin::trusted_issuers::{Put, Target};
use crate::model::trusted_issuer::TrustedIssuer;
use crate::moment::seconds;
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::protocol::ids::IssuerName;

use super::call::{Answer, Call, Unanswered};
use super::paging;

const PATH: &str = "/admin/v1/trusted-issuers";

pub(super) async fn list(call: Call) -> Result<Answer, Unanswered> {
    call.only_query(&["cursor", "limit"])?;
    let page = paging::page(&call.query, IssuerName::parse)?;
    let issuers = call.state.administration.list_trusted_issuers(&page).await?;
    let last = issuers.last().filter(|_| paging::is_full(issuers.len(), page.limit));
    let cursor = last.map(|issuer| paging::cursor(issuer.name.as_str()));
    let next = cursor.as_ref().map(|cursor| format!("{PATH}?limit={}&cursor={cursor}", page.limit));
    let items: Vec<Value> = issuers.iter().map(show).collect();
    Ok(Answer::ok(json!({"items": items, "next": cursor})).next(next))
}

pub(super) async fn read(call: Call) -> Result<Answer, Unanswered> {
    let issuer = call.state.administration.find_trusted_issuer(&target(&call)?.name).await?;
    Ok(Answer::ok(show(&issuer)).version(issuer.version))
}

pub(super) async fn put(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document()?;
    let target = target(&call)?;
    match call.state.administration.put_trusted_issuer(&call.caller, target, document).await? {
        Put::Created(issuer) => {
            let location = format!("{PATH}/{}", issuer.name);
            Ok(Answer::created(show(&issuer), location).version(issuer.version))
        }
        Put::Replaced(issuer) => Ok(Answer::ok(show(&issuer)).version(issuer.version)),
    }
}

pub(super) async fn delete(call: Call) -> Result<Answer, Unanswered> {
    call.state.administration.delete_trusted_issuer(&call.caller, target(&call)?).await?;
    Ok(Answer::no_content())
}

fn target(call: &Call) -> Result<Target, Refusal> {
    let unknown = || {
        let reason = Reason::new("trusted_issuer_unknown");
        Refusal::new(ErrorCode::NotFound, "there is no such trusted issuer", reason)
    };
    let name = IssuerName::parse(call.path("name")).ok_or_else(unknown)?;
    Ok(Target { name, version: call.expected_version()? })
}

/// A registration with what the server adds to it.
fn show(issuer: &TrustedIssuer) -> Value {
    let mut document = issuer.metadata.to_json();
    document.insert("name".to_owned(), json!(issuer.name.as_str()));
    document.insert("version".to_owned(), json!(issuer.version));
    document.insert("created_at".to_owned(), json!(seconds(issuer.created_at)));
    document.insert("updated_at".to_owned(), json!(seconds(issuer.updated_at)));
    Value::Object(document)
}
