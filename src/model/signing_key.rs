//! A signing key's life: announced, active, retiring, retired; or revoked.

use serde_json::Value;
use time::Duration;

use crate::jose::algorithm::Algorithm;
use crate::moment::Timestamp;
use crate::protocol::resource_metadata::LONGEST_TOKEN;

/// How long a key that signs no more stays published: as long as the longest of what it signed may live, and a while
/// for clocks that are late.
pub const RETIREMENT: Duration = LONGEST_TOKEN.saturating_add(Duration::minutes(5));
/// How long it may take until every process knows of a key that one of them made. They look each second; a process
/// that has not looked for so long lets its key set be cached the shorter.
pub const LEARNING: Duration = Duration::seconds(10);

/// Where a key stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published ahead of its use.
    Announced,
    /// Signs.
    Active,
    /// Signs no more; published until the last token it signed has expired.
    Retiring,
    /// Published no more.
    Retired,
    /// Withdrawn in an emergency: what it signed is dead.
    Revoked,
}

impl KeyState {
    /// The word in lists.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }
}

/// How a private key stands in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Here, sealed.
    Sealed(Vec<u8>),
    /// In a hardware security module, under this identifier (CKA_ID in hexadecimal).
    Token(String),
}

/// A signing key as it stands in the database, without its private half.
#[derive(Clone, Debug)]
pub struct SigningKeyRecord {
    /// The key's identifier in JWKS and token headers.
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Its public half.
    pub public_jwk: Value,
    /// Since when it has been published.
    pub announced_at: Timestamp,
    /// From when it signs.
    pub activates_at: Timestamp,
    /// From when another signs in its place.
    pub retires_at: Option<Timestamp>,
    /// When it was withdrawn in an emergency: what it signed is dead.
    pub withdrawn_at: Option<Timestamp>,
    /// Why, as whoever did it said.
    pub withdrawal_reason: Option<String>,
}

impl Kept {
    /// The word in lists.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Sealed(_) => "sealed",
            Self::Token(_) => "hsm",
        }
    }

    /// Reads the two columns of a table; exactly one is filled.
    #[must_use]
    pub fn from_columns(sealed: Option<Vec<u8>>, token: Option<String>) -> Option<Self> {
        match (sealed, token) {
            (Some(sealed), None) => Some(Self::Sealed(sealed)),
            (None, Some(token)) => Some(Self::Token(token)),
            (None, None) | (Some(_), Some(_)) => None,
        }
    }

    /// The two columns of a table: what is sealed, and the name in the module.
    #[must_use]
    pub fn columns(&self) -> (Option<&[u8]>, Option<&str>) {
        match self {
            Self::Sealed(sealed) => (Some(sealed), None),
            Self::Token(token) => (None, Some(token)),
        }
    }
}

impl SigningKeyRecord {
    /// Where the key stands at a time.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.withdrawn_at.is_some_and(|at| at <= now) {
            return KeyState::Revoked;
        }
        match self.retires_at {
            Some(retires_at) if retires_at + RETIREMENT <= now => KeyState::Retired,
            Some(retires_at) if retires_at <= now => KeyState::Retiring,
            Some(_) | None if self.activates_at <= now => KeyState::Active,
            Some(_) | None => KeyState::Announced,
        }
    }

    /// The times that decide the key's state.
    #[must_use]
    pub const fn times(&self) -> (Timestamp, Option<Timestamp>, Option<Timestamp>) {
        (self.activates_at, self.retires_at, self.withdrawn_at)
    }

    /// Whether the key stands in the JWKS, and what it signed is believed.
    #[must_use]
    pub fn is_published(&self, now: Timestamp) -> bool {
        match self.state(now) {
            KeyState::Announced | KeyState::Active | KeyState::Retiring => true,
            KeyState::Retired | KeyState::Revoked => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::days(20_000) + Duration::hours(hours)
    }

    #[test]
    fn md_05_a_key_is_published_before_and_after_it_signs() {
        let key = SigningKeyRecord {
            kid: "k".into(),
            algorithm: Algorithm::Es256,
            public_jwk: Value::Null,
            announced_at: at(0),
            activates_at: at(24),
            retires_at: Some(at(48)),
            withdrawn_at: None,
            withdrawal_reason: None,
        };
        let rows = [
            (0, KeyState::Announced),
            (23, KeyState::Announced),
            (24, KeyState::Active),
            (47, KeyState::Active),
            (48, KeyState::Retiring),
            // A token of an hour that was written at the last moment has expired, for late clocks too.
            (49, KeyState::Retiring),
            (50, KeyState::Retired),
        ];
        for (hours, state) in rows {
            assert_eq!(key.state(at(hours)), state, "after {hours} h");
            assert_eq!(key.is_published(at(hours)), state != KeyState::Retired);
        }
        assert!(key.is_published(at(48) + LONGEST_TOKEN + Duration::minutes(4)));
        let withdrawn = SigningKeyRecord { withdrawn_at: Some(at(30)), ..key };
        assert_eq!(withdrawn.state(at(29)), KeyState::Active);
        assert_eq!(withdrawn.state(at(30)), KeyState::Revoked);
        assert!(!withdrawn.is_published(at(30)));
    }
}
