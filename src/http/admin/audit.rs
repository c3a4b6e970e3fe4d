//! `/admin/v1/audit`.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::model::audit_event::{AuditEvent, Outcome, Search};
use crate::moment::Timestamp;
use crate::protocol::error::{FieldProblem, Refusal};
use crate::protocol::params::Params;

use super::call::{Answer, Call, Unanswered};
use super::paging;

const PATH: &str = "/admin/v1/audit";

const KNOWN: [&str; 9] =
    ["from", "until", "client", "person", "patient", "action", "outcome", "cursor", "limit"];

pub(super) async fn search(call: Call) -> Result<Answer, Unanswered> {
    call.only_query(&KNOWN)?;
    let search = read(&call.query)?;
    let page = paging::page(&call.query, read_key)?;
    let events = call.state.administration.search_audit(&call.caller, &search, &page).await?;
    let last = events.last().filter(|_| paging::is_full(events.len(), page.limit));
    let cursor = last.map(|event| paging::cursor(&key(event)));
    let next = cursor.as_ref().map(|cursor| format!("{PATH}?{}", again(&call.query, page.limit, cursor)));
    let items: Vec<Value> = events.iter().map(show).collect();
    Ok(Answer::ok(json!({"items": items, "next": cursor})).next(next))
}

/// Reads what is searched for; each parameter that is wrong is named.
pub fn read(query: &Params) -> Result<Search, Refusal> {
    let mut problems = Vec::new();
    let mut moment = |name: &str| {
        let parsed = query.optional(name).map(|text| Timestamp::parse(text, &Rfc3339));
        match parsed {
            None => None,
            Some(Ok(at)) => Some(at),
            Some(Err(_)) => {
                let says = "must be a time such as 2026-01-31T08:00:00Z".to_owned();
                problems.push(FieldProblem { field: name.to_owned(), says });
                None
            }
        }
    };
    let (from, until) = (moment("from"), moment("until"));
    let outcome = query.optional("outcome").map(Outcome::parse);
    if outcome == Some(None) {
        let says = "must be granted or refused".to_owned();
        problems.push(FieldProblem { field: "outcome".to_owned(), says });
    }
    if !problems.is_empty() {
        return Err(Refusal::invalid_request("the search cannot be read", "search").fields(problems));
    }
    let text = |name: &str| query.optional(name).map(str::to_owned);
    Ok(Search {
        from,
        until,
        client: text("client"),
        person: text("person"),
        patient: text("patient"),
        action: text("action"),
        outcome: outcome.flatten(),
    })
}

/// The query of the next page: the same search after this page.
fn again(query: &Params, limit: i64, cursor: &str) -> String {
    let mut next = url::form_urlencoded::Serializer::new(String::new());
    for name in KNOWN.iter().filter(|name| !["cursor", "limit"].contains(name)) {
        if let Some(value) = query.optional(name) {
            next.append_pair(name, value);
        }
    }
    next.append_pair("limit", &limit.to_string()).append_pair("cursor", cursor).finish()
}

fn key(event: &AuditEvent) -> String {
    format!("{} {}", event.at.unix_timestamp_nanos() / 1000, event.id)
}

fn read_key(text: &str) -> Option<(Timestamp, Uuid)> {
    let (micros, id) = text.split_once(' ')?;
    let at = Timestamp::from_unix_timestamp_nanos(micros.parse::<i128>().ok()?.checked_mul(1000)?).ok()?;
    Some((at, Uuid::parse_str(id).ok()?))
}

/// A record: who, what, when, from where, why.
#[must_use]
pub fn show(event: &AuditEvent) -> Value {
    json!({
        "id": event.id,
        "at": event.at.format(&Rfc3339).unwrap_or_default(),
        "action": event.action,
        "outcome": event.outcome.as_str(),
        "reason": event.reason,
        "detail": event.detail,
        "occurrences": event.occurrences,
        "client": event.client,
        "client_organization": event.client_organization,
        "person": event.person,
        "person_organization": event.person_organization,
        "patient": event.patient,
        "target": event.target,
        "scopes_asked": event.scopes_asked,
        "scopes_granted": event.scopes_granted,
        "audience": event.audience,
        "token": event.token,
        "purpose_of_use": event.purpose_of_use,
        "grant_type": event.grant_type,
        "rule": event.rule,
        "peer_address": event.origin.peer,
        "certificate_thumbprint": event.origin.certificate,
        "request": event.origin.request,
        "process": &*event.origin.process,
    })
}
