//! `/admin/v1/keys`.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::keys::rotation::Replacement;
use crate::model::signing_key::SigningKeyRecord;
use crate::moment::Timestamp;
use crate::protocol::fields::Fields;

use super::call::{Answer, Call, Unanswered};

pub(super) async fn list(call: Call) -> Result<Answer, Unanswered> {
    let now = call.state.clock.now();
    let keys = call.state.administration.list_keys().await?;
    let items: Vec<Value> = keys.iter().map(|key| show(key, now)).collect();
    Ok(Answer::ok(json!({"items": items})))
}

pub(super) async fn rotate(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document_or_empty()?;
    let mut fields = Fields::of(&document);
    let how = if fields.flag("now") { Replacement::AtOnce } else { Replacement::Announced };
    let problems = fields.finish();
    if !problems.is_empty() {
        return Err(crate::admin::registration::refusal(problems).into());
    }
    let made = call.state.administration.rotate_keys(&call.caller, how).await?;
    // The process that did it shows it at once; the others follow within seconds.
    call.state.keys.refresh().await?;
    Ok(Answer::ok(json!({"made": made})))
}

/// A key without its private half.
#[must_use]
pub fn show(key: &SigningKeyRecord, now: Timestamp) -> Value {
    let text = |at: Timestamp| at.format(&Rfc3339).unwrap_or_default();
    json!({
        "kid": key.kid,
        "alg": key.algorithm.as_str(),
        "state": key.state(now).as_str(),
        "announced_at": text(key.announced_at),
        "activates_at": text(key.activates_at),
        "retires_at": key.retires_at.map(text),
        "withdrawn_at": key.withdrawn_at.map(text),
    })
}
