//! What a scope means, free of notation.
//!
//! Permissions are ordered by [`Permission::covers`]; [`Permission::meet`] is the greatest lower bound.

use std::collections::BTreeSet;

/// On whose behalf data is reached. No level implies another (SMART App Launch, scopes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Data of the one patient in context.
    Patient,
    /// Whatever the signed-in user may reach.
    User,
    /// Whatever the client itself may reach, with no user present.
    System,
}

impl Level {
    /// Reads the first part of a SMART scope.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "patient" => Some(Self::Patient),
            "user" => Some(Self::User),
            "system" => Some(Self::System),
            _ => None,
        }
    }

    /// The word of the standard.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::User => "user",
            Self::System => "system",
        }
    }
}

const LETTERS: [(u8, char); 5] = [(1, 'c'), (2, 'r'), (4, 'u'), (8, 'd'), (16, 's')];

/// What may be done with a resource: at least one of create, read, update, delete and search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interactions(u8);

impl Interactions {
    /// `cruds`
    pub const ALL: Self = Self(31);
    /// `rs`, the `read` of version 1.
    pub const READ_SEARCH: Self = Self(2 | 16);
    /// `cud`, the `write` of version 1.
    pub const WRITE: Self = Self(1 | 4 | 8);

    /// Reads letters that stand in the order of `cruds`, each at most once and nothing beside them.
    pub fn from_letters(letters: &str) -> Option<Self> {
        let mut order = LETTERS.iter();
        let mut bits = 0;
        for letter in letters.chars() {
            let (bit, _) = order.find(|(_, known)| *known == letter)?;
            bits |= bit;
        }
        (bits != 0).then_some(Self(bits))
    }

    /// The letters, in the order of `cruds`.
    pub fn letters(self) -> String {
        LETTERS.iter().filter(|(bit, _)| self.0 & bit != 0).map(|(_, letter)| letter).collect()
    }

    /// What either allows.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both allow, if there is anything.
    pub const fn intersection(self, other: Self) -> Option<Self> {
        match self.0 & other.0 {
            0 => None,
            bits => Some(Self(bits)),
        }
    }

    /// Whether everything the other allows is allowed here.
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }
}

/// The resources a permission speaks of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceType {
    /// Every type, those of later versions included.
    Any,
    /// One type, by its FHIR name.
    Named(String),
}

impl ResourceType {
    /// Whether this speaks of all that the other speaks of. A list of names never amounts to [`Self::Any`].
    pub fn covers(&self, other: &Self) -> bool {
        *self == Self::Any || self == other
    }

    /// The FHIR name, or `*`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Any => "*",
            Self::Named(name) => name,
        }
    }
}

/// The meaning of one scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Leave to act on FHIR resources.
    Resource {
        /// On whose behalf.
        level: Level,
        /// On which type.
        resource: ResourceType,
        /// To do what.
        interactions: Interactions,
        /// Search parameters, decoded, that a resource must all match; none means every resource.
        filter: BTreeSet<(String, String)>,
    },
    /// A leave known by its name alone: `openid`, `launch/patient`, `admin/clients.read`.
    Named(String),
}

impl Permission {
    /// Whether whoever holds this needs no leave for the other.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Named(mine), Self::Named(theirs)) => mine == theirs,
            (Self::Resource { .. }, Self::Resource { interactions, .. }) => {
                self.reach(other).is_some_and(|mine| mine.covers(*interactions))
            }
            (Self::Named(_), Self::Resource { .. }) | (Self::Resource { .. }, Self::Named(_)) => false,
        }
    }

    /// What this allows to be done with every resource the other speaks of.
    pub fn reach(&self, other: &Self) -> Option<Interactions> {
        let (
            Self::Resource { level, resource, interactions, filter },
            Self::Resource { level: other_level, resource: other_resource, filter: other_filter, .. },
        ) = (self, other)
        else {
            return None;
        };
        let whole = level == other_level && resource.covers(other_resource) && filter.is_subset(other_filter);
        whole.then_some(*interactions)
    }

    /// The most that both allow, if there is anything.
    ///
    /// No notation can ask for two values of one search parameter, so filters that differ in a value have
    /// nothing in common.
    pub fn meet(&self, other: &Self) -> Option<Self> {
        let (
            Self::Resource { level, resource, interactions, filter },
            Self::Resource {
                level: other_level,
                resource: other_resource,
                interactions: other_interactions,
                filter: other_filter,
            },
        ) = (self, other)
        else {
            return (self == other).then(|| self.clone());
        };
        let interactions = interactions.intersection(*other_interactions)?;
        let narrower = if resource.covers(other_resource) { other_resource } else { resource };
        let apart = level != other_level || !(resource.covers(narrower) && other_resource.covers(narrower));
        if apart || differ(filter, other_filter) {
            return None;
        }
        let filter = filter.union(other_filter).cloned().collect();
        Some(Self::Resource { level: *level, resource: narrower.clone(), interactions, filter })
    }

    /// One permission for both, when they differ in nothing but what may be done: `r` and `s` are `rs`.
    pub fn join(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (
                Self::Resource { level, resource, interactions: mine, filter },
                Self::Resource {
                    level: other_level,
                    resource: other_resource,
                    interactions: theirs,
                    filter: other_filter,
                },
            ) if (level, resource, filter) == (other_level, other_resource, other_filter) => {
                Some(Self::Resource {
                    level: *level,
                    resource: resource.clone(),
                    interactions: mine.union(*theirs),
                    filter: filter.clone(),
                })
            }
            (Self::Resource { .. } | Self::Named(_), Self::Resource { .. } | Self::Named(_)) => {
                (self == other).then(|| self.clone())
            }
        }
    }
}

/// Whether some parameter has a value in one filter and another value in the other.
fn differ(left: &BTreeSet<(String, String)>, right: &BTreeSet<(String, String)>) -> bool {
    left.iter().any(|(name, value)| right.iter().any(|(other, theirs)| other == name && theirs != value))
}
