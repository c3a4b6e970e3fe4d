//! A registered application.

use serde_json::{Map, json};

use crate::moment::Timestamp;
use crate::protocol::client_metadata::{ClientMetadata, SubjectType};
use crate::protocol::ids::ClientId;

use super::registration::{Provenance, RegisteredBy};

/// The name in which this server itself asks FHIR servers. Registered clients get random names, and so never this
/// one.
pub const THIS_SERVER: &str = "hilum";

/// Whether a client may do anything at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientStatus {
    /// It may.
    Active,
    /// An admin has stopped it; its tokens are dead.
    Disabled,
}

impl ClientStatus {
    /// The word in rows and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// Reads the word of a row.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "active" => Some(Self::Active),
            "disabled" => Some(Self::Disabled),
            _ => None,
        }
    }
}

/// A registered application as it stands in the database.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its identifier.
    pub id: ClientId,
    /// Whether it may do anything.
    pub status: ClientStatus,
    /// What its registration says.
    pub metadata: ClientMetadata,
    /// The number of the registration's version; it grows with each change.
    pub version: i64,
    /// Tokens issued before are dead.
    pub tokens_not_before: Timestamp,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When its registration last changed.
    pub updated_at: Timestamp,
    /// How it came to be registered.
    pub provenance: Provenance,
}

impl Client {
    /// This server as a client of a FHIR server: it may nothing but show the tokens that it signs for itself.
    #[must_use]
    pub fn this_server(now: Timestamp) -> Option<Self> {
        let registration = Map::from_iter([
            ("client_name".to_owned(), json!("Hilum")),
            ("organization".to_owned(), json!("Hilum")),
            ("token_endpoint_auth_method".to_owned(), json!("none")),
        ]);
        Some(Self {
            id: ClientId::parse(THIS_SERVER)?,
            status: ClientStatus::Active,
            metadata: ClientMetadata::parse(&registration).ok()?,
            version: 1,
            tokens_not_before: Timestamp::UNIX_EPOCH,
            created_at: now,
            updated_at: now,
            provenance: Provenance::ADMINISTRATOR,
        })
    }

    /// Whether the client may act.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == ClientStatus::Active
    }

    /// Whether a token that was issued to this client at a time is still good.
    #[must_use]
    pub fn keeps_alive(&self, issued_at: Timestamp) -> bool {
        self.is_active() && self.tokens_not_before <= issued_at
    }

    /// Whether what was said of the client at a time was said of what it is now. One that registered itself may have
    /// made another of itself since, unless an administrator has found good what stands there.
    #[must_use]
    pub fn stands_since(&self, at: Timestamp) -> bool {
        self.provenance.is_approved() || self.updated_at < at
    }

    /// The client once an admin has stopped it: what was issued until now is dead for good.
    #[must_use]
    pub fn disable(self, now: Timestamp) -> Self {
        // Tokens carry whole seconds; those of this second die too.
        let tokens_not_before = now + time::Duration::SECOND;
        Self { status: ClientStatus::Disabled, tokens_not_before, ..self }
    }

    /// The client once an admin has let it go on; what was issued until now stays dead.
    #[must_use]
    pub fn enable(self, now: Timestamp) -> Self {
        let tokens_not_before = now + time::Duration::SECOND;
        Self { status: ClientStatus::Active, tokens_not_before, ..self }
    }

    /// The client once an administrator has found good what had registered itself.
    #[must_use]
    pub fn approve(self, now: Timestamp) -> Self {
        match self.provenance.by {
            RegisteredBy::Administrator => self,
            by @ (RegisteredBy::InitialToken(_) | RegisteredBy::StatementIssuer(_)) => {
                Self { provenance: Provenance { by, approved_at: Some(now) }, ..self }
            }
        }
    }

    /// The client with a registration of its own making: an approval was of what stood there before.
    #[must_use]
    pub fn with_own_metadata(self, metadata: ClientMetadata) -> Self {
        let by = self.provenance.by;
        let approved_at =
            self.provenance.approved_at.filter(|_| metadata.to_json() == self.metadata.to_json());
        Self { metadata, provenance: Provenance { by, approved_at }, ..self }
    }

    /// The client, whose tokens end where it would know people by other names than before: a refreshed id token would
    /// else name somebody new (OpenID Connect Core, 12.2).
    #[must_use]
    pub fn ending_former_names(self, before: &Self, now: Timestamp) -> Self {
        let naming = |client: &Self| match client.metadata.subject_type {
            SubjectType::Public => None,
            SubjectType::Pairwise => Some(client.metadata.sector()),
        };
        if naming(&self) == naming(before) {
            return self;
        }
        Self { tokens_not_before: now + time::Duration::SECOND, ..self }
    }

    /// The client with another registration.
    #[must_use]
    pub fn with_metadata(self, metadata: ClientMetadata) -> Self {
        Self { metadata, ..self }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::{Duration, OffsetDateTime};

    use super::*;

    fn client(now: Timestamp) -> Client {
        let registration =
            json!({"client_name": "a", "organization": "b", "token_endpoint_auth_method": "none"});
        Client {
            id: ClientId::parse("c").unwrap(),
            status: ClientStatus::Active,
            metadata: ClientMetadata::parse(registration.as_object().unwrap()).unwrap(),
            version: 1,
            tokens_not_before: now,
            created_at: now,
            updated_at: now,
            provenance: Provenance::ADMINISTRATOR,
        }
    }

    #[test]
    fn this_server_is_a_client_that_may_nothing() {
        let own = Client::this_server(OffsetDateTime::UNIX_EPOCH).unwrap();
        assert!(own.is_active() && own.id.as_str() == THIS_SERVER);
        let metadata = &own.metadata;
        assert!(
            metadata.scope.is_empty() && metadata.introspects.is_empty() && metadata.resources.is_empty()
        );
    }

    #[test]
    fn what_was_said_before_a_change_of_its_own_is_not_said_of_a_client() {
        let start = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        let (said, changed) = (start + Duration::SECOND, start + Duration::seconds(2));
        let by = RegisteredBy::InitialToken(uuid::Uuid::nil());
        let own = Client { provenance: Provenance { by, approved_at: None }, ..client(start) };
        assert!(own.stands_since(said) && !own.stands_since(start));
        let own = Client { updated_at: changed, ..own };
        assert!(!own.stands_since(said));
        assert!(own.clone().approve(changed).stands_since(said));
        assert!(Client { updated_at: changed, ..client(start) }.stands_since(said));
    }

    #[test]
    fn disabling_kills_what_was_issued_and_enabling_does_not_revive_it() {
        let start = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        let issued = start + Duration::SECOND;
        let client = client(start);
        assert!(client.keeps_alive(issued));
        let disabled = client.disable(start + Duration::seconds(2));
        assert!(!disabled.keeps_alive(issued));
        assert!(!disabled.keeps_alive(start + Duration::seconds(9)));
        let enabled = disabled.enable(start + Duration::seconds(4));
        assert!(!enabled.keeps_alive(issued));
        assert!(!enabled.keeps_alive(start + Duration::seconds(4)));
        assert!(enabled.keeps_alive(start + Duration::seconds(5)));
    }
}
