//! What a person has let a client do, and how the person had proved who they are.

use uuid::Uuid;

use crate::moment::Timestamp;
use crate::protocol::ids::ClientId;
use crate::scope::narrow::holds;
use crate::scope::set::ScopeSet;

/// A scope without which a client gets no refresh token that outlives the session (OpenID Connect
/// Core, 11; SMART App Launch 2.2, scopes).
pub const OFFLINE_ACCESS: &str = "offline_access";
/// The scope of a refresh token that ends with the session (SMART App Launch 2.2, scopes).
pub const ONLINE_ACCESS: &str = "online_access";

/// A sign-in, as tokens tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// The session it began.
    pub session: Uuid,
    /// How the person proved who they are (RFC 8176): `amr`.
    pub methods: Vec<String>,
    /// When: `auth_time`.
    pub at: Timestamp,
}

/// What a person has let a client do. Codes, families and access tokens descend from it.
#[derive(Clone, Debug)]
pub struct Delegation {
    /// The client.
    pub client: ClientId,
    /// The person.
    pub subject: Uuid,
    /// The decision it rests on.
    pub consent: Uuid,
    /// The scopes that were consented to.
    pub scope: ScopeSet,
    /// The one resource server.
    pub audience: String,
    /// The patient in context (SMART App Launch 2.2).
    pub patient: Option<String>,
    /// The sign-in.
    pub sign_in: SignIn,
}

/// How long a client may go on without the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endurance {
    /// Until the access token expires.
    Token,
    /// Until the session ends.
    Session,
    /// Until somebody ends it.
    Offline,
}

impl Delegation {
    /// How long the client may go on; of two wishes the narrower counts.
    #[must_use]
    pub fn endurance(&self) -> Endurance {
        match (holds(&self.scope, ONLINE_ACCESS), holds(&self.scope, OFFLINE_ACCESS)) {
            (true, _) => Endurance::Session,
            (false, true) => Endurance::Offline,
            (false, false) => Endurance::Token,
        }
    }
}
