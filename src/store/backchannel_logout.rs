//! The table `backchannel_logout`: clients that are to be told of the end of a session.

use uuid::Uuid;

use crate::model::backchannel_logout::LogoutNotice;
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::ClientId;

use super::{Db, Tx, meaningless};

/// How many notices one client is sent at a time, by all processes: a slow one does not keep the others waiting.
const AT_A_TIME: i64 = 4;

struct Row {
    session_id: Uuid,
    client_id: String,
    subject: Uuid,
    attempts: i32,
}

impl TryFrom<Row> for LogoutNotice {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let client = ClientId::parse(&row.client_id)
            .ok_or_else(|| meaningless("backchannel_logout", "client_id", &row.session_id.to_string()))?;
        Ok(Self { session: row.session_id, client, subject: row.subject, attempt: row.attempts })
    }
}

/// Inserts a notice for each client that had tokens of a person in these sessions, or in those that they
/// continue, and wants to be told; the answer is how many.
pub async fn insert_all(tx: &mut Tx, subject: Uuid, sessions: &[Uuid], now: Timestamp) -> Result<u64, Fault> {
    let inserted = sqlx::query!(
        "with recursive chain as (
             select session_id, continues from session where session_id = any($2)
             union
             select s.session_id, s.continues from chain c join session s on s.session_id = c.continues)
         insert into backchannel_logout (session_id, client_id, subject, next_at, created_at)
         select distinct f.session_id, f.client_id, f.subject, $3::timestamptz, $3::timestamptz
           from family f join client c using (client_id)
          where f.subject = $1 and f.session_id in (select session_id from chain)
            and c.status = 'active' and c.metadata ? 'backchannel_logout_uri'
         on conflict do nothing",
        subject,
        sessions,
        now
    )
    .execute(tx.connection())
    .await
    .doing("noting who is told of the end of a session")?;
    Ok(inserted.rows_affected())
}

/// Whether a notice is to be sent now.
pub async fn is_due(db: &Db, now: Timestamp) -> Result<bool, Fault> {
    sqlx::query_scalar!(
        r#"select exists (select from backchannel_logout
                           where delivered_at is null and failed_at is null and next_at <= $1) as "is_due!""#,
        now
    )
    .fetch_one(db.pool())
    .await
    .doing("looking for notices")
}

/// Takes notices that are to be sent now, at most so many, and counts the attempt; no other process takes them
/// until the lease is over. Of each client come the first, as many as it has places left: however many wait, few are
/// looked at, and no client waits for another. Two processes at once look at the same ones, and one of them passes.
pub async fn claim(
    tx: &mut Tx,
    (now, lease_ends_at): (Timestamp, Timestamp),
    most: i64,
) -> Result<Vec<LogoutNotice>, Fault> {
    sqlx::query_as!(
        Row,
        "with recursive waiting as (
             (select client_id from backchannel_logout
               where delivered_at is null and failed_at is null order by client_id limit 1)
             union all
             select (select b.client_id from backchannel_logout b
                      where b.delivered_at is null and b.failed_at is null and b.client_id > w.client_id
                      order by b.client_id limit 1)
               from waiting w where w.client_id is not null),
         first as (
             select f.session_id, f.client_id
               from waiting w cross join lateral (
                        select b.session_id, b.client_id from backchannel_logout b
                         where b.client_id = w.client_id and b.delivered_at is null and b.failed_at is null
                           and b.next_at <= $1
                         order by b.next_at, b.session_id
                         limit greatest($4 - (select count(*) from backchannel_logout u
                                               where u.client_id = w.client_id and u.under_way and u.next_at > $1), 0)) f
              where w.client_id is not null),
         taken as (
             select b.session_id, b.client_id
               from backchannel_logout b join first f using (session_id, client_id)
              where b.delivered_at is null and b.failed_at is null and b.next_at <= $1
              order by b.next_at limit $3 for update of b skip locked)
         update backchannel_logout b set attempts = b.attempts + 1, next_at = $2, under_way = true
           from taken t where b.session_id = t.session_id and b.client_id = t.client_id
         returning b.session_id, b.client_id, b.subject, b.attempts",
        now,
        lease_ends_at,
        most,
        AT_A_TIME
    )
    .fetch_all(tx.connection())
    .await
    .doing("taking notices")?
    .into_iter()
    .map(LogoutNotice::try_from)
    .collect()
}

/// Notes that the client knows; the answer tells whether that was news.
pub async fn mark_delivered(
    tx: &mut Tx,
    notice: &LogoutNotice,
    answer: &str,
    now: Timestamp,
) -> Result<bool, Fault> {
    let marked = sqlx::query!(
        "update backchannel_logout set delivered_at = $3, last_answer = $4, under_way = false
          where session_id = $1 and client_id = $2 and delivered_at is null and failed_at is null",
        notice.session,
        notice.client.as_str(),
        now,
        answer
    )
    .execute(tx.connection())
    .await
    .doing("noting that a notice was delivered")?;
    Ok(marked.rows_affected() == 1)
}

/// Notes that no further attempt is made; the answer tells whether it was this attempt that counts.
pub async fn mark_failed(
    tx: &mut Tx,
    notice: &LogoutNotice,
    answer: &str,
    now: Timestamp,
) -> Result<bool, Fault> {
    let marked = sqlx::query!(
        "update backchannel_logout set failed_at = $4, last_answer = $5, under_way = false
          where session_id = $1 and client_id = $2 and attempts = $3 and delivered_at is null and failed_at is null",
        notice.session,
        notice.client.as_str(),
        notice.attempt,
        now,
        answer
    )
    .execute(tx.connection())
    .await
    .doing("noting that a notice has failed")?;
    Ok(marked.rows_affected() == 1)
}

/// Notes when the next attempt is made; the answer tells whether it was this attempt that counts.
pub async fn mark_again(
    tx: &mut Tx,
    notice: &LogoutNotice,
    answer: &str,
    next_at: Timestamp,
) -> Result<bool, Fault> {
    let marked = sqlx::query!(
        "update backchannel_logout set next_at = $4, last_answer = $5, under_way = false
          where session_id = $1 and client_id = $2 and attempts = $3 and delivered_at is null and failed_at is null",
        notice.session,
        notice.client.as_str(),
        notice.attempt,
        next_at,
        answer
    )
    .execute(tx.connection())
    .await
    .doing("noting when a notice is sent again")?;
    Ok(marked.rows_affected() == 1)
}

/// Gives a notice back of which no attempt was made: it counts as none.
pub async fn mark_untried(tx: &mut Tx, notice: &LogoutNotice, now: Timestamp) -> Result<bool, Fault> {
    let marked = sqlx::query!(
        "update backchannel_logout set attempts = attempts - 1, next_at = $4, under_way = false
          where session_id = $1 and client_id = $2 and attempts = $3 and delivered_at is null and failed_at is null",
        notice.session,
        notice.client.as_str(),
        notice.attempt,
        now
    )
    .execute(tx.connection())
    .await
    .doing("giving a notice back")?;
    Ok(marked.rows_affected() == 1)
}

/// Removes notices of before a time, at most so many.
pub async fn purge(tx: &mut Tx, before: Timestamp, most: i64) -> Result<u64, Fault> {
    let purged = sqlx::query!(
        "delete from backchannel_logout where (session_id, client_id) in
             (select session_id, client_id from backchannel_logout where created_at < $1 limit $2 for update skip locked)",
        before,
        most
    )
    .execute(tx.connection())
    .await
    .doing("purging notices")?;
    Ok(purged.rows_affected())
}
