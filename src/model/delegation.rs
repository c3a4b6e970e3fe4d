//! What a person has let a client do, and how the person had proved who they are.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::moment::Timestamp;
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::ids::ClientId;
use crate::protocol::launch_context::LaunchContext;
use crate::scope::narrow::holds;
use crate::scope::set::ScopeSet;

use super::identity::AskedClaims;

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
    /// What is in context (SMART App Launch 2.2).
    pub context: LaunchContext,
    /// Who says that the person may act for the patient in context.
    pub voucher: Voucher,
    /// The sign-in.
    pub sign_in: SignIn,
    /// What else was asked for and agreed to.
    pub particulars: Particulars,
}

/// What else an authorization says, beside what every one does; it is kept with codes and families as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Particulars {
    /// The thumbprint of the key to which the code is bound (RFC 9449, 10).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<String>,
    /// The claims that were asked for one by one (OpenID Connect Core, 5.5).
    #[serde(skip_serializing_if = "AskedClaims::is_empty")]
    pub claims: AskedClaims,
    /// What was agreed to beside the scopes (RFC 9396).
    #[serde(skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub authorization_details: AuthorizationDetails,
}

/// Who says that a person may act for a patient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Voucher {
    /// What is known here: the patient is the person, or there is a relationship, which may end at any time.
    #[default]
    Relationship,
    /// The EHR that launched the app.
    Launch,
    /// The FHIR server in whose directory a clinician found the patient.
    Directory,
}

impl Voucher {
    /// The word in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relationship => "relationship",
            Self::Launch => "launch",
            Self::Directory => "directory",
        }
    }

    /// Reads the word of a row.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Relationship, Self::Launch, Self::Directory]
            .into_iter()
            .find(|voucher| voucher.as_str() == text)
    }
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

impl Endurance {
    /// What scopes ask for; of two wishes the narrower counts.
    #[must_use]
    pub fn of(scope: &ScopeSet) -> Self {
        match (holds(scope, ONLINE_ACCESS), holds(scope, OFFLINE_ACCESS)) {
            (true, _) => Self::Session,
            (false, true) => Self::Offline,
            (false, false) => Self::Token,
        }
    }
}

impl Delegation {
    /// How long the client may go on.
    #[must_use]
    pub fn endurance(&self) -> Endurance {
        Endurance::of(&self.scope)
    }
}
