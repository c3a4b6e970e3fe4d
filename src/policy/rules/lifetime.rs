//! An access token lives as long as the server lets it, or less where the resource server says so.

use crate::model::authorization::Subject;
use crate::policy::{Draft, Question};
use crate::protocol::error::Refusal;

#[expect(clippy::unnecessary_wraps, reason = "every rule has the same form")]
pub(in crate::policy) fn apply(question: &Question<'_>, draft: Draft) -> Result<Draft, Refusal> {
    let most = match draft.authorization.subject {
        Subject::Client(_) => question.lifetimes.system,
        Subject::Person(_) => question.lifetimes.person,
    };
    let registered = draft.authorization.resource.token_seconds.unwrap_or(most);
    // What was exchanged outlives nothing that it was exchanged for (RFC 8693, 5).
    let kept = draft
        .authorization
        .descent
        .as_ref()
        .map_or(most, |before| question.lifetimes.exchange.min(before.seconds));
    Ok(Draft { seconds: registered.min(most).min(kept), ..draft })
}
