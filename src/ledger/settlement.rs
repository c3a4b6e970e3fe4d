//! One transaction: proofs, condition, attempt, audit record, commit, in this order of locks.

use crate::model::alert::Alert;
use crate::model::audit_event::AuditEvent;
use crate::moment::Timestamp;
use crate::protocol::error::{Consequence, Failure, Fault, Refusal};
use crate::store::{self, Tx};

use super::attempt::Written;
use super::writer::Writer;
use super::{Done, Entry, Proof, Work};

/// What is told when an account takes no more attempts.
const ACCOUNT_HELD: (&str, &str) = (
    "account_held",
    "the last attempt that is taken from unknown places: if it fails, the person must be reset",
);

/// Writes an entry. The answer is the refusal that came in place of what was decided, if one did.
pub(super) async fn settle(
    mut writer: Writer,
    mut entry: Entry,
    refusal: Option<Refusal>,
) -> (Writer, Result<Option<Refusal>, Fault>) {
    let written = writer
        .within(async |tx| {
            let mut instead = decide(tx, &mut entry, refusal.is_some()).await?;
            let mut written = Written::Recorded;
            if instead.is_none() && refusal.is_none() {
                written = attempt(tx, &entry).await?;
                if let Written::Refused(lost) = &written {
                    instead = Some(lost.clone());
                }
            }
            if instead.is_some() {
                entry.event_mut().rule = None;
            }
            let recorded = match (instead.clone().or(refusal), written) {
                (Some(refusal), _) => keep_refusal(tx, entry, refusal).await?,
                (None, Written::Unrecorded) => None,
                (None, Written::AccountHeld) => {
                    ACCOUNT_HELD.0.clone_into(&mut entry.event_mut().action);
                    raise(tx, entry.event(), ACCOUNT_HELD).await?;
                    Some(store::audit_event::insert(tx, &entry.into_event()).await?)
                }
                (None, Written::Recorded | Written::Refused(_)) => {
                    Some(store::audit_event::insert(tx, &entry.into_event()).await?)
                }
            };
            Ok((instead, recorded))
        })
        .await;
    let result = match written {
        Ok((tx, (instead, transaction))) => writer.commit(tx, transaction).await.map(|()| instead),
        Err(fault) => Err(fault),
    };
    (writer, result)
}

/// Keeps the proofs and judges the condition: a lost proof is refused as that proof's own refusal,
/// a lost condition as it is decided again.
async fn decide(tx: &mut Tx, entry: &mut Entry, refused: bool) -> Result<Option<Refusal>, Fault> {
    if let Some(lost) = lost_proof(tx, entry).await? {
        return Ok(Some(lost));
    }
    let Some(condition) = entry.condition.take().filter(|_| !refused) else { return Ok(None) };
    // Read without a lock: a stop that commits after this kills the token at its next use, and a lock that
    // every token request takes would keep an administrator from ever stopping a busy client.
    if store::client::find_active_version(tx, &condition.client).await? == Some(condition.version) {
        return Ok(None);
    }
    let changed = store::client::find_in(tx, &condition.client).await?;
    Ok(condition.judge(changed.as_ref()).err())
}

/// Inserts the proofs in the order of their keys; the answer is the refusal of the first that was shown before.
async fn lost_proof(tx: &mut Tx, entry: &mut Entry) -> Result<Option<Refusal>, Fault> {
    entry.proofs.sort_by(|left, right| (&left.owner, left.key).cmp(&(&right.owner, right.key)));
    if entry.proofs.is_empty() {
        return Ok(None);
    }
    let rows: Vec<(String, [u8; 32], Timestamp)> =
        entry.proofs.iter().map(|proof| (proof.owner.clone(), proof.key, proof.expires_at)).collect();
    let won = store::proof::insert_all(tx, entry.event().id, &rows, entry.now()).await?;
    let is_won = |proof: &Proof| won.iter().any(|(owner, key)| *owner == proof.owner && *key == proof.key);
    Ok(entry.proofs.iter().find(|proof| !is_won(proof)).map(|proof| proof.refusal.clone()))
}

