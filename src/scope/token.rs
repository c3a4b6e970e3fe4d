//! One scope, as text (RFC 6749, 3.3).

use std::fmt;

/// The longest single scope that is read, in bytes.
pub const LONGEST_TOKEN: usize = 1024;

/// Why a text is not a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// A scope has at least one character.
    #[error("a scope is empty")]
    Empty,
    /// A single scope is longer than [`LONGEST_TOKEN`].
    #[error("a scope is too long")]
    TokenTooLong,
    /// The whole list is longer than [`LONGEST_SET`](super::set::LONGEST_SET).
    #[error("the list of scopes is too long")]
    SetTooLong,
    /// A character stands outside the set of RFC 6749, 3.3.
    #[error("a scope holds a character that is not allowed")]
    InvalidCharacter,
}

/// One scope: the `scope-token` of RFC 6749, 3.3. Compared by its text, letter case included.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeToken(String);

impl ScopeToken {
    /// Reads one scope of 1 to [`LONGEST_TOKEN`] bytes.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.is_empty() {
            return Err(ScopeError::Empty);
        }
        if text.len() > LONGEST_TOKEN {
            return Err(ScopeError::TokenTooLong);
        }
        // NQCHAR: all that is visible in ASCII but the double quote and the backslash.
        if !text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)) {
            return Err(ScopeError::InvalidCharacter);
        }
        Ok(Self(text.to_owned()))
    }

    /// The scope as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScopeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
