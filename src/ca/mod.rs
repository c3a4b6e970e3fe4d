//! The built-in client PKI: a root that people trust, and an authority under it that issues the certificates of
//! clients. It is off until `hilum pki init` has made both.

mod asked_before;
mod authorities;
mod init;
mod issue;
mod lists;
mod ocsp;
mod renew;
mod requests;
mod revoke;
mod signer;
mod suitable;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use time::Duration;
use tokio::sync::{Mutex, Semaphore};

use crate::keys::custody::Custody;
use crate::ledger::{Ledger, Work};
use crate::model::audit_event::AuditEvent;
use crate::model::certificate_request::Eyes;
use crate::platform::entropy::Entropy;
use crate::protocol::error::{ErrorCode, Failure, FieldProblem, Reason, Refusal};
use crate::store::{Db, Tx};

pub use asked_before::Before;
pub use authorities::Chain;
pub use issue::{IssuedCertificate, Issuing, client_uri, list_url, responder_url};
pub use ocsp::OcspAnswer;
pub use renew::Renewing;
pub use requests::Asked;

use authorities::Authorities;

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
    opened: Arc<ArcSwapOption<Authorities>>,
    writing: Arc<Mutex<()>>,
    newest: Arc<lists::Newest>,
    answering: Arc<Semaphore>,
}

impl CertificateAuthority {
    /// A PKI over a database; whether it has been set up is read there.
    #[must_use]
    pub fn new((db, ledger): (Db, Ledger), entropy: Entropy, custody: Custody, terms: Terms) -> Self {
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
        }
    }

    /// The terms on which certificates are issued.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
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
