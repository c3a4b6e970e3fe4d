//! What a refresh token says. It is not stored: whoever holds the key of its MAC can tell that it was
//! issued, and the family tells whether it is still good.

use uuid::Uuid;

use crate::protocol::ids::ClientId;

/// The form of the bytes.
const VERSION: u8 = 1;

/// The content of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// The number of restores from backup at its issue.
    pub epoch: i64,
    /// The client.
    pub client: ClientId,
    /// The family, which is named nowhere else.
    pub family: Uuid,
    /// Its number in the family.
    pub generation: i64,
}

impl RefreshToken {
    /// Its bytes, under the identifier of the key that will sign them.
    #[must_use]
    pub fn to_bytes(&self, key: u8) -> Vec<u8> {
        let mut bytes = vec![VERSION, key];
        bytes.extend(self.epoch.to_be_bytes());
        bytes.extend(self.family.as_bytes());
        bytes.extend(self.generation.to_be_bytes());
        bytes.extend(self.client.as_str().as_bytes());
        bytes
    }

    /// Reads bytes that were signed with the key of this identifier.
    #[must_use]
    pub fn from_bytes(bytes: &[u8], key: u8) -> Option<Self> {
        let rest = bytes.strip_prefix(&[VERSION, key])?;
        let (epoch, rest) = rest.split_first_chunk::<8>()?;
        let (family, rest) = rest.split_first_chunk::<16>()?;
        let (generation, client) = rest.split_first_chunk::<8>()?;
        Some(Self {
            epoch: i64::from_be_bytes(*epoch),
            client: ClientId::parse(std::str::from_utf8(client).ok()?)?,
            family: Uuid::from_bytes(*family),
            generation: i64::from_be_bytes(*generation),
        })
    }
}
