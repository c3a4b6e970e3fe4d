//! How far an access token goes at a FHIR server (SMART App Launch 2.2, scopes and launch context): which
//! types, to do what, in whose record, and which of the resources there.

use crate::model::access_token::AccessToken;
use crate::scope::narrow::permissions;
use crate::scope::permission::{Interactions, Level, Permission, ResourceType};

use super::compartment::{self, Resource, kind_of, owner};
use super::issue::Issue;
use super::matching::Term;

/// What somebody wants to do with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// `c`
    Create,
    /// `r`
    Read,
    /// `u`
    Update,
    /// `d`
    Delete,
    /// `s`
    Search,
}

impl Deed {
    /// Its letter in scopes of version 2.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Create => "c",
            Self::Read => "r",
            Self::Update => "u",
            Self::Delete => "d",
            Self::Search => "s",
        }
    }

    fn is_within(self, interactions: Interactions) -> bool {
        Interactions::from_letters(self.letter()).is_some_and(|own| interactions.covers(own))
    }

    const fn changes(self) -> bool {
        match self {
            Self::Create | Self::Update | Self::Delete => true,
            Self::Read | Self::Search => false,
        }
    }
}

/// How far a token goes.
#[derive(Clone, Debug)]
pub struct Extent {
    permissions: Vec<Permission>,
    patient: Option<String>,
}

impl Extent {
    /// How far a token goes: a level counts only in a token of the kind that can have it.
    #[must_use]
    pub fn of(token: &AccessToken) -> Self {
        let person = token.person.as_ref();
        let patient = person.and_then(|person| person.context.patient.clone());
        let counts = |permission: &Permission| match permission {
            Permission::Named(_) => false,
            Permission::Resource { level, .. } => match level {
                Level::Patient => patient.is_some(),
                // This server grants it to clinicians alone.
                Level::User => person.is_some(),
                Level::System => person.is_none(),
            },
        };
        let permissions = permissions(&token.scope).into_iter().filter(counts).collect();
        Self { permissions, patient }
    }

    /// Refuses what the token does not reach in any resource of a type.
    pub fn demand(&self, deed: Deed, kind: &str) -> Result<(), Issue> {
        if self.levels(deed, kind).next().is_some() {
            return Ok(());
        }
        let level = if self.patient.is_some() {
            Some(Level::Patient)
        } else {
            self.permissions.first().and_then(level_of)
        };
        let scope = level.map(|level| format!("{}/{kind}.{}", level.as_str(), deed.letter()));
        Err(Issue::forbidden("the access token was not granted this", scope))
    }

    /// Refuses what the token does not reach in one resource.
    pub fn demand_of(&self, deed: Deed, resource: &Resource) -> Result<(), Issue> {
        self.demand(deed, kind_of(resource))?;
        if self.admits(deed, resource) {
            return Ok(());
        }
        Err(Issue::forbidden("the resource is beyond what the access token was granted", None))
    }

    /// Whether the token reaches a resource.
    #[must_use]
    pub fn admits(&self, deed: Deed, resource: &Resource) -> bool {
        self.permissions.iter().any(|permission| self.allows(permission, deed, resource))
    }

    /// The one patient to whose record a token is confined in a type.
    #[must_use]
    pub fn confined_to(&self, deed: Deed, kind: &str) -> Option<&str> {
        let beyond = self.levels(deed, kind).any(|level| level != Level::Patient);
        if beyond || !compartment::is_of_patients(kind) { None } else { self.patient.as_deref() }
    }

    /// The levels at which a deed is granted for a type, in some of its resources at least.
    fn levels(&self, deed: Deed, kind: &str) -> impl Iterator<Item = Level> {
        let named = ResourceType::Named(kind.to_owned());
        self.permissions.iter().filter_map(move |permission| {
            let Permission::Resource { level, resource, interactions, .. } = permission else { return None };
            (deed.is_within(*interactions) && resource.covers(&named)).then_some(*level)
        })
    }

    fn allows(&self, permission: &Permission, deed: Deed, resource: &Resource) -> bool {
        let Permission::Resource { level, resource: of, interactions, filter } = permission else {
            return false;
        };
        let kind = kind_of(resource);
        let granted = deed.is_within(*interactions) && of.covers(&ResourceType::Named(kind.to_owned()));
        // What cannot be told of a resource narrows it away.
        let narrowed = || {
            filter.iter().all(|(name, value)| {
                Term::parse(kind, name, value).is_some_and(|term| term.matches(resource))
            })
        };
        granted && self.is_within_reach(*level, deed, resource) && narrowed()
    }

    fn is_within_reach(&self, level: Level, deed: Deed, resource: &Resource) -> bool {
        match level {
            Level::User | Level::System => true,
            Level::Patient if compartment::is_of_patients(kind_of(resource)) => {
                self.patient.is_some() && owner(resource) == self.patient.as_deref()
            }
            // Those who treat, and where, are nobody's record: read with it, not written.
            Level::Patient => !deed.changes(),
        }
    }
}

const fn level_of(permission: &Permission) -> Option<Level> {
    match permission {
        Permission::Resource { level, .. } => Some(*level),
        Permission::Named(_) => None,
    }
}

#[cfg(test)]
mod tests;