/// Writes what the request asks for.
async fn attempt(tx: &mut Tx, entry: &Entry) -> Result<Written, Fault> {
    let written = match &entry.attempt {
        Some(attempt) => attempt.write(tx, entry.now()).await?,
        None => Written::Recorded,
    };
    if let (Written::Recorded, Some((digest, token))) = (&written, &entry.opaque_token) {
        store::access_token::insert_opaque(tx, digest, token).await?;
    }
    if let (Written::Recorded, Some(known)) = (&written, &entry.certificate) {
        store::certificate::note(tx, known).await?;
    }
    Ok(written)
}

/// Carries out what a refusal leaves behind, and records it. A lost proof is refused as its own refusal, which
/// leaves nothing behind: whoever came second may be a thief of the request. Of what says no more than to come
/// again there is no record here: it is counted.
async fn keep_refusal(tx: &mut Tx, mut entry: Entry, refusal: Refusal) -> Result<Option<String>, Fault> {
    let now = entry.now();
    match refusal.consequence() {
        Some(Consequence::RevokeFamily(family)) => {
            let was_alive = store::family::mark_revoked(tx, family, now).await?;
            if was_alive {
                let detail = "every token of this grant was revoked";
                entry.event_mut().detail = Some(detail.to_owned());
                raise(tx, entry.event(), (refusal.reason().code(), detail)).await?;
            }
        }
        Some(Consequence::CountWrongVerifier(digest)) => {
            store::code::count_wrong_verifier(tx, &digest, now).await?;
        }
        Some(Consequence::NotePoll { code, interval }) => {
            store::device_code::note_poll(tx, &code, interval, now).await?;
        }
        None => {}
    }
    if refusal.is_to_wait() {
        return Ok(None);
    }
    super::record(tx, entry.into_event(), &refusal).await.map(Some)
}

/// Raises an alert about what a record tells.
pub(crate) async fn raise(
    tx: &mut Tx,
    event: &AuditEvent,
    (kind, says): (&'static str, &str),
) -> Result<(), Fault> {
    store::alert::insert(tx, &Alert::of(event, kind, says)).await?;
    tracing::warn!(kind, audit_event = %event.id, "alert: {says}");
    metrics::counter!("hilum_alerts_total", "kind" => kind).increment(1);
    Ok(())
}

/// Runs work of many steps in one transaction and records it.
pub(super) async fn transact<T, F>(
    mut writer: Writer,
    event: AuditEvent,
    work: F,
) -> (Writer, Result<T, Failure>)
where
    F: for<'t> FnOnce(&'t mut Tx, &'t mut AuditEvent) -> Work<'t, T> + Send,
{
    let mut granted = event.clone();
    let written = writer
        .within(async |tx| {
            let done = match work(tx, &mut granted).await {
                Ok(done) => Ok(done),
                Err(Failure::Refusal(refusal)) => Err(refusal),
                Err(Failure::Fault(fault)) => return Err(fault),
            };
            let transaction = match &done {
                Ok(Done::Changed(_)) => Some(store::audit_event::insert(tx, &granted).await?),
                Ok(Done::Unchanged(_) | Done::Unrecorded(_)) | Err(_) => None,
            };
            Ok((done, transaction))
        })
        .await;
    let result = match written {
        Err(fault) => Err(fault.into()),
        Ok((tx, (Ok(Done::Changed(value)), transaction))) => {
            writer.commit(tx, transaction).await.map(|()| value).map_err(Failure::from)
        }
        Ok((tx, (Ok(Done::Unrecorded(value)), _))) => {
            writer.commit(tx, None).await.map(|()| value).map_err(Failure::from)
        }
        Ok((tx, (Ok(Done::Unchanged(value)), _))) => {
            writer.rollback(tx).await;
            Ok(value)
        }
        Ok((tx, (Err(refusal), _))) => {
            writer.rollback(tx).await;
            record_refused(&mut writer, event, refusal).await
        }
    };
    (writer, result)
}

/// Records the refusal of work whose transaction was rolled back.
async fn record_refused<T>(writer: &mut Writer, event: AuditEvent, refusal: Refusal) -> Result<T, Failure> {
    let told = refusal.clone();
    let (tx, transaction) = writer.within(async |tx| super::record(tx, event, &refusal).await).await?;
    writer.commit(tx, Some(transaction)).await?;
    Err(told.into())
}
