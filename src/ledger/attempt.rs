//! The changes that a request can ask for, one file of `store` behind each.

use time::Duration;
use uuid::Uuid;

use crate::model::access_token::AccessToken;
use crate::moment::Timestamp;
use crate::protocol::error::Fault;
use crate::store::{self, Tx};

/// The one change a request asks for.
#[derive(Debug)]
pub enum Attempt {
    /// Store what an opaque token stands for.
    StoreOpaqueToken {
        /// The digest of the token.
        digest: [u8; 32],
        /// Its content.
        token: Box<AccessToken>,
    },
    /// Revoke an access token.
    RevokeToken {
        /// Its `jti`.
        id: Uuid,
        /// When it would have expired.
        expires_at: Timestamp,
    },
    /// Note that a resource server has introspected a token; only the first time is recorded.
    NoteIntrospection {
        /// Its `jti`.
        id: Uuid,
        /// The resource server.
        audience: String,
        /// When the token expires.
        expires_at: Timestamp,
    },
    /// Keep what was used up, and record nothing: the answer told nothing about any token.
    RecordNothing,
}

/// Whether a change is worth a record of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// It is recorded.
    Recorded,
    /// It repeats what has been recorded.
    Repeated,
}

impl Attempt {
    pub(super) async fn write(&self, tx: &mut Tx, now: Timestamp) -> Result<Worth, Fault> {
        match self {
            Self::StoreOpaqueToken { digest, token } => {
                store::access_token::insert_opaque(tx, digest, token).await?;
                Ok(Worth::Recorded)
            }
            Self::RevokeToken { id, expires_at } => {
                // Kept a little longer than the token, so that no process whose time differs revives it.
                let until = *expires_at + Duration::minutes(5);
                store::access_token::revoke(tx, *id, until, now).await?;
                Ok(Worth::Recorded)
            }
            Self::NoteIntrospection { id, audience, expires_at } => {
                let first = store::access_token::insert_introspected(tx, *id, audience, *expires_at).await?;
                Ok(if first { Worth::Recorded } else { Worth::Repeated })
            }
            Self::RecordNothing => Ok(Worth::Repeated),
        }
    }
}
