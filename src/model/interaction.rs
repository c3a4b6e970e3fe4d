//! One authorization request on its way through sign-in, the choice of a patient and consent.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::moment::Timestamp;
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::ids::ClientId;
use crate::protocol::redirect_uri::{self, Callback};
use crate::protocol::secret::same_bytes;

use super::delegation::Voucher;
use super::device_code;
use super::launch::Handover;

/// How long a person may take to sign in and decide.
pub const LIFE: time::Duration = time::Duration::minutes(30);

/// One authorization request on its way.
#[derive(Clone, Debug)]
pub struct Interaction {
    /// Its identifier, which stands in the addresses of the pages and opens nothing by itself.
    pub id: Uuid,
    /// The digest of the cookie of the browser that began.
    pub browser: [u8; 32],
    /// Who asks.
    pub client: ClientId,
    /// Where the answer goes.
    pub destination: Destination,
    /// What is asked.
    pub request: AuthorizationRequest,
    /// What an EHR handed over with it.
    pub launch: Option<Handover>,
    /// What the person chose.
    pub choice: Option<Choice>,
    /// How far it has come.
    pub progress: Progress,
    /// When it began.
    pub created_at: Timestamp,
    /// When it is too late.
    pub expires_at: Timestamp,
}

/// Where the answer to a request goes.
#[derive(Clone, Debug)]
pub enum Destination {
    /// To the client, with the browser.
    Callback(Callback),
    /// To a device that asks for it by itself (RFC 8628).
    Device(Waiting),
}

/// A device that waits for an answer.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The digest of its device code.
    pub digest: [u8; 32],
    /// The code that it shows, sealed: the person compares it once more.
    pub sealed_user_code: Vec<u8>,
}

impl Destination {
    /// Where browsers may be sent besides this server.
    #[must_use]
    pub fn origin(&self) -> String {
        match self {
            Self::Callback(callback) => callback.origin(),
            Self::Device(_) => String::new(),
        }
    }

    /// Whether the address of the answer is the client's alone.
    #[must_use]
    pub fn is_claimed(&self) -> bool {
        match self {
            Self::Callback(callback) => callback.is_claimed(),
            Self::Device(_) => false,
        }
    }

    /// Whether a client is registered for this.
    #[must_use]
    pub fn is_of(&self, client: &ClientMetadata) -> bool {
        match self {
            Self::Callback(callback) => {
                redirect_uri::matched(&client.redirect_uris, callback.as_str()).is_some()
            }
            Self::Device(_) => client.grant_types.iter().any(|grant| grant == device_code::GRANT),
        }
    }

    /// The device that waits for it.
    #[must_use]
    pub const fn device(&self) -> Option<&Waiting> {
        match self {
            Self::Device(waiting) => Some(waiting),
            Self::Callback(_) => None,
        }
    }
}

/// What a person chose to work on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The patient.
    pub patient: String,
    /// The patient as the person knows them: name, and what tells them from others of that name.
    pub label: String,
    /// Who says that the person may act for the patient.
    pub voucher: Voucher,
    /// The encounter, once that was asked: none in particular is an answer too.
    pub encounter: Option<ChosenEncounter>,
}

/// What a person answered when asked for an encounter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenEncounter {
    /// The encounter; `None` when none in particular.
    pub id: Option<String>,
}

/// How far an interaction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nobody has signed in for it.
    Begun,
    /// Somebody has, in this session.
    SignedIn {
        /// The session.
        session: Uuid,
    },
    /// They have agreed.
    Allowed {
        /// The session.
        session: Uuid,
        /// The decision.
        consent: Uuid,
    },
    /// They have refused.
    Denied {
        /// The session.
        session: Uuid,
    },
    /// The answer has been sent.
    Finished,
}

/// What comes next. A new step is a variant here, a file in `authorize/` and a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The person signs in.
    Login,
    /// The person chooses a patient.
    Patient,
    /// The person chooses an encounter of the patient.
    Encounter,
    /// The person decides.
    Consent,
    /// The answer is sent, by the decision that is named.
    Respond {
        /// The decision.
        consent: Uuid,
    },
    /// The client is told that the person refused.
    Refuse,
    /// Nothing: it is over.
    Over,
}

/// What is known besides the interaction itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances {
    /// The session of the browser, when it is live.
    pub session: Option<Uuid>,
    /// What the scopes ask for and is not in context yet.
    pub missing: Option<Missing>,
    /// A former decision that covers everything that is asked, when it may be used.
    pub remembered: Option<Uuid>,
}

/// What has to be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A patient.
    Patient,
    /// An encounter.
    Encounter,
}

impl Interaction {
    /// Whether it is this browser's, and not too late.
    #[must_use]
    pub fn belongs_to(&self, browser: &[u8; 32], now: Timestamp) -> bool {
        same_bytes(&self.browser, browser) && now < self.expires_at
    }

    /// What comes next. Whoever signed in for it must still be signed in.
    #[must_use]
    pub fn next(&self, known: &Circumstances) -> Step {
        let is_present = |session: Uuid| known.session == Some(session);
        match self.progress {
            Progress::Begun => Step::Login,
            Progress::SignedIn { session }
            | Progress::Allowed { session, .. }
            | Progress::Denied { session }
                if !is_present(session) =>
            {
                Step::Login
            }
            Progress::SignedIn { .. } => match (known.missing, known.remembered) {
                (Some(Missing::Patient), _) => Step::Patient,
                (Some(Missing::Encounter), _) => Step::Encounter,
                (None, Some(consent)) => Step::Respond { consent },
                (None, None) => Step::Consent,
            },
            Progress::Allowed { consent, .. } => Step::Respond { consent },
            Progress::Denied { .. } => Step::Refuse,
            Progress::Finished => Step::Over,
        }
    }

    /// The session in which somebody signed in for it.
    #[must_use]
    pub const fn session(&self) -> Option<Uuid> {
        match self.progress {
            Progress::SignedIn { session }
            | Progress::Allowed { session, .. }
            | Progress::Denied { session } => Some(session),
            Progress::Begun | Progress::Finished => None,
        }
    }
}
