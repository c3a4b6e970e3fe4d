//! What a person can let a client do: no more than the person may do, and only what this server can do.

use crate::model::authorization::{OnBehalf, Subject};
use crate::model::delegation::{OFFLINE_ACCESS, ONLINE_ACCESS};
use crate::model::person::Role;
use crate::policy::{Draft, Question, Speaker, Wish};
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::protocol::launch_context::needs_patient;
use crate::scope::dialects;
use crate::scope::narrow::holds;
use crate::scope::permission::{Level, Permission};
use crate::scope::set::ScopeSet;
use crate::scope::token::ScopeToken;

use super::scope::refusal;

/// The scopes about sign-in that this server can grant, whatever the resource server.
pub const OWN_SCOPES: [&str; 11] = [
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "fhirUser",
    "launch",
    "launch/patient",
    "launch/encounter",
    OFFLINE_ACCESS,
    ONLINE_ACCESS,
];

pub(super) fn own_scopes() -> ScopeSet {
    ScopeSet::from_tokens(OWN_SCOPES.iter().filter_map(|name| ScopeToken::parse(name).ok()))
}

/// Why a scope is not granted to a person, or in the name of any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Objection {
    /// No notation reads it.
    Unread,
    /// Without an id token there is nothing to name the person in.
    NoIdToken,
    /// The client is not registered for refresh tokens.
    NoRefresh,
    /// Of two wishes the narrower is granted, and said.
    OnlineToo,
    /// The scope is for those who treat patients.
    NotClinician,
}

/// What the objections to a scope of a request depend on.
pub(in crate::policy) struct Surroundings<'a> {
    person: Option<&'a OnBehalf>,
    signs_in: bool,
    refreshes: bool,
    online: bool,
}

impl<'a> Surroundings<'a> {
    /// Those of a request; none where the client speaks for itself.
    pub(in crate::policy) fn of(wish: &Wish<'a>, scope: &ScopeSet) -> Option<Self> {
        let person = match wish.speaker {
            Speaker::Client => return None,
            Speaker::Somebody => None,
            Speaker::Person(person) => Some(person),
        };
        let refreshes = wish.client.metadata.grant_types.iter().any(|grant| grant == "refresh_token");
        let (signs_in, online) = (holds(scope, "openid"), holds(scope, ONLINE_ACCESS));
        Some(Self { person, signs_in, refreshes, online })
    }

    /// What stands against a scope.
    pub(in crate::policy) fn objection(&self, token: &ScopeToken) -> Option<Objection> {
        match dialects::read(token) {
            None => Some(Objection::Unread),
            Some((Permission::Named(name), _)) => match name.as_str() {
                "fhirUser" | "profile" | "email" | "address" | "phone" => {
                    (!self.signs_in).then_some(Objection::NoIdToken)
                }
                OFFLINE_ACCESS | ONLINE_ACCESS if !self.refreshes => Some(Objection::NoRefresh),
                OFFLINE_ACCESS => self.online.then_some(Objection::OnlineToo),
                _ => None,
            },
            Some((Permission::Resource { level: Level::User, .. }, _)) => {
                let treats = |person: &OnBehalf| person.standing.roles.contains(&Role::Clinician);
                (!self.person.is_none_or(treats)).then_some(Objection::NotClinician)
            }
            Some((Permission::Resource { level: Level::Patient | Level::System, .. }, _)) => None,
        }
    }
}

/// Drops what this person, or this client with any person, cannot have.
pub(in crate::policy) fn apply(wish: &Wish<'_>, scope: &ScopeSet) -> Result<ScopeSet, Refusal> {
    let Some(surroundings) = Surroundings::of(wish, scope) else { return Ok(scope.clone()) };
    let may = |token: &&ScopeToken| surroundings.objection(token).is_none();
    let kept = ScopeSet::from_tokens(scope.iter().filter(may).cloned());
    if kept.is_empty() {
        return Err(refusal(
            "none of the requested scopes can be granted to this person",
            "scope_beyond_person",
        ));
    }
    Ok(kept)
}

/// A patient must be in context before anything of a patient is granted (SMART App Launch 2.2, scopes).
pub(in crate::policy) fn in_context(_: &Question<'_>, draft: Draft) -> Result<Draft, Refusal> {
    match &draft.authorization.subject {
        Subject::Person(person)
            if person.context.patient.is_none()
                && (needs_patient(&draft.scope) || draft.details.patients().next().is_some()) =>
        {
            Err(no_patient())
        }
        Subject::Person(_) | Subject::Client(_) => Ok(draft),
    }
}

/// The refusal of a request for a patient's data, when there is no patient.
#[must_use]
pub const fn no_patient() -> Refusal {
    let told = "there is no patient in whose record this person may act";
    Refusal::new(ErrorCode::AccessDenied, told, Reason::new("no_patient"))
}
