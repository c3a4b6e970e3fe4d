//! How a client came to be registered, and what opens the door to those that register themselves (RFC 7591).

use uuid::Uuid;

use crate::moment::Timestamp;
use crate::protocol::allowance::{Allowance, StatementIssuerMetadata};

/// By whom a client was registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisteredBy {
    /// By an administrator.
    Administrator,
    /// By itself, with an initial access token.
    InitialToken(Uuid),
    /// By itself, with a statement of this issuer.
    StatementIssuer(Uuid),
}

impl RegisteredBy {
    /// The word in rows and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::InitialToken(_) => "initial_access_token",
            Self::StatementIssuer(_) => "software_statement",
        }
    }

    /// What it was registered with.
    #[must_use]
    pub const fn with(self) -> Option<Uuid> {
        match self {
            Self::Administrator => None,
            Self::InitialToken(id) | Self::StatementIssuer(id) => Some(id),
        }
    }

    /// Reads a row.
    #[must_use]
    pub fn parse(by: &str, with: Option<Uuid>) -> Option<Self> {
        match (by, with) {
            ("administrator", None) => Some(Self::Administrator),
            ("initial_access_token", Some(id)) => Some(Self::InitialToken(id)),
            ("software_statement", Some(id)) => Some(Self::StatementIssuer(id)),
            _ => None,
        }
    }
}

/// How a client came to be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// By whom.
    pub by: RegisteredBy,
    /// When an administrator found good what had registered itself.
    pub approved_at: Option<Timestamp>,
}

impl Provenance {
    /// Registered by an administrator.
    pub const ADMINISTRATOR: Self = Self { by: RegisteredBy::Administrator, approved_at: None };

    /// Whether an administrator has looked at the client.
    #[must_use]
    pub const fn is_approved(&self) -> bool {
        match self.by {
            RegisteredBy::Administrator => true,
            RegisteredBy::InitialToken(_) | RegisteredBy::StatementIssuer(_) => self.approved_at.is_some(),
        }
    }
}

/// The leave to register so many clients until a time (RFC 7591, 1.2).
#[derive(Clone, Debug)]
pub struct InitialToken {
    /// Its identifier, which opens nothing.
    pub id: Uuid,
    /// What a client may be at most that registers with it.
    pub allowance: Allowance,
    /// Whom it is for.
    pub note: Option<String>,
    /// How many clients may register with it.
    pub registrations: i64,
    /// How many have.
    pub used: i64,
    /// When it was issued.
    pub created_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

impl InitialToken {
    /// Whether another client may register with it.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.used < self.registrations && now < self.expires_at
    }
}

/// Whoever may vouch for software (RFC 7591, 2.3).
#[derive(Clone, Debug)]
pub struct StatementIssuer {
    /// Its identifier here.
    pub id: Uuid,
    /// What an administrator says of it.
    pub metadata: StatementIssuerMetadata,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When that last changed.
    pub updated_at: Timestamp,
}

/// What is kept of how a client registered itself, by which it may change that (RFC 7592).
#[derive(Clone, Debug)]
pub struct SelfRegistration {
    /// The digest of its registration access token.
    pub digest: [u8; 32],
    /// What it may be at most.
    pub allowance: Allowance,
    /// The statement that vouches for it.
    pub software_statement: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::Duration;

    use super::*;

    #[test]
    fn an_initial_token_is_good_so_often_and_so_long() {
        let start = Timestamp::UNIX_EPOCH;
        let allowance = json!({"organization": "a"});
        let token = |used, seconds| {
            let token = InitialToken {
                id: Uuid::nil(),
                allowance: Allowance::parse(allowance.as_object().unwrap()).unwrap(),
                note: None,
                registrations: 2,
                used,
                created_at: start,
                expires_at: start + Duration::seconds(9),
            };
            token.is_open(start + Duration::seconds(seconds))
        };
        assert!(token(0, 0) && token(1, 8));
        assert!(!token(2, 0) && !token(0, 9));
    }

    #[test]
    fn r20_only_an_administrator_makes_a_client_trusted() {
        let by = RegisteredBy::InitialToken(Uuid::nil());
        assert!(Provenance::ADMINISTRATOR.is_approved());
        assert!(!Provenance { by, approved_at: None }.is_approved());
        assert!(Provenance { by, approved_at: Some(Timestamp::UNIX_EPOCH) }.is_approved());
        for by in [RegisteredBy::Administrator, by, RegisteredBy::StatementIssuer(Uuid::max())] {
            assert_eq!(RegisteredBy::parse(by.as_str(), by.with()), Some(by));
        }
        assert_eq!(RegisteredBy::parse("administrator", Some(Uuid::nil())), None);
    }
}
