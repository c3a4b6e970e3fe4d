//! Clients that ask for certificates of the built-in PKI themselves, and renew them (RFC 7030). A first certificate is
//! approved by an administrator; one that takes the place of another is issued at once.

mod asking;
mod first;
mod next;

use crate::admin::Administration;
use crate::ca::Gate;
use crate::clients::authenticate::Authenticator;
use crate::ledger::{Attempt, Entry};
use crate::model::audit_event::Origin;
use crate::model::client::Client;
use crate::pki::certs_only::certs_only;
use crate::protocol::error::{Doing, Failure, Fault, Refusal};
use crate::store;

pub use asking::Asking;

/// What a certification request should hold, in DER (RFC 7030, 4.5.2): a key on P-256, and a signature with it and
/// SHA-256. Stronger ones do too.
pub const WANTED: &[u8] = &[
    0x30, 0x21, // CsrAttrs
    0x30, 0x15, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, // an attribute: id-ecPublicKey
    0x31, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, // its value: secp256r1
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, // ecdsa-with-SHA256
];

/// What came of a request.
#[derive(Debug)]
pub enum Enrolled {
    /// The certificate and nothing else, as CMS in DER.
    Issued(Vec<u8>),
    /// Somebody has to approve it first.
    Pending {
        /// In how many seconds it is worth asking again.
        again_after: i64,
    },
}

/// Where clients ask.
pub struct EnrollmentEndpoint {
    administration: Administration,
    authenticator: Authenticator,
}

impl EnrollmentEndpoint {
    /// The endpoint over an administration.
    #[must_use]
    pub fn new(administration: &Administration, authenticator: &Authenticator) -> Self {
        Self { administration: administration.clone(), authenticator: authenticator.clone() }
    }

    /// Whether there is a PKI to ask.
    pub async fn is_there(&self) -> Result<bool, Fault> {
        self.administration.authority.is_there().await
    }

    /// The authorities, as CMS in DER: the one that people trust, and those below it by which there are certificates
    /// (RFC 7030, 4.1.3). `None` where there is no PKI.
    pub async fn authorities(&self) -> Result<Option<Vec<u8>>, Fault> {
        let now = self.administration.clock.now();
        let Some(found) = self.administration.authority.certificates(now).await? else { return Ok(None) };
        certs_only(&found).map(Some).doing("writing the authorities")
    }

    fn entry(&self, action: &str, origin: &Origin) -> Result<Entry, Fault> {
        let now = self.administration.clock.now();
        let id = self.administration.entropy.id(now).doing("naming an entry")?;
        Ok(Entry::begin(id, now, action, origin.clone()))
    }

    /// Ends a request that changes nothing: an answer that was given before, or a refusal, which is recorded.
    async fn settled(
        &self,
        mut entry: Entry,
        outcome: Result<Enrolled, Failure>,
    ) -> Result<Enrolled, Failure> {
        entry.attempt(Attempt::RecordNothing);
        self.administration.ledger.settle(entry, outcome).await
    }
}

/// Looks, in the transaction of a change, whether the client is still as it was when it proved who it is.
fn still_stands(client: &Client) -> Gate {
    let (id, version) = (client.id.clone(), client.version);
    Box::new(move |tx| {
        Box::pin(async move {
            if store::client::find_active_version(tx, &id).await? == Some(version) {
                return Ok(());
            }
            Err(Refusal::invalid_client("client_changed").into())
        })
    })
}

/// The certificate and nothing else (RFC 7030, 4.2.3): the authorities above it are to be had elsewhere.
fn issued(der: &[u8]) -> Result<Enrolled, Failure> {
    Ok(Enrolled::Issued(certs_only(&[der]).doing("writing a certificate")?))
}
