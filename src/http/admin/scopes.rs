//! `/admin/v1/scopes`.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::admin::explain::{Explained, Refused};
use crate::admin::forecast::ConsentForecast;
use crate::moment::Timestamp;
use crate::policy::Way;
use crate::scope::explain as meaning;
use crate::scope::token::ScopeToken;

use super::call::{Answer, Call, Unanswered};

pub(super) async fn explain(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document()?;
    Ok(Answer::ok(show(&call.state.administration.explain_scopes(&call.caller, &document).await?)))
}

/// What would become of a request, with stable names.
#[must_use]
pub fn show(explained: &Explained) -> Value {
    let Explained { client, user, resource, token, .. } = explained;
    json!({
        "client_id": client.id.as_str(),
        "client_name": client.metadata.client_name,
        "user": user.as_ref().map(|user| json!({
            "subject": user.subject.to_string(),
            "username": user.username.as_str(),
        })),
        "resource": resource.as_ref().map(|resource| resource.url.clone()),
        "grant_type": explained.grant_type,
        "outcome": explained.outcome(),
        "scope": explained.scope.to_string(),
        "refusal": explained.refusal.as_ref().map(refused),
        "scopes": explained.ways.iter().map(way).collect::<Vec<_>>(),
        "consent": explained.consent.as_ref().map(consent),
        "token": token.as_ref().map(|token| json!({
            "expires_in": token.expires_in,
            "bound": token.bound,
            "format": token.format,
            "refresh": token.refresh,
            "id_token": token.id_token,
        })),
        "context": explained.context.iter().map(|need| json!({
            "needs": need.needs,
            "met": need.met,
            "says": need.says,
        })).collect::<Vec<_>>(),
        "rules": explained.rules.iter().map(|visit| json!({
            "rule": visit.rule,
            "says": visit.says,
            "did": visit.did,
        })).collect::<Vec<_>>(),
    })
}

fn refused(refused: &Refused) -> Value {
    json!({
        "error": refused.refusal.code().word(),
        "told": refused.refusal.told(),
        "reason": refused.refusal.reason().code(),
        "rule": refused.rule,
        "advice": refused.advice,
    })
}

fn way(way: &Way) -> Value {
    json!({
        "asked": way.asked.as_str(),
        "outcome": way.fate.as_str(),
        "granted": texts(&way.granted),
        "rule": way.rule,
        "because": way.because,
        "advice": way.advice,
        "means": way.granted.iter().map(means).collect::<Vec<_>>(),
    })
}

fn means(token: &ScopeToken) -> Value {
    let told = meaning(token);
    json!({"scope": token.as_str(), "title": told.title, "detail": told.detail, "caution": told.caution})
}

fn consent(forecast: &ConsentForecast) -> Value {
    json!({
        "asked": forecast.asked,
        "because": forecast.because,
        "given_at": forecast.given_at.map(text),
        "new": texts(&forecast.new),
    })
}

fn texts(tokens: &[ScopeToken]) -> Vec<&str> {
    tokens.iter().map(ScopeToken::as_str).collect()
}

fn text(at: Timestamp) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}
