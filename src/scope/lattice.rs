//! The union of scopes, and the shortest form of a set.
//!
//! With [`covers_all`](super::covers_all) for `⊆` and [`narrow`](super::narrow()) for `∩`, sets of scopes
//! that are understood are a distributive lattice, up to notation. Two things lie outside of what the
//! language of scopes can say, and narrow what the laws claim:
//!
//! - Texts are compared by meaning. `A ∪ B` and `B ∪ A` give the same leave, but order and notation are
//!   those of the first. `patient/*.r patient/Goal.rs` and `patient/*.r patient/Goal.s` are one meaning.
//! - A scope cannot name a search parameter twice. What has both categories, `a` and `b`, is reached by
//!   either of two scopes, and by no scope that both contain: there `∩` gives less than both reach, and
//!   never more. It is still the most that can be written, and so the greatest lower bound.
//!
//! Beyond [`MOST_PARTS`](super::narrow::MOST_PARTS) parts `∩` is cut off. What is then left of its laws is
//! that it lies within both.

use std::collections::HashMap;

use super::dialects::smart_v2::SmartV2;
use super::dialects::{Dialect, read};
use super::narrow::is_covered;
use super::permission::{Interactions, Permission};
use super::set::ScopeSet;
use super::token::ScopeToken;

/// What either set gives leave for, in the shortest form.
///
/// Scopes that differ in what may be done alone become one (`r` and `s` are `rs`), and what the rest covers
/// is left out. A scope keeps the place and the notation of the first that says it. What is not understood
/// gives no leave and is left out too.
#[must_use]
pub fn union(first: &ScopeSet, second: &ScopeSet) -> ScopeSet {
    fewest(first.iter().chain(second))
}

/// The same leave in the fewest scopes (SM-S-08: `r` and `s` are written `rs`).
#[must_use]
pub fn shortest(set: &ScopeSet) -> ScopeSet {
    fewest(set.iter())
}

/// The scopes that no other of the set covers, each as it was said. Nothing is joined: what was asked for one by
/// one can be answered one by one.
#[must_use]
pub fn uncovered(set: &ScopeSet) -> ScopeSet {
    let read: Vec<(&ScopeToken, Permission)> =
        set.iter().filter_map(|token| Some((token, read(token)?.0))).collect();
    let is_kept = |(place, (_, permission)): &(usize, &(&ScopeToken, Permission))| {
        let others = read.iter().enumerate().filter(|(other, _)| other != place);
        // Of two that say the same, the first stays.
        !others
            .into_iter()
            .any(|(other, (_, more))| more.covers(permission) && (!permission.covers(more) || other < *place))
    };
    ScopeSet::from_tokens(read.iter().enumerate().filter(is_kept).map(|(_, (token, _))| (*token).clone()))
}

/// A leave, and the scopes that give it.
struct Leave<'a> {
    permission: Permission,
    said: Vec<(Permission, &'a ScopeToken, &'static dyn Dialect)>,
}

impl Leave<'_> {
    /// As it was said, or in the first notation that can say it.
    fn written(&self) -> Vec<ScopeToken> {
        let as_said = self.said.iter().find(|(said, ..)| *said == self.permission);
        let in_notation = || self.said.iter().find_map(|(.., dialect)| dialect.write(&self.permission));
        let token = as_said
            .map(|(_, token, _)| (*token).clone())
            .or_else(in_notation)
            .or_else(|| SmartV2.write(&self.permission));
        // One letter more may be one too many for a scope; then they stay apart.
        token
            .map_or_else(|| self.said.iter().map(|(_, token, _)| (*token).clone()).collect(), |one| vec![one])
    }
}

fn fewest<'a>(scopes: impl Iterator<Item = &'a ScopeToken>) -> ScopeSet {
    let leaves = joined(scopes);
    // No two leaves are for the same resources, so that none is left out on account of one that is itself
    // left out on account of it.
    let kept = leaves.iter().enumerate().filter(|(place, leave)| {
        let rest = leaves.iter().enumerate().filter(|(other, _)| other != place);
        !is_covered(&leave.permission, rest.map(|(_, other)| &other.permission))
    });
    ScopeSet::from_tokens(kept.flat_map(|(_, leave)| leave.written()))
}

/// One leave for all scopes that speak of the same resources.
fn joined<'a>(scopes: impl Iterator<Item = &'a ScopeToken>) -> Vec<Leave<'a>> {
    let mut leaves: Vec<Leave<'a>> = Vec::new();
    let mut places = HashMap::new();
    for token in scopes {
        let Some((permission, dialect)) = read(token) else { continue };
        let place = *places.entry(extent(&permission)).or_insert(leaves.len());
        match leaves.get_mut(place) {
            Some(leave) => {
                if let Some(both) = leave.permission.join(&permission) {
                    leave.permission = both;
                }
                leave.said.push((permission, token, dialect));
            }
            None => {
                leaves
                    .push(Leave { permission: permission.clone(), said: vec![(permission, token, dialect)] });
            }
        }
    }
    leaves
}

/// What a permission is about, whatever it lets be done.
fn extent(permission: &Permission) -> Permission {
    match permission {
        Permission::Named(_) => permission.clone(),
        Permission::Resource { level, resource, filter, .. } => Permission::Resource {
            level: *level,
            resource: resource.clone(),
            interactions: Interactions::ALL,
            filter: filter.clone(),
        },
    }
}
