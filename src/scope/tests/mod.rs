//! Grammar tables, plain words, the laws of permissions, and narrowing.

mod choosing;
mod explaining;
mod grammar;
mod lattice;
mod laws;
mod narrowing;
mod rows;
mod unread;

use super::permission::Permission;
use super::set::ScopeSet;
use super::token::ScopeToken;
use super::{Dialect, read};

fn token(text: &str) -> ScopeToken {
    ScopeToken::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn set(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn meaning(text: &str) -> Permission {
    read(&token(text)).unwrap_or_else(|| panic!("{text} has no reader")).0
}

fn reader(text: &str) -> Option<&'static str> {
    read(&token(text)).map(|(_, dialect): (_, &dyn Dialect)| dialect.name())
}
