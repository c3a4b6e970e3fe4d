//! A list of scopes, as it travels in `scope` (RFC 6749, 3.3).

use std::collections::HashSet;
use std::fmt;

use super::token::{ScopeError, ScopeToken};

/// The longest list that is read, in bytes. SMART App Launch asks for at least 32 kB.
pub const LONGEST_SET: usize = 65_536;

/// Scopes in the order in which they were given, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeSet {
    tokens: Vec<ScopeToken>,
}

impl ScopeSet {
    /// Reads a list whose scopes are separated by spaces. An empty text is an empty set.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.len() > LONGEST_SET {
            return Err(ScopeError::SetTooLong);
        }
        // More than one space is tolerated; a tab or a line end is not.
        let tokens: Result<Vec<_>, _> =
            text.split(' ').filter(|part| !part.is_empty()).map(ScopeToken::parse).collect();
        Ok(Self::from_tokens(tokens?))
    }

    /// Keeps the first of each scope, in the order given.
    pub fn from_tokens(tokens: impl IntoIterator<Item = ScopeToken>) -> Self {
        let mut seen = HashSet::new();
        Self { tokens: tokens.into_iter().filter(|token| seen.insert(token.clone())).collect() }
    }

    /// The scopes in order.
    pub fn iter(&self) -> std::slice::Iter<'_, ScopeToken> {
        self.tokens.iter()
    }

    /// Whether this very text is among the scopes; its meaning is asked of `narrow::covers_all`.
    pub fn contains(&self, token: &ScopeToken) -> bool {
        self.tokens.contains(token)
    }

    /// Whether there is no scope at all.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// How many scopes there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }
}

impl<'a> IntoIterator for &'a ScopeSet {
    type Item = &'a ScopeToken;
    type IntoIter = std::slice::Iter<'a, ScopeToken>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, token) in self.tokens.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token.as_str())?;
        }
        Ok(())
    }
}
