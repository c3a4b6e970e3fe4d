//! The only door through which state changes. A request brings an [`Entry`]; the ledger writes all of
//! it, or the refusal in its place, in one transaction on a connection of its own, and only then
//! does the answer leave. No request ever owns a transaction.

mod attempt;
mod condition;
pub mod ending;
mod entry;
mod flood;
mod queue;
mod settlement;
mod writer;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use tokio::sync::Notify;

use crate::model::audit_event::AuditEvent;
use crate::moment::Timestamp;
use crate::protocol::error::{Failure, Fault, Refusal};
use crate::store::{self, Tx};

pub use attempt::{Answering, Attempt, Beginning, Redeeming, RedeemingDevice, Rotating, SigningIn};
pub use condition::Condition;
pub use entry::{Entry, Proof};
pub use queue::Backlog;
pub(crate) use settlement::raise;

use flood::{Flood, Verdict};
use queue::Queue;
use writer::Writer;

/// A future that borrows the transaction it works in.
pub type Work<'t, T> = Pin<Box<dyn Future<Output = Result<Done<T>, Failure>> + Send + 't>>;

/// What came of work in a transaction.
#[derive(Debug)]
pub enum Done<T> {
    /// Something changed: it is committed with its audit record.
    Changed(T),
    /// Nothing changed, so there is nothing to record.
    Unchanged(T),
    /// Something changed whose record comes with what follows.
    Unrecorded(T),
}

/// The door. Clones share the writers behind it.
#[derive(Clone)]
pub struct Ledger {
    queue: Queue,
    flood: Arc<Flood>,
    bell: Arc<Notify>,
}

impl Ledger {
    /// Opens the door with so many writers, each of which owns a connection. They live on the runtime
    /// that calls this, and end when the last clone of the ledger is dropped.
    #[must_use]
    pub fn open(options: &PgConnectOptions, writers: usize, recorded_per_minute: u32) -> Self {
        let queue = Queue::open(writers, |receiver| {
            let options = options.clone();
            receiver.serve(move || Writer::new(options.clone()))
        });
        Self { queue, flood: Arc::new(Flood::new(recorded_per_minute)), bell: Arc::default() }
    }

    /// Ends a request: keeps its proofs, its attempt and its audit record together, or the refusal in
    /// place of the attempt. The outcome comes back as it was, unless a proof or a condition was lost.
    pub async fn settle<T>(&self, entry: Entry, outcome: Result<T, Failure>) -> Result<T, Failure> {
        let refusal = match &outcome {
            Ok(_) => None,
            Err(Failure::Refusal(refusal)) => Some(refusal.clone()),
            Err(Failure::Fault(_)) => return outcome,
        };
        // Whoever is told to come again asks hundreds of times: how often is recorded, not each time.
        if let Some(refusal) = refusal.as_ref().filter(|refusal| refusal.is_to_wait()) {
            self.flood.count(entry.event(), refusal);
            if entry.proofs.is_empty() && refusal.consequence().is_none() {
                return outcome;
            }
        } else if let Some(refusal) = &refusal
            && !entry.has_shown_something()
            && refusal.consequence().is_none()
            && self.flood.observe(entry.event(), refusal) == Verdict::Counted
        {
            return outcome;
        }
        if refusal.is_none() && entry.keeps_nothing() {
            return outcome;
        }
        let ends_a_session = refusal.is_none() && entry.ends_a_session();
        let work = move |writer: Writer| settlement::settle(writer, entry, refusal);
        match self.queue.perform(work).await?? {
            None => {
                if ends_a_session {
                    self.ring();
                }
                outcome
            }
            Some(instead) => Err(instead.into()),
        }
    }

    /// Ends a request whose refusal is for the audit record alone: the peer is told as if nothing was.
    pub async fn settle_in_silence(&self, entry: Entry, refusal: Refusal) -> Result<(), Failure> {
        match self.settle(entry, Err::<(), Failure>(refusal.clone().into())).await {
            Err(Failure::Refusal(settled)) if settled == refusal => Ok(()),
            other => other,
        }
    }

    /// The second door, for rare changes of many steps: `work` runs in a transaction of its own, in a
    /// task that nothing cancels, and what it changed is committed with its audit record. A refusal
    /// is recorded too, and everything else of it undone.
    pub async fn transact<T, F>(&self, event: AuditEvent, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx, &'t mut AuditEvent) -> Work<'t, T> + Send + 'static,
    {
        let job = move |writer: Writer| settlement::transact(writer, event, work);
        self.queue.perform(job).await?
    }

    /// Writes the records of refusals that were only counted and whose minute is over.
    pub async fn record_counted(&self, now: Timestamp, next: impl Fn() -> uuid::Uuid) -> Result<(), Failure> {
        while let Some((key, count)) = self.flood.take_ended(now) {
            let Some(event) = flood::record(&key, &count, next()) else { continue };
            let entry = Entry::counted(event);
            let work = move |writer: Writer| settlement::settle(writer, entry, None);
            if let Err(fault) = self.queue.perform(work).await.and_then(|written| written) {
                self.flood.give_back((key, count));
                return Err(fault.into());
            }
        }
        Ok(())
    }

    /// Tells whoever waits at [`Self::bell`] that clients may have to be told of the end of a session.
    pub fn ring(&self) {
        self.bell.notify_one();
    }

    /// Rings once notices to clients may have been committed.
    #[must_use]
    pub fn bell(&self) -> &Notify {
        &self.bell
    }

    /// How much waits to be written.
    #[must_use]
    pub fn backlog(&self) -> Backlog {
        self.queue.backlog()
    }
}

/// Records a refusal that came up outside of any transaction, such as an admin request without leave.
pub(in crate::ledger) async fn record(
    tx: &mut Tx,
    event: AuditEvent,
    refusal: &Refusal,
) -> Result<String, Fault> {
    store::audit_event::insert(tx, &event.refused(refusal)).await
}
