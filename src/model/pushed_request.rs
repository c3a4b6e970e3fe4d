//! A pushed authorization request (RFC 9126): what a client has said beforehand, and is held to.

use time::Duration;
use uuid::Uuid;

use crate::moment::Timestamp;
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::protocol::ids::ClientId;

/// How long a pushed request is remembered once it is no good, so that the record says what became of it.
pub const MEMORY: Duration = Duration::hours(1);

/// A pushed request, as it stands in the database.
#[derive(Clone)]
pub struct PushedRequest {
    /// Its identifier, which nobody outside learns.
    pub id: Uuid,
    /// SHA-256 of the `request_uri`.
    pub digest: [u8; 32],
    /// Who pushed it.
    pub client: ClientId,
    /// Its parameters as a form, without what authenticated the client.
    pub parameters: String,
    /// When it was pushed.
    pub created_at: Timestamp,
    /// From when it is no good.
    pub expires_at: Timestamp,
    /// When it was answered with a code.
    pub used_at: Option<Timestamp>,
}

impl std::fmt::Debug for PushedRequest {
    /// Without the parameters, which may speak of a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushedRequest")
            .field("id", &self.id)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl PushedRequest {
    /// Decides whether a client may come back to it. Until it is answered it may be shown again, as browsers do
    /// that load a page twice (RFC 9126, 7.3).
    pub fn take_up(&self, client: &ClientId, now: Timestamp) -> Result<(), Refusal> {
        if self.client != *client {
            return Err(not_valid("pushed_request_of_another_client"));
        }
        if self.used_at.is_some() {
            return Err(not_valid("pushed_request_used"));
        }
        if now >= self.expires_at {
            return Err(not_valid("pushed_request_expired"));
        }
        Ok(())
    }
}

/// The refusal of a `request_uri`.
#[must_use]
pub const fn not_valid(reason: &'static str) -> Refusal {
    let told = "The request that the app announced is not known here, or not any more. Go back to the app and begin again.";
    Refusal::new(ErrorCode::InvalidRequestUri, told, Reason::new(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_timestamp(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn pa_05_a_pushed_request_is_its_clients_until_it_is_answered_or_too_old() {
        let client = ClientId::parse("app").unwrap();
        let pushed = PushedRequest {
            id: Uuid::nil(),
            digest: [0; 32],
            client: client.clone(),
            parameters: String::new(),
            created_at: at(0),
            expires_at: at(60),
            used_at: None,
        };
        let reason = |pushed: &PushedRequest, client: &ClientId, now| {
            pushed.take_up(client, now).map_err(|refusal| refusal.reason().code())
        };
        assert_eq!(reason(&pushed, &client, at(0)), Ok(()));
        assert_eq!(reason(&pushed, &client, at(59)), Ok(()));
        assert_eq!(reason(&pushed, &client, at(60)), Err("pushed_request_expired"));
        let other = ClientId::parse("other").unwrap();
        assert_eq!(reason(&pushed, &other, at(0)), Err("pushed_request_of_another_client"));
        let used = PushedRequest { used_at: Some(at(5)), ..pushed };
        assert_eq!(reason(&used, &client, at(6)), Err("pushed_request_used"));
    }
}
