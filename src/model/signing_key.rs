//! A signing key's life: announced, active, retired, gone (RFC 8414; standards: pre-published keys).

use serde_json::Value;
use time::Duration;

use crate::jose::algorithm::Algorithm;
use crate::moment::Timestamp;

/// How long a retired key stays published: longer than any token it signed.
pub const RETIREMENT: Duration = Duration::hours(1);

/// Where a key stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published ahead of its use.
    Announced,
    /// Signs.
    Active,
    /// Signs no more; published until the last token it signed has expired.
    Retired,
    /// Published no more.
    Gone,
}

impl KeyState {
    /// The word in lists.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Gone => "gone",
        }
    }
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
}

impl SigningKeyRecord {
    /// Where the key stands at a time.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.withdrawn_at.is_some_and(|at| at <= now) {
            return KeyState::Gone;
        }
        match self.retires_at {
            Some(retires_at) if retires_at + RETIREMENT <= now => KeyState::Gone,
            Some(retires_at) if retires_at <= now => KeyState::Retired,
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
        self.state(now) != KeyState::Gone
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
        };
        let rows = [
            (0, KeyState::Announced),
            (23, KeyState::Announced),
            (24, KeyState::Active),
            (47, KeyState::Active),
            (48, KeyState::Retired),
            (49, KeyState::Gone),
        ];
        for (hours, state) in rows {
            assert_eq!(key.state(at(hours)), state, "after {hours} h");
        }
        let withdrawn = SigningKeyRecord { withdrawn_at: Some(at(30)), ..key };
        assert_eq!(withdrawn.state(at(29)), KeyState::Active);
        assert_eq!(withdrawn.state(at(30)), KeyState::Gone);
    }
}
