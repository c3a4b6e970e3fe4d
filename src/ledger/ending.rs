//! The end of sessions: with it, in the same transaction, stands written who is told of it (OpenID Connect
//! Back-Channel Logout, 2.3).

use uuid::Uuid;

use crate::moment::Timestamp;
use crate::protocol::error::Fault;
use crate::store::{self, Tx};

/// Ends one session.
pub async fn end(tx: &mut Tx, session: Uuid, now: Timestamp) -> Result<(), Fault> {
    if let Some(subject) = store::session::mark_ended(tx, session, now).await? {
        store::backchannel_logout::insert_all(tx, subject, &[session], now).await?;
    }
    Ok(())
}

/// Ends every session of a person.
pub async fn end_all(tx: &mut Tx, subject: Uuid, now: Timestamp) -> Result<(), Fault> {
    let ended = store::session::mark_all_ended(tx, subject, now).await?;
    if !ended.is_empty() {
        store::backchannel_logout::insert_all(tx, subject, &ended, now).await?;
    }
    Ok(())
}

/// Ends the session that a browser had before somebody signed in. Who has only proved again who they are goes on:
/// the answer is then the session that the new one continues, and no client is told yet.
pub(super) async fn give_way(
    tx: &mut Tx,
    before: Uuid,
    subject: Uuid,
    now: Timestamp,
) -> Result<Option<Uuid>, Fault> {
    let Some(owner) = store::session::mark_ended(tx, before, now).await? else { return Ok(None) };
    if owner == subject {
        return Ok(Some(before));
    }
    store::backchannel_logout::insert_all(tx, owner, &[before], now).await?;
    Ok(None)
}
