//! Removes what has expired: proofs, revocations, opaque tokens, ended secrets and keys.

use std::time::Duration;

use async_trait::async_trait;

use crate::ledger::{Done, Work};
use crate::protocol::error::Failure;
use crate::store;

use super::{Job, JobCx};

/// How many rows of each kind go in one transaction.
const BATCH: i64 = 5_000;
/// How many transactions a run makes at most; the rest waits for the next.
const MOST_BATCHES: u32 = 100;
/// How long secrets and keys are kept that have ended.
const ENDED: time::Duration = time::Duration::days(30);

pub(super) struct Purge;

#[async_trait]
impl Job for Purge {
    fn name(&self) -> &'static str {
        "purge"
    }

    fn rests(&self) -> Duration {
        Duration::from_mins(10)
    }

    async fn run(&self, cx: &JobCx) -> Result<(), Failure> {
        for _ in 0..MOST_BATCHES {
            if purge(cx).await? < BATCH.unsigned_abs() {
                break;
            }
        }
        Ok(())
    }
}

/// Removes one batch; the answer is how many rows went.
async fn purge(cx: &JobCx) -> Result<u64, Failure> {
    let event = cx.event("job.purge")?;
    let now = event.at;
    cx.administration
        .ledger
        .transact(event, move |tx, event| -> Work<'_, u64> {
            Box::pin(async move {
                let proofs = store::proof::purge(tx, now, BATCH).await?;
                let tokens = store::access_token::purge(tx, now, BATCH).await?;
                let secrets = store::client_secret::purge(tx, now - ENDED).await?;
                let keys = store::signing_key::purge(tx, now - ENDED).await?;
                let all = proofs + tokens + secrets + keys;
                event.detail =
                    Some(format!("{proofs} proofs, {tokens} tokens, {secrets} secrets, {keys} keys"));
                Ok(if all == 0 { Done::Unchanged(0) } else { Done::Changed(all) })
            })
        })
        .await
}
