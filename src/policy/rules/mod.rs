//! The rules, one file for each concern.

pub(super) mod binding;
pub(super) mod capability;
pub(super) mod details;
pub(super) mod lifetime;
pub(super) mod person;
pub(super) mod scope;
pub(super) mod strength;
pub(super) mod why;
