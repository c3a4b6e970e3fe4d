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
    Ok(Draft { seconds: registered.min(most), ..draft })
}
