//! What a grant found to be true, before policy has judged it.

use crate::protocol::ids::ClientId;
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::scope::set::ScopeSet;

/// Whom the token will speak for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The client itself (RFC 9068, 2.2: its `client_id` is the `sub`).
    Client(ClientId),
}

impl Subject {
    /// The `sub` claim.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Client(id) => id.as_str(),
        }
    }
}

/// Whether a resource server's tokens must be bound to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SenderDemand {
    /// As the client is registered.
    AsRegistered,
    /// Always, whatever the client's registration says.
    Always,
}

/// What a grant found to be true.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// The `grant_type`.
    pub grant_type: &'static str,
    /// Whom the token will speak for.
    pub subject: Subject,
    /// The scopes that were asked for.
    pub asked: ScopeSet,
    /// The one resource server it is for.
    pub resource: ResourceMetadata,
    /// Whether its tokens must be bound to a key.
    pub sender: SenderDemand,
}
