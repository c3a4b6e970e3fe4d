//! `/admin/v1/alerts`.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::model::alert::Alert;

use super::call::{Answer, Call, Unanswered};
use super::paging;

const PATH: &str = "/admin/v1/alerts";

pub(super) async fn list(call: Call) -> Result<Answer, Unanswered> {
    call.only_query(&["cursor", "limit"])?;
    let page = paging::page(&call.query, |text| Uuid::parse_str(text).ok())?;
    let alerts = call.state.administration.list_alerts(&page).await?;
    let last = alerts.last().filter(|_| paging::is_full(alerts.len(), page.limit));
    let cursor = last.map(|alert| paging::cursor(&alert.id.to_string()));
    let next = cursor.as_ref().map(|cursor| format!("{PATH}?limit={}&cursor={cursor}", page.limit));
    let items: Vec<Value> = alerts.iter().map(show).collect();
    Ok(Answer::ok(json!({"items": items, "next": cursor})).next(next))
}

/// An alert; its record in the audit trail says the rest.
#[must_use]
pub fn show(alert: &Alert) -> Value {
    json!({
        "id": alert.id,
        "at": alert.at.format(&Rfc3339).unwrap_or_default(),
        "kind": alert.kind,
        "audit_event": alert.event,
        "client": alert.client,
        "person": alert.person,
        "detail": alert.detail,
    })
}
