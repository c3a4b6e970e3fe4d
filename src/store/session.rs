//! The table `session`: signed-in browsers.

use uuid::Uuid;

use crate::model::session::Session;
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx};

/// Finds the session of a cookie by its digest, unless the database was restored since.
pub async fn find(db: &Db, digest: &[u8; 32]) -> Result<Option<Session>, Fault> {
    sqlx::query_as!(
        Session,
        r#"select session_id as "id", subject, methods, authenticated_at, used_at, ends_at, ended_at
             from session where digest = $1 and epoch = (select number from epoch)"#,
        digest.as_slice()
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a session")
}

/// Inserts a session with the digest of its cookie.
pub async fn insert(tx: &mut Tx, digest: &[u8; 32], session: &Session) -> Result<(), Fault> {
    sqlx::query!(
        "insert into session (session_id, digest, subject, methods, authenticated_at, used_at, ends_at, epoch)
         select $1, $2, $3, $4, $5, $6, $7, number from epoch",
        session.id,
        digest.as_slice(),
        session.subject,
        &session.methods,
        session.authenticated_at,
        session.used_at,
        session.ends_at
    )
    .execute(tx.connection())
    .await
    .doing("inserting a session")?;
    Ok(())
}

/// Notes that a session was used. One that has ended stays ended.
pub async fn mark_used(tx: &mut Tx, id: Uuid, now: Timestamp) -> Result<(), Fault> {
    sqlx::query!(
        "update session set used_at = greatest(used_at, $2) where session_id = $1 and ended_at is null",
        id,
        now
    )
    .execute(tx.connection())
    .await
    .doing("using a session")?;
    Ok(())
}

/// Ends one session.
pub async fn mark_ended(tx: &mut Tx, id: Uuid, now: Timestamp) -> Result<u64, Fault> {
    let ended =
        sqlx::query!("update session set ended_at = $2 where session_id = $1 and ended_at is null", id, now)
            .execute(tx.connection())
            .await
            .doing("ending a session")?;
    Ok(ended.rows_affected())
}

/// Ends every session of a person.
pub async fn mark_all_ended(tx: &mut Tx, subject: Uuid, now: Timestamp) -> Result<u64, Fault> {
    let ended = sqlx::query!(
        "update session set ended_at = $2 where subject = $1 and ended_at is null",
        subject,
        now
    )
    .execute(tx.connection())
    .await
    .doing("ending a person's sessions")?;
    Ok(ended.rows_affected())
}

/// Removes sessions that ended by themselves before a time, at most so many.
pub async fn purge(tx: &mut Tx, before: Timestamp, most: i64) -> Result<u64, Fault> {
    let purged = sqlx::query!(
        "delete from session where session_id in
             (select session_id from session where ends_at < $1 limit $2 for update skip locked)",
        before,
        most
    )
    .execute(tx.connection())
    .await
    .doing("purging sessions")?;
    Ok(purged.rows_affected())
}
