//! What of a request is allowed: the intersection of two lists of scopes, by meaning.

use std::collections::{BTreeSet, VecDeque};

use super::dialects::smart_v2::SmartV2;
use super::dialects::{Dialect, read};
use super::permission::{Interactions, Level, Permission};
use super::set::ScopeSet;
use super::token::ScopeToken;

/// How many scopes narrowing may make of one request. Without a bound, a long list asked for against a
/// long list allowed would make their product; what is beyond it is not granted.
pub const MOST_PARTS: usize = 1024;

/// The outcome of [`narrow`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowed {
    /// What was asked for and is allowed, in the order and, where it can be, the notation asked for.
    pub granted: ScopeSet,
    /// What was asked for and gave nothing: not understood, or not allowed in any part.
    pub dropped: Vec<ScopeToken>,
}

/// A part of a request that was allowed only in part.
struct Part {
    /// Which scope of the request it comes from.
    place: usize,
    dialect: &'static dyn Dialect,
    permission: Permission,
}

/// Grants what was requested as far as it is allowed, and nothing that either list lacks.
///
/// A scope that is allowed whole is granted as it was written. One that is allowed in part is replaced by
/// those parts, in the shortest form: `r` and `s` of the same resource become `rs`, and a part that another
/// granted scope covers is left out.
pub fn narrow(requested: &ScopeSet, allowed: &ScopeSet) -> Narrowed {
    let allowed = permissions(allowed);
    let mut whole = Vec::new();
    let mut known = Vec::new();
    let mut parts = Vec::new();
    let mut dropped = Vec::new();
    for (place, token) in requested.iter().enumerate() {
        let Some((permission, dialect)) = read(token) else {
            dropped.push(token.clone());
            continue;
        };
        if is_covered(&permission, &allowed) {
            whole.push((place, token.clone()));
            known.push(permission);
            continue;
        }
        let before = parts.len();
        let room = MOST_PARTS.saturating_sub(before);
        let found = meets(&permission, &allowed).take(room);
        parts.extend(found.map(|permission| Part { place, dialect, permission }));
        if parts.len() == before {
            dropped.push(token.clone());
        }
    }
    let parts = shortest(united(parts), &known);
    let written = parts.iter().filter_map(|part| Some((part.place, write(part)?)));
    let mut granted: Vec<_> = whole.into_iter().chain(written).collect();
    granted.sort_by_key(|(place, _)| *place);
    Narrowed { granted: ScopeSet::from_tokens(granted.into_iter().map(|(_, token)| token)), dropped }
}

/// Whether every wanted scope is understood and lies within what is allowed.
pub fn covers_all(allowed: &ScopeSet, wanted: &ScopeSet) -> bool {
    let allowed = permissions(allowed);
    wanted.iter().all(|token| read(token).is_some_and(|(permission, _)| is_covered(&permission, &allowed)))
}

/// The levels at which a set reaches FHIR resources.
pub fn levels(set: &ScopeSet) -> BTreeSet<Level> {
    let level = |permission| match permission {
        Permission::Resource { level, .. } => Some(level),
        Permission::Named(_) => None,
    };
    permissions(set).into_iter().filter_map(level).collect()
}

/// What the scopes of a set mean, those that are understood.
pub fn permissions(set: &ScopeSet) -> Vec<Permission> {
    set.iter().filter_map(read).map(|(permission, _)| permission).collect()
}

/// Whether the allowed ones together give the permission: each interaction may come from another of them.
pub fn is_covered<'a>(permission: &Permission, allowed: impl IntoIterator<Item = &'a Permission>) -> bool {
    match permission {
        Permission::Named(_) => allowed.into_iter().any(|other| other == permission),
        Permission::Resource { interactions, .. } => allowed
            .into_iter()
            .filter_map(|other| other.reach(permission))
            .reduce(Interactions::union)
            .is_some_and(|together| together.covers(*interactions)),
    }
}

/// What the permission has in common with each of the allowed ones, as far as it can be written.
fn meets<'a>(permission: &'a Permission, allowed: &'a [Permission]) -> impl Iterator<Item = Permission> + 'a {
    let writable = |met: &Permission| SmartV2.write(met).is_some();
    allowed.iter().filter_map(|other| permission.meet(other)).filter(writable)
}

/// Parts that differ in their interactions alone become one.
fn united(parts: Vec<Part>) -> Vec<Part> {
    let mut united: Vec<Part> = Vec::new();
    for part in parts {
        let joined = united.iter_mut().find_map(|other| {
            let permission = other.permission.join(&part.permission)?;
            Some((other, permission))
        });
        match joined {
            Some((other, permission)) => other.permission = permission,
            None => united.push(part),
        }
    }
    united
}

/// Leaves out every part that the rest covers.
fn shortest(parts: Vec<Part>, whole: &[Permission]) -> Vec<Part> {
    let mut waiting = VecDeque::from(parts);
    let mut kept: Vec<Part> = Vec::new();
    while let Some(part) = waiting.pop_front() {
        let rest = kept.iter().chain(&waiting).map(|other| &other.permission);
        if !is_covered(&part.permission, whole.iter().chain(rest)) {
            kept.push(part);
        }
    }
    kept
}

/// The notation that was asked, or version 2 where that cannot say it.
fn write(part: &Part) -> Option<ScopeToken> {
    part.dialect.write(&part.permission).or_else(|| SmartV2.write(&part.permission))
}

/// Whether a set holds a scope of this name, in whatever notation.
pub fn holds(set: &ScopeSet, name: &str) -> bool {
    permissions(set).iter().any(|permission| matches!(permission, Permission::Named(known) if known == name))
}
