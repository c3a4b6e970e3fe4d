//! Granted ⊆ requested ∩ client ∩ resource server.

use crate::model::authorization::Subject;
use crate::policy::{Draft, Question};
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::scope::dialects;
use crate::scope::narrow::{levels, narrow};
use crate::scope::permission::Level;
use crate::scope::set::ScopeSet;
use crate::scope::token::ScopeToken;

/// A scope must be asked for, and one without context only on the system's level (SMART Backend
/// Services; SMART scopes: levels do not imply each other).
pub(in crate::policy) fn requested(_: &Question<'_>, draft: Draft) -> Result<Draft, Refusal> {
    if draft.scope.is_empty() {
        return Err(refusal("scope is required", "scope_missing"));
    }
    let asked = levels(&draft.scope);
    match draft.authorization.subject {
        Subject::Client(_) if asked.contains(&Level::Patient) || asked.contains(&Level::User) => {
            Err(refusal(
                "patient/ and user/ scopes need a person; a back-end asks for system/ scopes",
                "scope_level",
            ))
        }
        Subject::Client(_) if draft.scope.iter().any(is_of_a_person) => {
            Err(refusal("openid, launch and offline scopes need a person", "scope_of_a_person"))
        }
        Subject::Client(_) => Ok(draft),
    }
}

/// Whether a scope is about sign-in, launch context or refresh tokens.
fn is_of_a_person(token: &ScopeToken) -> bool {
    dialects::read(token).is_some_and(|(_, dialect)| dialect.name() == "openid")
}

/// What the client is registered for.
pub(in crate::policy) fn of_client(question: &Question<'_>, draft: Draft) -> Result<Draft, Refusal> {
    within(draft, &question.client.metadata.scope, "scope_not_registered_for_client")
}

/// What the resource server is registered for.
pub(in crate::policy) fn of_resource(_: &Question<'_>, draft: Draft) -> Result<Draft, Refusal> {
    let allowed = draft.authorization.resource.scope.clone();
    within(draft, &allowed, "scope_not_registered_for_resource")
}

fn within(draft: Draft, allowed: &ScopeSet, reason: &'static str) -> Result<Draft, Refusal> {
    let scope = narrow(&draft.scope, allowed).granted;
    if scope.is_empty() {
        return Err(refusal(
            "none of the requested scopes can be granted to this client for this resource",
            reason,
        ));
    }
    Ok(Draft { scope, ..draft })
}

const fn refusal(told: &'static str, reason: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidScope, told, Reason::new(reason))
}
