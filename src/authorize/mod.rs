//! The browser's way, from an authorization request to the answer that carries a code. Each step does its
//! own work and returns to the dispatcher; no step names another.

pub mod account;
pub mod answer;
mod asked;
pub mod browser;
pub mod case;
mod claims;
pub mod consent;
pub mod device;
pub mod details;
pub mod dispatcher;
pub mod endpoint;
pub mod login;
pub mod logout;
mod offer;
pub mod patient;
pub mod pushed;
mod setting;
pub mod response;
mod throttle;

use std::sync::Arc;

use time::Duration;
use uuid::Uuid;

use crate::clients::authenticate::Authenticator;
use crate::config::features::Features;
use crate::grants::OwnResources;
use crate::keys::keyring::KeyRing;
use crate::keys::subjects::Subjects;
use crate::ledger::{Entry, Ledger};
use crate::model::audit_event::Origin;
use crate::model::registration::Provenance;
use crate::moment::Timestamp;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::platform::passwords::PasswordHasher;
use crate::platform::seal::KeySealer;
use crate::protocol::error::{Doing, Failure, Fault};
use crate::sender::dpop::ProofRules;
use crate::smart::patients::PatientDirectory;
use crate::store::Db;

use answer::ReturnAddress;
use browser::{BrowserKeys, Cookie};

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
    /// Seals what a page has to show again.
    pub sealer: Arc<KeySealer>,
    /// The patients whose record a person may open.
    pub patients: PatientDirectory,
    /// The signing keys, by which id tokens are known again.
    pub signing: KeyRing,
    /// Names people to clients.
    pub subjects: Arc<Subjects>,
    /// Judges the credentials of clients that push their requests, and knows their keys.
    pub authenticator: Authenticator,
    /// What proofs are held to.
    pub proofs: Arc<ProofRules>,
    /// What is offered only where it is wanted.
    pub features: Features,
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
    /// A pushed authorization request.
    pub pushed: Duration,
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
    /// To the page that tells what a device was answered.
    Device,
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
    /// What went wrong before the person had a say. A client that registered itself, and that nobody has found good,
    /// is not told: whoever sends people here would else choose where they end up (RFC 9700, 4.11.2).
    fn unasked(provenance: &Provenance, address: ReturnAddress, failure: Failure) -> Self {
        if provenance.is_approved() { Self::Client(Box::new(address), failure) } else { Self::Page(failure) }
    }

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
