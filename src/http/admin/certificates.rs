//! `/admin/v1/certificates`.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::model::watched_certificate::{Place, Wanted, WatchedCertificate};
use crate::moment::Timestamp;
use crate::protocol::error::Refusal;
use crate::protocol::ids::ClientId;

use super::call::{Answer, Call, Unanswered};
use super::paging;

const PATH: &str = "/admin/v1/certificates";

pub(super) async fn list(call: Call) -> Result<Answer, Unanswered> {
    call.only_query(&["cursor", "limit", "expires_before", "client_id"])?;
    let page = paging::page(&call.query, Place::parse)?;
    let wanted = wanted(&call)?;
    let administration = &call.state.administration;
    let found = administration.list_certificates(&wanted, &page).await?;
    let now = administration.clock.now();
    let last = found.last().filter(|_| paging::is_full(found.len(), page.limit));
    let cursor = last.map(|last| paging::cursor(&last.place().text()));
    let next = cursor.as_ref().map(|cursor| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &page.limit.to_string()).append_pair("cursor", cursor);
        for name in ["expires_before", "client_id"] {
            call.query.optional(name).map(|value| query.append_pair(name, value));
        }
        format!("{PATH}?{}", query.finish())
    });
    let items: Vec<Value> = found.iter().map(|one| show(one, now)).collect();
    Ok(Answer::ok(json!({"items": items, "next": cursor})).next(next))
}

fn wanted(call: &Call) -> Result<Wanted, Refusal> {
    let before = call.query.optional("expires_before").map(|text| {
        Timestamp::parse(text, &Rfc3339).map_err(|_| {
            let told = "expires_before must be a time such as 2026-01-31T08:00:00Z";
            Refusal::invalid_request(told, "expires_before")
        })
    });
    let client = call.query.optional("client_id").map(|text| {
        let unknown = || Refusal::invalid_request("client_id must be that of a client", "client_id");
        ClientId::parse(text).map(|id| id.to_string()).ok_or_else(unknown)
    });
    Ok(Wanted { before: before.transpose()?, client: client.transpose()? })
}

/// A certificate, and how long it is good.
#[must_use]
pub fn show(one: &WatchedCertificate, now: Timestamp) -> Value {
    let at = |time: Timestamp| time.format(&Rfc3339).unwrap_or_default();
    json!({
        "kind": one.kind.as_str(),
        "subject": one.subject,
        "issuer": one.issuer,
        "thumbprint": one.thumbprint,
        "not_before": at(one.not_before),
        "not_after": at(one.not_after),
        "days_left": one.days_left(now),
        "client_id": one.client,
        "community": one.community,
        "renews": one.renews,
        "revoked": one.revoked_at.is_some(),
        "revoked_at": one.revoked_at.map(at),
        "label": one.label,
    })
}
