//! The table `responder_answer`: what responders have answered, for all processes.

use crate::model::responder_answer::{DueQuestion, KeptAnswer, Questioned, Room};
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx};

/// Notes that a certificate is asked about until a time; one that is new, for the first time at another.
pub async fn want(
    tx: &mut Tx,
    asked: &Questioned,
    (wanted_until, next_question_at): (Timestamp, Timestamp),
) -> Result<(), Fault> {
    sqlx::query!(
        "insert into responder_answer (thumbprint, der, authority, is_authority, host, wanted_until, next_question_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (thumbprint) do update set wanted_until = excluded.wanted_until
            where responder_answer.wanted_until < excluded.wanted_until",
        asked.thumbprint,
        asked.der,
        asked.authority,
        asked.is_authority,
        asked.host,
        wanted_until,
        next_question_at
    )
    .execute(tx.connection())
    .await
    .doing("noting a certificate to ask about")?;
    Ok(())
}

/// Finds what was answered last about a certificate.
pub async fn find(db: &Db, thumbprint: &str) -> Result<Option<KeptAnswer>, Fault> {
    sqlx::query_as!(
        KeptAnswer,
        r#"select nonce as "nonce!", answer as "der!", asked_at as "asked_at!"
             from responder_answer where thumbprint = $1 and answer is not null"#,
        thumbprint
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding the answer of a responder")
}

/// Finds the authorities that a responder called revoked, who issued each, and what was answered.
pub async fn find_revoked_authorities(db: &Db) -> Result<Vec<(Vec<u8>, Vec<u8>, KeptAnswer)>, Fault> {
    let found = sqlx::query!(
        r#"select der, authority, nonce as "nonce!", answer as "answer!", asked_at as "asked_at!"
             from responder_answer where revoked and is_authority order by thumbprint"#
    );
    let found = found.fetch_all(db.pool()).await.doing("finding authorities that were revoked")?;
    let read = found.into_iter().map(|row| {
        (row.der, row.authority, KeptAnswer { nonce: row.nonce, der: row.answer, asked_at: row.asked_at })
    });
    Ok(read.collect())
}

/// Finds the thumbprints of authorities that a responder called revoked.
pub async fn find_revoked_authority_names(db: &Db) -> Result<Vec<String>, Fault> {
    sqlx::query_scalar!("select thumbprint from responder_answer where revoked and is_authority")
        .fetch_all(db.pool())
        .await
        .doing("finding which authorities were revoked")
}

/// Finds certificates that a responder called revoked, that are known and were not marked so, who issued each, and what
/// was answered.
pub async fn find_unmarked(db: &Db) -> Result<Vec<(Vec<u8>, Vec<u8>, KeptAnswer)>, Fault> {
    let found = sqlx::query!(
        r#"select r.der, r.authority, r.nonce as "nonce!", r.answer as "answer!", r.asked_at as "asked_at!"
             from responder_answer r join certificate c on c.thumbprint = r.thumbprint
            where r.revoked and c.revoked_at is null"#
    );
    let found = found.fetch_all(db.pool()).await.doing("finding certificates that were revoked")?;
    let read = found.into_iter().map(|row| {
        (row.der, row.authority, KeptAnswer { nonce: row.nonce, der: row.answer, asked_at: row.asked_at })
    });
    Ok(read.collect())
}

/// Whether a certificate is to be asked about now, at a host other than these.
pub async fn is_due(db: &Db, now: Timestamp, full: &[String]) -> Result<bool, Fault> {
    sqlx::query_scalar!(
        r#"with recursive known (name) as (
               (select host from responder_answer where not revoked order by host limit 1)
               union all
               select (select next.host from responder_answer next where not next.revoked and next.host > known.name
                        order by next.host limit 1)
                 from known where known.name is not null)
           select exists (select from known cross join lateral
                    (select from responder_answer r
                      where r.host = known.name and r.next_question_at <= $1 and not r.revoked and r.wanted_until > $1
                      order by r.next_question_at limit 1) first
              where known.name is not null and known.name <> all($2)) as "is_due!""#,
        now,
        full
    )
    .fetch_one(db.pool())
    .await
    .doing("looking for certificates to ask about")
}

/// Takes certificates that are to be asked about now, so many of all and of each host at most; no other process takes
/// them until the lease ends. Each host is looked at by itself, and so little is read however many are due; the
/// first of each come first.
pub async fn claim(
    tx: &mut Tx,
    (now, lease_ends_at): (Timestamp, Timestamp),
    room: &Room,
) -> Result<Vec<DueQuestion>, Fault> {
    sqlx::query_as!(
        DueQuestion,
        "with recursive known (name) as (
             (select host from responder_answer where not revoked order by host limit 1)
             union all
             select (select next.host from responder_answer next where not next.revoked and next.host > known.name
                      order by next.host limit 1)
               from known where known.name is not null),
         due as materialized (
             select first.thumbprint from known
               left join unnest($5::text[], $6::bigint[]) as busy (host, room) on busy.host = known.name
              cross join lateral
                    (select r.thumbprint, r.next_question_at from responder_answer r
                      where r.host = known.name and r.next_question_at <= $1 and not r.revoked and r.wanted_until > $1
                      order by r.next_question_at limit coalesce(busy.room, $4) for update skip locked) first
              where known.name is not null
              order by row_number() over (partition by known.name order by first.next_question_at),
                       first.next_question_at limit $3)
         update responder_answer a set next_question_at = $2 from due
          where a.thumbprint = due.thumbprint returning a.der, a.authority, a.failures, a.this_update",
        now,
        lease_ends_at,
        room.of_all,
        room.of_a_host,
        &room.hosts,
        &room.of_hosts
    )
    .fetch_all(tx.connection())
    .await
    .doing("taking certificates to ask about")
}

/// Keeps an answer, unless it is older than what is there; what was revoked stays so.
pub async fn keep(
    tx: &mut Tx,
    thumbprint: &str,
    answer: &KeptAnswer,
    (this_update, revoked): (Timestamp, bool),
    next_question_at: Timestamp,
) -> Result<u64, Fault> {
    let kept = sqlx::query!(
        "update responder_answer
            set nonce = $2, answer = $3, asked_at = $4, this_update = $5, revoked = $6, next_question_at = $7, failures = 0
          where thumbprint = $1 and not revoked and (this_update is null or this_update <= $5 or $6)",
        thumbprint,
        answer.nonce,
        answer.der,
        answer.asked_at,
        this_update,
        revoked,
        next_question_at
    );
    Ok(kept.execute(tx.connection()).await.doing("keeping the answer of a responder")?.rows_affected())
}

/// Notes that nobody has told, and when it is asked again.
pub async fn mark_failed(tx: &mut Tx, thumbprint: &str, next_question_at: Timestamp) -> Result<(), Fault> {
    sqlx::query!(
        "update responder_answer set failures = failures + 1, next_question_at = $2 where thumbprint = $1",
        thumbprint,
        next_question_at
    )
    .execute(tx.connection())
    .await
    .doing("noting that a responder did not tell")?;
    Ok(())
}

/// Removes what nobody has wanted since a time, at most so many.
pub async fn purge(tx: &mut Tx, before: Timestamp, most: i64) -> Result<u64, Fault> {
    let purged = sqlx::query!(
        "delete from responder_answer where thumbprint in
             (select thumbprint from responder_answer where wanted_until < $1 limit $2 for update skip locked)",
        before,
        most
    )
    .execute(tx.connection())
    .await
    .doing("purging answers of responders")?;
    Ok(purged.rows_affected())
}
