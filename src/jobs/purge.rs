//! Removes what has expired: proofs, revocations, opaque tokens, interactions, launches, codes, device codes,
//! families, what policy agreed to, sessions, counts of sign-ins, logout notices, ended secrets and keys.

use std::time::Duration;

use async_trait::async_trait;

use crate::ledger::{Done, Work};
use crate::model::backchannel_logout;
use crate::model::code::MEMORY;
use crate::model::{device_code, launch, pushed_request};
use crate::protocol::error::Failure;
use crate::store;

use super::{Job, JobCx};

/// How many rows go in one transaction.
const BATCH: i64 = 1_000;
/// How many transactions of a kind a run makes at most; the rest waits for the next.
const MOST_BATCHES: u32 = 50;
/// How long failed sign-ins of a place or a network are remembered.
const OF_PLACES: time::Duration = time::Duration::days(1);
/// How long failed sign-ins of an account are: one that nobody has tried for so long begins anew.
const OF_ACCOUNTS: time::Duration = time::Duration::days(90);
/// How long the decisions are kept that the registration of a client made for a person.
const BY_POLICY: time::Duration = time::Duration::hours(24);
/// How long secrets and keys are kept that have ended.
const ENDED: time::Duration = time::Duration::days(30);

/// What is removed, each kind in transactions of its own.
#[derive(Clone, Copy)]
enum Kind {
    Proofs,
    Tokens,
    Interactions,
    Launches,
    Pushed,
    Codes,
    Devices,
    Families,
    Policies,
    Sessions,
    Attempts,
    Notices,
    Ended,
}

const KINDS: [Kind; 13] = [
    Kind::Proofs,
    Kind::Tokens,
    Kind::Interactions,
    Kind::Launches,
    Kind::Pushed,
    Kind::Codes,
    Kind::Devices,
    Kind::Families,
    Kind::Policies,
    Kind::Sessions,
    Kind::Attempts,
    Kind::Notices,
    Kind::Ended,
];

pub(super) struct Purge;

#[async_trait]
impl Job for Purge {
    fn name(&self) -> &'static str {
        "purge"
    }

    fn rests(&self) -> Duration {
        Duration::from_secs(30)
    }

    async fn run(&self, cx: &JobCx) -> Result<(), Failure> {
        let mut outcome = Ok(());
        for kind in KINDS {
            // One kind that fails does not keep the others.
            outcome = purge_all(cx, kind).await.and(outcome);
        }
        outcome
    }
}

/// Removes one batch after another.
async fn purge_all(cx: &JobCx, kind: Kind) -> Result<(), Failure> {
    for _ in 0..MOST_BATCHES {
        if purge(cx, kind).await? < BATCH.unsigned_abs() {
            break;
        }
    }
    Ok(())
}

/// Removes one batch; the answer is how many rows went.
async fn purge(cx: &JobCx, kind: Kind) -> Result<u64, Failure> {
    let event = cx.event("job.purge")?;
    let now = event.at;
    cx.administration
        .ledger
        .transact(event, move |tx, event| -> Work<'_, u64> {
            Box::pin(async move {
                let (what, gone) = match kind {
                    Kind::Proofs => ("proofs", store::proof::purge(tx, now, BATCH).await?),
                    Kind::Tokens => ("tokens", store::access_token::purge(tx, now, BATCH).await?),
                    Kind::Interactions => ("interactions", store::interaction::purge(tx, now, BATCH).await?),
                    Kind::Launches => {
                        ("launches", store::launch::purge(tx, now - launch::MEMORY, BATCH).await?)
                    }
                    Kind::Pushed => {
                        let before = now - pushed_request::MEMORY;
                        ("pushed requests", store::pushed_request::purge(tx, before, BATCH).await?)
                    }
                    // Remembered for a while, so that a replay is known for one.
                    Kind::Codes => ("codes", store::code::purge(tx, now - MEMORY, BATCH).await?),
                    Kind::Devices => {
                        let ends = (now - device_code::UNANSWERED, now - MEMORY);
                        ("device codes", store::device_code::purge(tx, ends, BATCH).await?)
                    }
                    Kind::Families => ("families", store::family::purge(tx, now - MEMORY, BATCH).await?),
                    Kind::Policies => {
                        let gone = store::consent::purge_given_by_policy(tx, now - BY_POLICY, BATCH).await?;
                        ("decisions of policy", gone)
                    }
                    Kind::Sessions => ("sessions", store::session::purge(tx, now - MEMORY, BATCH).await?),
                    Kind::Attempts => {
                        let ends = (now - OF_PLACES, now - OF_ACCOUNTS);
                        ("sign-in counts", store::attempts::purge(tx, ends, BATCH).await?)
                    }
                    Kind::Notices => {
                        let before = now - backchannel_logout::MEMORY;
                        ("logout notices", store::backchannel_logout::purge(tx, before, BATCH).await?)
                    }
                    Kind::Ended => {
                        let secrets = store::client_secret::purge(tx, now - ENDED).await?;
                        ("secrets and keys", secrets + store::signing_key::purge(tx, now - ENDED).await?)
                    }
                };
                event.detail = Some(format!("{gone} {what}"));
                Ok(if gone == 0 { Done::Unchanged(0) } else { Done::Changed(gone) })
            })
        })
        .await
}
