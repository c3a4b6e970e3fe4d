//! A registered resource server.

use crate::moment::Timestamp;
use crate::protocol::ids::ResourceName;
use crate::protocol::resource_metadata::ResourceMetadata;

/// A resource server as it stands in the database.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its short name, as in `/r/{resource}`.
    pub name: ResourceName,
    /// What its registration says.
    pub metadata: ResourceMetadata,
    /// The number of the registration's version.
    pub version: i64,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When its registration last changed.
    pub updated_at: Timestamp,
}

impl Resource {
    /// The `aud` of its tokens.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.metadata.url
    }

    /// The resource server with another registration.
    #[must_use]
    pub fn with_metadata(self, metadata: ResourceMetadata) -> Self {
        Self { metadata, ..self }
    }
}
