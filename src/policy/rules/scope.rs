//! Granted ⊆ requested ∩ client ∩ resource server.

use crate::policy::{Speaker, Wish};
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::scope::dialects::openid::OpenId;
use crate::scope::dialects::{self, Dialect};
use crate::scope::narrow::{levels, narrow};
use crate::scope::permission::Level;
use crate::scope::set::ScopeSet;
use crate::scope::token::ScopeToken;

use super::person;

/// A scope must be asked for, and only on a level that the speaker has: levels do not imply each other
/// (SMART Backend Services; SMART scopes).
pub(in crate::policy) fn requested(wish: &Wish<'_>, scope: &ScopeSet) -> Result<ScopeSet, Refusal> {
    if scope.is_empty() {
        return Err(refusal("scope is required", "scope_missing"));
    }
    let asked = levels(scope);
    match wish.speaker {
        Speaker::Client if asked.contains(&Level::Patient) || asked.contains(&Level::User) => Err(refusal(
            "patient/ and user/ scopes need a person; a back-end asks for system/ scopes",
            "scope_level",
        )),
        Speaker::Client if scope.iter().any(is_of_a_person) => {
            Err(refusal("openid, launch and offline scopes need a person", "scope_of_a_person"))
        }
        Speaker::Somebody | Speaker::Person(_)
            if asked.contains(&Level::System) || scope.iter().any(is_of_admin) =>
        {
            Err(refusal("system/ and admin/ scopes are for back-ends, not for people", "scope_of_a_system"))
        }
        Speaker::Client | Speaker::Somebody | Speaker::Person(_) => Ok(scope.clone()),
    }
}

/// Whether a scope is about sign-in, launch context or refresh tokens, however it is written.
pub(super) fn is_of_a_person(token: &ScopeToken) -> bool {
    dialects::read(token).is_some_and(|(permission, _)| OpenId.write(&permission).is_some())
}

fn is_of_admin(token: &ScopeToken) -> bool {
    token.as_str().starts_with("admin/")
}

/// What the client is registered for.
pub(in crate::policy) fn of_client(wish: &Wish<'_>, scope: &ScopeSet) -> Result<ScopeSet, Refusal> {
    within(scope, &wish.client.metadata.scope, "scope_not_registered_for_client")
}

/// What the resource server is registered for; what is about sign-in is this server's own.
pub(in crate::policy) fn of_resource(wish: &Wish<'_>, scope: &ScopeSet) -> Result<ScopeSet, Refusal> {
    let own = match wish.speaker {
        Speaker::Client => ScopeSet::default(),
        Speaker::Somebody | Speaker::Person(_) => person::own_scopes(),
    };
    let allowed = wish.resource.scope.iter().chain(own.iter()).cloned();
    within(scope, &ScopeSet::from_tokens(allowed), "scope_not_registered_for_resource")
}

fn within(asked: &ScopeSet, allowed: &ScopeSet, reason: &'static str) -> Result<ScopeSet, Refusal> {
    let scope = narrow(asked, allowed).granted;
    if scope.is_empty() {
        let told = "none of the requested scopes can be granted to this client for this resource";
        return Err(refusal(told, reason));
    }
    Ok(scope)
}

pub(super) const fn refusal(told: &'static str, reason: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidScope, told, Reason::new(reason))
}
