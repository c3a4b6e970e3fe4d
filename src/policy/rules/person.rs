//! What a person can let a client do: no more than the person may do, and only what this server can do.

use crate::model::delegation::{OFFLINE_ACCESS, ONLINE_ACCESS};
use crate::model::person::Role;
use crate::policy::{Speaker, Wish};
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::scope::dialects;
use crate::scope::narrow::holds;
use crate::scope::permission::{Level, Permission};
use crate::scope::set::ScopeSet;
use crate::scope::token::ScopeToken;

use super::scope::refusal;

/// The scopes about sign-in that this server can grant, whatever the resource server.
pub const OWN_SCOPES: [&str; 6] =
    ["openid", "profile", "fhirUser", "launch/patient", OFFLINE_ACCESS, ONLINE_ACCESS];

pub(super) fn own_scopes() -> ScopeSet {
    ScopeSet::from_tokens(OWN_SCOPES.iter().filter_map(|name| ScopeToken::parse(name).ok()))
}

/// Drops what this person, or this client with any person, cannot have.
pub(in crate::policy) fn apply(wish: &Wish<'_>, scope: &ScopeSet) -> Result<ScopeSet, Refusal> {
    let person = match wish.speaker {
        Speaker::Client => return Ok(scope.clone()),
        Speaker::Somebody => None,
        Speaker::Person(person) => Some(person),
    };
    let signs_in = holds(scope, "openid");
    let refreshes = wish.client.metadata.grant_types.iter().any(|grant| grant == "refresh_token");
    let may = |token: &ScopeToken| match dialects::read(token) {
        None => false,
        // Without an id token there is nothing to name the person in.
        Some((Permission::Named(name), _)) => match name.as_str() {
            "fhirUser" | "profile" => signs_in,
            // Of two wishes the narrower is granted, and said.
            OFFLINE_ACCESS => refreshes && !holds(scope, ONLINE_ACCESS),
            ONLINE_ACCESS => refreshes,
            _ => true,
        },
        Some((Permission::Resource { level: Level::User, .. }, _)) => {
            person.is_none_or(|person| person.standing.roles.contains(&Role::Clinician))
        }
        Some((Permission::Resource { level: Level::Patient | Level::System, .. }, _)) => true,
    };
    let kept = ScopeSet::from_tokens(scope.iter().filter(|token| may(token)).cloned());
    if kept.is_empty() {
        return Err(refusal(
            "none of the requested scopes can be granted to this person",
            "scope_beyond_person",
        ));
    }
    // A patient must be in context before anything of a patient is granted (SMART App Launch 2.2, scopes).
    if needs_patient(&kept) && person.is_some_and(|person| person.patient.is_none()) {
        let told = "there is no patient in whose record this person may act";
        return Err(Refusal::new(ErrorCode::AccessDenied, told, Reason::new("no_patient")));
    }
    Ok(kept)
}

/// Whether scopes ask for a patient in context.
#[must_use]
pub fn needs_patient(scope: &ScopeSet) -> bool {
    holds(scope, "launch/patient") || crate::scope::narrow::levels(scope).contains(&Level::Patient)
}
