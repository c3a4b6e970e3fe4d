//! A signed-in browser.

use time::Duration;
use uuid::Uuid;

use crate::moment::Timestamp;

use super::delegation::SignIn;
use super::standing::Standing;

/// A signed-in browser, as it stands in the database.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its public identifier: `sid`.
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
