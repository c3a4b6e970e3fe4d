//! An access token lives as long as the server lets it, or less where the resource server says so.

use crate::policy::{Draft, Question};
use crate::protocol::error::Refusal;

#[expect(clippy::unnecessary_wraps, reason = "every rule has the same form")]
pub(in crate::policy) fn apply(question: &Question<'_>, draft: Draft) -> Result<Draft, Refusal> {
    let registered = draft.authorization.resource.token_seconds.unwrap_or(question.most_seconds);
    Ok(Draft { seconds: registered.min(question.most_seconds), ..draft })
}
