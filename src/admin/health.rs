//! Whether this process can serve, and what it holds.

use std::sync::Arc;

use time::Duration;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::keys::keyring::KeyRing;
use crate::ledger::{Done, Work};
use crate::model::audit_event::{AuditEvent, Origin};
use crate::moment::Timestamp;
use crate::platform::clock::MOST_DRIFT;
use crate::protocol::error::Failure;
use crate::store;

use super::Administration;

/// What was found when readiness was last examined.
pub type Readiness = Arc<Mutex<Option<(Timestamp, Vec<&'static str>)>>>;

/// How many database connections the process holds for reading.
#[derive(Clone, Copy, Debug)]
pub struct Readers {
    /// All of them.
    pub open: u32,
    /// Those that nobody uses.
    pub idle: u32,
}

impl Administration {
    /// Why the process cannot serve; empty when it can. Whoever asks within the second of another is told
    /// the same: no number of probes keeps the writers from their work.
    pub async fn obstacles(&self, keys: &KeyRing) -> Vec<&'static str> {
        let now = self.clock.now();
        let mut last = self.readiness.lock().await;
        match &*last {
            Some((at, reasons)) if now < *at + Duration::SECOND => reasons.clone(),
            Some(_) | None => {
                let reasons = self.examine(keys).await;
                *last = Some((now, reasons.clone()));
                reasons
            }
        }
    }

    async fn examine(&self, keys: &KeyRing) -> Vec<&'static str> {
        let mut reasons = Vec::new();
        match store::migrate::is_current(&self.db).await {
            Ok(true) => {}
            Ok(false) => reasons.push("the schema is not up to date: run hilum migrate"),
            Err(fault) => {
                tracing::warn!(%fault, "not ready");
                reasons.push("the database does not answer");
            }
        }
        if reasons.is_empty()
            && let Err(failure) = self.write_nothing().await
        {
            tracing::warn!(?failure, "not ready");
            reasons.push("the database takes no writes");
        }
        if self.clock.drift() > MOST_DRIFT {
            reasons.push("this machine's clock differs from the database's by more than 30 seconds");
        }
        reasons.extend(keys.obstacle(self.clock.now()));
        match keys.reaches_hsm(self.clock.now()).await {
            Err(fault) if keys.hsm_hangs() => {
                tracing::warn!(%fault, "not ready");
                reasons.push("the HSM's library does not return: restart the process");
            }
            // One that has too much to do is there.
            Err(fault) if !fault.is_overload() => {
                tracing::warn!(%fault, "not ready");
                reasons.push("the HSM does not sign");
            }
            Ok(()) | Err(_) => {}
        }
        reasons
    }

    /// Goes the way of a write, and leaves nothing but a number that was given out.
    async fn write_nothing(&self) -> Result<(), Failure> {
        let origin =
            Origin { peer: None, certificate: None, request: Uuid::nil(), process: Arc::from("readiness") };
        let event = AuditEvent::begin(Uuid::nil(), self.clock.now(), "readiness", origin);
        self.ledger
            .transact(event, |tx, _| -> Work<'_, ()> {
                Box::pin(async move {
                    store::safety::can_write(tx).await?;
                    Ok(Done::Unchanged(()))
                })
            })
            .await
    }

    /// The connections for reading.
    #[must_use]
    pub fn readers(&self) -> Readers {
        let (open, idle) = self.db.connections();
        Readers { open, idle: u32::try_from(idle).unwrap_or(u32::MAX) }
    }
}
