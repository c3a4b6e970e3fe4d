//! `/admin/v1/keys`.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::admin::keys::ListedKey;
use crate::keys::keyring::ALGORITHMS;
use crate::keys::rotation::{Replacement, Revocation, Succession};
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
    call.state.keys.refresh(call.state.clock.now()).await?;
    if made.len() < ALGORITHMS.len() {
        return Ok(Answer::ok(json!({"made": made, "note": NOBODY_SIGNS})));
    }
    Ok(Answer::ok(json!({"made": made})))
}

pub(super) async fn revoke(call: Call) -> Result<Answer, Unanswered> {
    let document = call.document()?;
    let mut fields = Fields::of(&document);
    if fields.value("reason").is_none() {
        fields.problem("reason", "is required");
    }
    let reason = fields.parsed("reason", parse_reason);
    let problems = fields.finish();
    let Some(reason) = reason.filter(|_| problems.is_empty()) else {
        return Err(crate::admin::registration::refusal(problems).into());
    };
    let revocation = Revocation { kid: call.path("kid").to_owned(), reason };
    let succession = call.state.administration.revoke_key(&call.caller, revocation).await?;
    // What it signed is dead on every process by now; this one shows it in the key set at once.
    call.state.keys.refresh(call.state.clock.now()).await?;
    let revoked = call.path("kid");
    Ok(Answer::ok(match succession {
        Succession::Unchanged => json!({"revoked": revoked, "successor": null}),
        Succession::By(kid) => json!({"revoked": revoked, "successor": kid}),
        Succession::Nobody => json!({"revoked": revoked, "successor": null, "note": NOBODY_SIGNS}),
    }))
}

/// What is told where not every key that was withdrawn has a successor.
pub const NOBODY_SIGNS: &str = "no key could be made in its place: nothing is signed by its algorithm until the master \
                                key or the HSM is back and the schedule makes one";

/// Reads why a key is revoked.
pub fn parse_reason(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() || text.len() > 256 || text.chars().any(char::is_control) {
        return Err("must have 1 to 256 bytes and no control characters");
    }
    Ok(text.to_owned())
}

/// A key without its private half.
#[must_use]
pub fn show(ListedKey { record: key, custody }: &ListedKey, now: Timestamp) -> Value {
    let text = |at: Timestamp| at.format(&Rfc3339).unwrap_or_default();
    json!({
        "kid": key.kid,
        "alg": key.algorithm.as_str(),
        "state": key.state(now).as_str(),
        "custody": custody,
        "announced_at": text(key.announced_at),
        "activates_at": text(key.activates_at),
        "retires_at": key.retires_at.map(text),
        "revoked_at": key.withdrawn_at.map(text),
        "revocation_reason": key.withdrawal_reason,
    })
}
