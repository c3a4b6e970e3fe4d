//! Scopes: text, meaning, and what of a request is allowed.
//!
//! A [`ScopeToken`] is text; a [`Permission`] is its meaning; a [`Dialect`] reads the one into the other.
//! Whatever compares scopes compares permissions, so that notation never decides what is allowed.

pub mod choices;
pub mod dialects;
pub mod explain;
pub mod lattice;
pub mod narrow;
pub mod permission;
pub mod resource_types;
pub mod set;
pub mod token;
pub mod unread;

pub use dialects::{DIALECTS, Dialect, read};
pub use explain::{Explanation, explain};
pub use lattice::{shortest, union};
pub use narrow::{Narrowed, covers_all, levels, narrow, permissions};
pub use permission::{Interactions, Level, Permission, ResourceType};
pub use set::ScopeSet;
pub use token::{ScopeError, ScopeToken};

#[cfg(test)]
mod tests;
