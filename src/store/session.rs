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

/// Inserts a session with the digest of its cookie; it may continue another of the same person.
pub async fn insert(
    tx: &mut Tx,
    digest: &[u8; 32],
    (session, continues): (&Session, Option<Uuid>),
) -> Result<(), Fault> {
    sqlx::query!(
        "insert into session (session_id, digest, subject, methods, authenticated_at, used_at, ends_at, continues, epoch)
         select $1, $2, $3, $4, $5, $6, $7, $8, number from epoch",
        session.id,
        digest.as_slice(),
        session.subject,
        &session.methods,
        session.authenticated_at,
        session.used_at,
        session.ends_at,
        continues
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

/// Ends one session; the answer is whose it was, if it had not ended before.
pub async fn mark_ended(tx: &mut Tx, id: Uuid, now: Timestamp) -> Result<Option<Uuid>, Fault> {
    sqlx::query_scalar!(
        "update session set ended_at = $2 where session_id = $1 and ended_at is null returning subject",
        id,
        now
    )
    .fetch_optional(tx.connection())
    .await
    .doing("ending a session")
}

/// Ends every session of a person; the answer names those that had not ended before.
pub async fn mark_all_ended(tx: &mut Tx, subject: Uuid, now: Timestamp) -> Result<Vec<Uuid>, Fault> {
    sqlx::query_scalar!(
        "update session set ended_at = $2 where subject = $1 and ended_at is null returning session_id",
        subject,
        now
    )
    .fetch_all(tx.connection())
    .await
    .doing("ending a person's sessions")
}

/// The session and those that it continues, each in the place of the one before.
pub async fn find_continued(db: &Db, id: Uuid) -> Result<Vec<Uuid>, Fault> {
    sqlx::query_scalar!(
        r#"with recursive chain as (
               select session_id, continues from session where session_id = $1
               union
               select s.session_id, s.continues from chain c join session s on s.session_id = c.continues)
           select session_id as "id!" from chain"#,
        id
    )
    .fetch_all(db.pool())
    .await
    .doing("finding what a session continues")
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
