//! Tells clients that sessions have ended, at once when one ends in this process.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, Semaphore};

use crate::protocol::error::Failure;

use super::{Job, JobCx};

/// How many runs may be sending at a time in a process.
const RUNS: u16 = 16;

pub(super) struct NotifyLogout;

/// The places of the runs that are sending.
#[derive(Clone)]
pub struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(usize::from(RUNS))))
    }
}

#[async_trait]
impl Job for NotifyLogout {
    fn name(&self) -> &'static str {
        "tell clients that sessions have ended"
    }

    fn rests(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn bell<'a>(&self, cx: &'a JobCx) -> Option<&'a Notify> {
        Some(cx.administration.ledger.bell())
    }

    async fn run(&self, cx: &JobCx) -> Result<(), Failure> {
        // What is being sent is not waited for: a client that answers slowly keeps nobody waiting.
        while let Ok(place) = cx.places.0.clone().try_acquire_owned() {
            let taken = cx.notifier.claim().await?;
            if taken.is_empty() {
                break;
            }
            let notifier = cx.notifier.clone();
            tokio::spawn(async move {
                notifier.send_all(taken).await;
                drop(place);
            });
        }
        Ok(())
    }

    /// What is being sent is waited for, so that what comes of it is kept: nobody is told again by another process.
    async fn end(&self, cx: &JobCx) {
        let sent = tokio::time::timeout(cx.drain, cx.places.0.acquire_many(u32::from(RUNS))).await;
        if sent.is_err() {
            tracing::warn!("logout notices are under way still: another process will send them again");
        }
    }
}
