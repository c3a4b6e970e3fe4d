//! Removes what has expired: proofs, revocations, opaque tokens, interactions, launches, codes, device codes,
//! families, what policy agreed to, sessions, counts of sign-ins, logout notices, revocation lists that nobody
//! publishes, certificates, ended secrets, keys and requests for certificates.

use std::time::Duration;

use async_trait::async_trait;

use crate::ledger::{Done, Work};
use crate::model::backchannel_logout;
use crate::model::code::MEMORY;
use crate::model::{device_code, launch, pushed_request};
use crate::moment::Timestamp;
use crate::protocol::error::{Failure, Fault};
use crate::store::{self, Tx};

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
/// How long a revocation list is kept that another has replaced: somebody may be reading it.
const UNUSED: time::Duration = time::Duration::HOUR;
/// How long a certificate is kept that ended, is of another authority and was not revoked: a day more than the tokens
/// live that may be bound to it.
const SEEN: time::Duration = time::Duration::hours(25);
/// How long any certificate is that ended: what is bound to one that was renewed is found by it, for as long as a
/// refresh token may rest at most, and what was revoked stays so.
const NEEDED_BY_NONE: time::Duration = time::Duration::days(400);
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
    Lists,
    Certificates,
    Ended,
}

const KINDS: [Kind; 15] = [
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
    Kind::Lists,
    Kind::Certificates,
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
    let custody = cx.administration.custody.clone();
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
                    Kind::Lists => ("revocation lists and authorities", purge_lists(tx, now).await?),
                    Kind::Certificates => {
                        let ends = (now - SEEN, now - NEEDED_BY_NONE);
                        ("certificates", store::certificate::purge(tx, ends, BATCH).await?)
                    }
                    Kind::Ended => {
                        let secrets = store::client_secret::purge(tx, now - ENDED).await?;
                        let requests = store::certificate_request::purge(tx, now - ENDED).await?;
                        let keys = store::signing_key::purge(tx, now - ENDED).await?;
                        let authorities = store::authority::purge(tx, now - ENDED).await?;
                        let of_both = keys.iter().chain(&authorities).flatten();
                        of_both.for_each(|key| custody.remove_from_hsm(key));
                        let keys = u64::try_from(keys.len() + authorities.len()).unwrap_or(u64::MAX);
                        ("secrets, keys and requests for certificates", secrets + keys + requests)
                    }
                };
                event.detail = Some(format!("{gone} {what}"));
                Ok(if gone == 0 { Done::Unchanged(0) } else { Done::Changed(gone) })
            })
        })
        .await
}

async fn purge_lists(tx: &mut Tx, now: Timestamp) -> Result<u64, Fault> {
    let lists = store::revocation_list::purge(tx, now - ENDED, BATCH).await?;
    let parts = store::revocation_list::purge_parts(tx, now - UNUSED, BATCH).await?;
    let authorities = store::issuing_authority::purge(tx, now - ENDED, BATCH).await?;
    let answers = store::responder_answer::purge(tx, now, BATCH).await?;
    Ok(lists + parts + authorities + answers)
}
