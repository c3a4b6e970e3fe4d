//! The built-in client PKI: a root that people trust, and an authority under it that issues the certificates of
//! clients, until another takes its place. It is off until `hilum pki init` has made both.

mod asked_before;
mod authorities;
mod certify;
mod init;
mod issue;
mod lists;
mod ocsp;
mod renew;
mod requests;
mod revoke;
mod revoke_authority;
mod revoked_key;
mod rollover;
mod signer;
mod suitable;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use time::Duration;
use tokio::sync::{Mutex, Semaphore};

use crate::keys::custody::Custody;
use crate::ledger::{Ledger, Work};
use crate::model::audit_event::AuditEvent;
use crate::model::certificate_request::Eyes;
use crate::model::signing_key::Kept;
use crate::platform::entropy::Entropy;
use crate::platform::hsm::Hsm;
use crate::protocol::error::{ErrorCode, Failure, FieldProblem, Reason, Refusal};
use crate::store::{Db, Tx};

pub use asked_before::Before;
pub use authorities::{Chain, Overview};
pub use issue::{IssuedCertificate, Issuing, client_uri, list_url, responder_url};
pub use ocsp::OcspAnswer;
pub use renew::Renewing;
pub use requests::Asked;
pub use revoke_authority::Part;
pub use revoked_key::refused as key_refused;
pub use rollover::Rollover;

/// The terms on which certificates are issued.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The issuer, without a slash at its end.
    pub issuer: String,
    /// Where certificates say that lists and answers are to be had, without a slash at its end.
    pub distribution: String,
    /// How long a client's certificate is valid.
    pub certificate: Duration,
    /// How long a revocation list is.
    pub list: Duration,
    /// How long an answer of the responder may be kept.
    pub answer: Duration,
    /// How long a request waits for a decision.
    pub request: Duration,
    /// How many people it takes to issue a certificate.
    pub eyes: Eyes,
}

/// Looks, in the transaction of a change, whether whoever asks for it still may.
pub type Gate = Box<
    dyn for<'t> FnOnce(&'t mut Tx) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 't>> + Send,
>;

/// Who acts.
pub struct Acting {
    /// The name that is kept with a request, such as `client:ID` or `terminal:ACCOUNT`.
    pub by: String,
    /// The record of what they do.
    pub event: AuditEvent,
    /// Whether they still may.
    pub gate: Gate,
}

/// The built-in client PKI. Clones share its keys.
#[derive(Clone)]
pub struct CertificateAuthority {
    db: Db,
    ledger: Ledger,
    entropy: Entropy,
    custody: Custody,
    terms: Arc<Terms>,
    opened: Arc<authorities::Keys>,
    writing: Arc<Mutex<()>>,
    newest: Arc<lists::Newest>,
    answering: Arc<Semaphore>,
    /// Those of them that may use the HSM, where the keys are in it.
    in_hsm: Arc<Semaphore>,
}

impl CertificateAuthority {
    /// A PKI over a database; whether it has been set up is read there.
    #[must_use]
    pub fn new((db, ledger): (Db, Ledger), entropy: Entropy, custody: Custody, terms: Terms) -> Self {
        let share = custody.hsm().map_or(1, Hsm::share).min(ocsp::AT_ONCE);
        Self {
            db,
            ledger,
            entropy,
            custody,
            terms: Arc::new(terms),
            opened: Arc::default(),
            writing: Arc::default(),
            newest: Arc::default(),
            answering: Arc::new(Semaphore::new(ocsp::AT_ONCE)),
            in_hsm: Arc::new(Semaphore::new(share)),
        }
    }

    /// The terms on which certificates are issued.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The places of what strangers have signed by a key in the HSM: they leave the rest of its sessions to tokens.
    fn places_in_hsm(&self, kept: &Kept) -> Option<Arc<Semaphore>> {
        match kept {
            Kept::Token(_) => Some(self.in_hsm.clone()),
            Kept::Sealed(_) => None,
        }
    }

    /// Records a change that was refused before it began.
    async fn refuse<T: Send + 'static>(&self, event: AuditEvent, failure: Failure) -> Result<T, Failure> {
        self.ledger
            .transact(event, move |_, _| -> Work<'_, T> { Box::pin(async move { Err(failure) }) })
            .await
    }
}

/// The refusal of what needs a PKI where there is none.
fn not_set_up() -> Refusal {
    let told = "there is no client PKI yet: run `hilum pki init` on the server";
    Refusal::new(ErrorCode::Conflict, told, Reason::new("pki_not_initialised"))
}

/// The refusal of a request as it is.
fn unacceptable(reason: &'static str, problems: Vec<FieldProblem>) -> Refusal {
    let told = "the request for a certificate cannot be accepted as it is";
    let named: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    let named = named.join(" ");
    Refusal::invalid_request(told, reason).detail(named).fields(problems)
}

fn not_found(reason: &'static str) -> Refusal {
    Refusal::new(ErrorCode::NotFound, "there is nothing of that name", Reason::new(reason))
}
