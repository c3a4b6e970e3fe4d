//! The browser's way, from an authorization request to the answer that carries a code. Each step does its
//! own work and returns to the dispatcher; no step names another.

pub mod account;
pub mod browser;
pub mod case;
pub mod consent;
pub mod dispatcher;
pub mod endpoint;
pub mod login;
pub mod logout;
mod offer;
pub mod patient;
mod setting;
pub mod response;
mod throttle;

use std::sync::Arc;

use time::Duration;
use uuid::Uuid;

use crate::grants::OwnResources;
use crate::keys::keyring::KeyRing;
use crate::ledger::{Entry, Ledger};
use crate::model::audit_event::Origin;
use crate::moment::Timestamp;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::platform::passwords::PasswordHasher;
use crate::protocol::error::{Doing, Failure, Fault};
use crate::smart::patients::PatientDirectory;
use crate::store::Db;

use browser::{BrowserKeys, Cookie};
use response::ReturnAddress;

pub use offer::{is_preapproved, is_recognized};

/// What the steps share. Cloning is cheap.
#[derive(Clone)]
pub struct AuthorizationFlow {
    /// The door to reading.
    pub db: Db,
    /// The door through which state changes.
    pub ledger: Ledger,
    /// The database's time.
    pub clock: Clock,
    /// Chance.
    pub entropy: Entropy,
    /// Verifies passwords.
    pub passwords: PasswordHasher,
    /// The resource servers that this server is itself.
    pub own: OwnResources,
    /// What proves that forms and devices are known.
    pub marks: Arc<BrowserKeys>,
    /// The patients whose record a person may open.
    pub patients: PatientDirectory,
    /// The signing keys, by which id tokens are known again.
    pub signing: KeyRing,
    /// How long things live.
    pub lives: Lives,
    /// The name of this server (RFC 9207).
    pub issuer: Arc<str>,
}

/// How long things live.
#[derive(Clone, Copy, Debug)]
pub struct Lives {
    /// An authorization code.
    pub code: Duration,
    /// A signed-in browser.
    pub session: Duration,
    /// A signed-in browser that is left alone.
    pub idle: Duration,
    /// An access token that speaks for a person.
    pub access: Duration,
    /// A refresh token that is not used.
    pub refresh: Duration,
}

/// Where the browser goes next, on this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// To the dispatcher.
    Dispatcher,
    /// To the sign-in form.
    Login,
    /// To the choice of a patient.
    Patient,
    /// To the choice of an encounter.
    Encounter,
    /// To the question for consent.
    Consent,
    /// To the page of whoever is signed in.
    Account,
}

/// A step was taken: the browser goes on.
#[derive(Debug)]
pub struct GoOn {
    /// Where to.
    pub place: Place,
    /// With which interaction, when an app sent the person.
    pub interaction: Option<Uuid>,
    /// The cookies that it gets.
    pub cookies: Vec<Cookie>,
}

impl GoOn {
    /// To a place of an interaction, with nothing new.
    #[must_use]
    pub const fn to(place: Place, interaction: Uuid) -> Self {
        Self { place, interaction: Some(interaction), cookies: Vec::new() }
    }

    /// To a place without any app, with nothing new.
    #[must_use]
    pub const fn alone(place: Place) -> Self {
        Self { place, interaction: None, cookies: Vec::new() }
    }
}

/// What became of a request for a page.
#[derive(Debug)]
pub enum Turn<P> {
    /// It is shown.
    Page(P),
    /// Something else comes first.
    GoOn(GoOn),
}

/// What went wrong, and where it is told: the client learns of it only at a callback that was proved
/// (RFC 6749, 4.1.2.1).
#[derive(Debug)]
pub enum Trouble {
    /// On a page.
    Page(Failure),
    /// To the client.
    Client(Box<ReturnAddress>, Failure),
}

impl Trouble {
    /// What went wrong.
    #[must_use]
    pub const fn failure(&self) -> &Failure {
        match self {
            Self::Page(failure) | Self::Client(_, failure) => failure,
        }
    }
}

impl AuthorizationFlow {
    /// Begins the entry of a request.
    fn entry(&self, action: &str, origin: &Origin) -> Result<Entry, Fault> {
        let now = self.clock.now();
        let id = self.entropy.id(now).doing("naming an entry")?;
        Ok(Entry::begin(id, now, action, origin.clone()))
    }

    /// A new identifier.
    fn id(&self, now: Timestamp) -> Result<Uuid, Fault> {
        self.entropy.id(now).doing("naming a record")
    }

    /// Settles a refusal, or passes a fault on.
    async fn refuse(&self, entry: Entry, failure: Failure) -> Failure {
        let refused: Result<std::convert::Infallible, Failure> = Err(failure);
        match self.ledger.settle(entry, refused).await {
            Err(failure) => failure,
        }
    }
}
