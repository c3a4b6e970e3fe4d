//! A signed-in browser.

use time::Duration;
use uuid::Uuid;

use crate::jose::base64url;
use crate::jose::thumbprint::sha256;
use crate::moment::Timestamp;
use crate::protocol::ids::ClientId;

use super::delegation::SignIn;
use super::standing::Standing;

/// A signed-in browser, as it stands in the database.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its identifier. Clients know it by another: see [`sid`].
    pub id: Uuid,
    /// Who signed in.
    pub subject: Uuid,
    /// How they proved who they are (RFC 8176).
    pub methods: Vec<String>,
    /// When they did.
    pub authenticated_at: Timestamp,
    /// When it was last used.
    pub used_at: Timestamp,
    /// When it ends whatever happens.
    pub ends_at: Timestamp,
    /// When it was ended, by the person or an administrator.
    pub ended_at: Option<Timestamp>,
}

impl Session {
    /// Whether the browser is still signed in: not ended, not left alone for too long, and the person
    /// still stands (45 CFR 164.312(a)(2)(iii)).
    #[must_use]
    pub fn is_live(&self, person: &Standing, idle: Duration, now: Timestamp) -> bool {
        self.is_open(idle, now) && person.subject == self.subject && person.keeps_alive(self.authenticated_at)
    }

    /// Whether it has neither ended nor been left alone for too long, whoever the person is.
    #[must_use]
    pub fn is_open(&self, idle: Duration, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.ends_at && now < self.used_at + idle
    }

    /// The sign-in that began it.
    #[must_use]
    pub fn sign_in(&self) -> SignIn {
        SignIn { session: self.id, methods: self.methods.clone(), at: self.authenticated_at }
    }
}

/// The `sid` by which a client knows a session (OpenID Connect Back-Channel Logout, 2.1). Each client knows it by
/// another, so that no two can tell that the same person is with both; from none of them does the session follow.
#[must_use]
pub fn sid(session: Uuid, client: &ClientId) -> String {
    let named = [b"sid\0".as_slice(), session.as_bytes(), client.as_str().as_bytes()].concat();
    let digest = sha256(&named);
    let (half, _) = digest.split_at(digest.len() / 2);
    base64url::encode(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lo_02_each_client_knows_each_session_by_a_name_of_its_own() {
        let (one, two) = (ClientId::parse("one").unwrap(), ClientId::parse("two").unwrap());
        let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(sid(first, &one), sid(first, &one));
        assert_eq!(sid(first, &one).len(), 22);
        assert_ne!(sid(first, &one), sid(first, &two));
        assert_ne!(sid(first, &one), sid(second, &one));
    }
}
