//! Clients that register themselves (RFC 7591), and look after their registrations themselves (RFC 7592).

mod create;
mod manage;
mod statement;

use serde_json::{Map, Value};

use crate::admin::Administration;
use crate::clients::evidence::Evidence;
use crate::clients::key_source::KeySource;
use crate::discovery::endpoints::{Addresses, REGISTRATION};
use crate::jose::thumbprint::sha256;
use crate::ledger::Entry;
use crate::model::audit_event::Origin;
use crate::model::client::Client;
use crate::protocol::auth_header::AuthHeader;
use crate::protocol::error::{Doing, ErrorCode, Failure, Fault, Reason, Refusal};
use crate::protocol::secret::Secret;
use crate::tokens::bearer::MISSING;

/// How a registration access token begins, so that scanners of code and logs know it.
const PREFIX: &str = "hra_";

/// The client registration endpoint.
pub struct RegistrationEndpoint {
    administration: Administration,
    keys: KeySource,
    /// The names under which a software statement can be for this server.
    audiences: [String; 3],
}

/// A registration, as its client is told of it.
#[derive(Debug)]
pub struct Registered {
    /// The client.
    pub client: Client,
    /// The secret that was made for it.
    pub secret: Option<Secret>,
    /// The token by which it looks after its registration.
    pub token: Secret,
    /// The statement that vouches for it (RFC 7591, 3.2.1).
    pub software_statement: Option<String>,
}

/// What a request shows, and says.
pub struct Request {
    /// What it shows of its sender.
    pub evidence: Evidence,
    /// What it says, or why that cannot be read.
    pub document: Result<Map<String, Value>, Refusal>,
}

impl RegistrationEndpoint {
    /// The endpoint at these addresses.
    #[must_use]
    pub fn new(administration: &Administration, keys: &KeySource, at: &Addresses) -> Self {
        let issuer = at.issuer.as_str().to_owned();
        let audiences = [issuer, at.issuer.join(REGISTRATION), at.mtls.join(REGISTRATION)];
        Self { administration: administration.clone(), keys: keys.clone(), audiences }
    }

    fn entry(&self, action: &str, origin: &Origin) -> Result<Entry, Fault> {
        let now = self.administration.clock.now();
        let id = self.administration.entropy.id(now).doing("naming an entry")?;
        Ok(Entry::begin(id, now, action, origin.clone()))
    }

    /// Records a refusal of what never came to be written.
    async fn refuse<T>(&self, entry: Entry, failure: Failure) -> Result<T, Failure> {
        self.administration.ledger.settle(entry, Err(failure)).await
    }
}

/// The digest of the token that a request shows (RFC 6750, 2.1).
fn shown(evidence: &Evidence) -> Result<(&Secret, [u8; 32]), Refusal> {
    match &evidence.authorization {
        Some(AuthHeader::Bearer(token)) => Ok((token, sha256(token.expose().as_bytes()))),
        None => Err(not_authorized(MISSING)),
        Some(_) => Err(not_authorized("token_unreadable")),
    }
}

/// The refusal of a token: the same words for all, whatever is wrong with it, and whether or not the client exists
/// (RFC 7592, 2).
const fn not_authorized(reason: &'static str) -> Refusal {
    let told = "the token that opens this is missing, spent, or for something else";
    Refusal::new(ErrorCode::InvalidToken, told, Reason::new(reason))
}
