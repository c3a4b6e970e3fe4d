//! The table `revocation_list`: what authorities publish, for all processes.

use crate::model::revocation_list::{FetchedList, ListHead, Room, WantedList};
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx};

/// How many lists a community has named, and how many all have.
pub async fn count(tx: &mut Tx, community: &str) -> Result<Room, Fault> {
    sqlx::query_as!(
        Room,
        r#"select count(*) filter (where community = $1) as "of_community!", count(*) as "of_all!" from revocation_list"#,
        community
    )
    .fetch_one(tx.connection())
    .await
    .doing("counting revocation lists")
}

/// Notes that a community names a list, if it is not known yet, as taken by whoever calls until the lease ends; the
/// answer tells whether it was news.
pub async fn insert_wanted(
    tx: &mut Tx,
    (url, community): (&str, &str),
    now: Timestamp,
    lease_ends_at: Timestamp,
) -> Result<bool, Fault> {
    let inserted = sqlx::query!(
        "insert into revocation_list (url, community, first_wanted_at, next_fetch_at) values ($1, $2, $3, $4)
         on conflict (url) do nothing",
        url,
        community,
        now,
        lease_ends_at
    )
    .execute(tx.connection())
    .await
    .doing("noting a revocation list")?;
    Ok(inserted.rows_affected() == 1)
}

/// What is known of every list, without the lists.
pub async fn find_heads(db: &Db) -> Result<Vec<ListHead>, Fault> {
    sqlx::query_as!(ListHead, "select url, community, digest, failures from revocation_list order by url")
        .fetch_all(db.pool())
        .await
        .doing("finding revocation lists")
}

/// Finds one part of a list, counted from 0.
pub async fn find_part(db: &Db, digest: &[u8], part: i32) -> Result<Option<Vec<u8>>, Fault> {
    sqlx::query_scalar!(
        "select bytes from revocation_list_part where digest = $1 and part = $2",
        digest,
        part
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a revocation list")
}

/// Inserts one part of a list; one that is there stays, as of now.
pub async fn insert_part(
    tx: &mut Tx,
    digest: &[u8],
    part: i32,
    bytes: &[u8],
    now: Timestamp,
) -> Result<(), Fault> {
    sqlx::query!(
        "insert into revocation_list_part (digest, part, bytes, written_at) values ($1, $2, $3, $4)
         on conflict (digest, part) do update set written_at = excluded.written_at",
        digest,
        part,
        bytes,
        now
    )
    .execute(tx.connection())
    .await
    .doing("keeping a part of a revocation list")?;
    Ok(())
}

/// Whether a list is to be fetched now, of other hosts than these.
pub async fn is_due(db: &Db, now: Timestamp, full: &[String]) -> Result<bool, Fault> {
    sqlx::query_scalar!(
        r#"select exists (select from revocation_list
                           where next_fetch_at <= $1 and lower(split_part(url, '/', 3)) <> all($2)) as "is_due!""#,
        now,
        full
    )
    .fetch_one(db.pool())
    .await
    .doing("looking for revocation lists to fetch")
}

/// Takes lists that are to be fetched now, at most so many and of other hosts than these; no other process takes them
/// until the lease ends.
pub async fn claim(
    tx: &mut Tx,
    (now, lease_ends_at): (Timestamp, Timestamp),
    most: i64,
    full: &[String],
) -> Result<Vec<WantedList>, Fault> {
    sqlx::query_as!(
        WantedList,
        "update revocation_list l set next_fetch_at = $2
           from (select url from revocation_list
                  where next_fetch_at <= $1 and lower(split_part(url, '/', 3)) <> all($4)
                  order by next_fetch_at limit $3 for update skip locked) due
          where l.url = due.url returning l.url, l.failures",
        now,
        lease_ends_at,
        most,
        full
    )
    .fetch_all(tx.connection())
    .await
    .doing("taking revocation lists to fetch")
}

/// Keeps what was fetched, unless it is older than what is there; the answer tells whether it was kept.
pub async fn replace(tx: &mut Tx, url: &str, list: &FetchedList, now: Timestamp) -> Result<bool, Fault> {
    let replaced = sqlx::query!(
        "update revocation_list set digest = $2, this_update = $3, next_update = $4, fetched_at = $5
          where url = $1 and (this_update is null or this_update <= $3)",
        url,
        list.digest.as_slice(),
        list.this_update,
        list.next_update,
        now
    )
    .execute(tx.connection())
    .await
    .doing("keeping a revocation list")?;
    Ok(replaced.rows_affected() == 1)
}

/// Notes that a list was fetched and is good, and when it is fetched next.
pub async fn mark_fetched(
    tx: &mut Tx,
    url: &str,
    now: Timestamp,
    next_fetch_at: Timestamp,
) -> Result<(), Fault> {
    sqlx::query!(
        "update revocation_list set fetched_at = case when digest is null then null else $2::timestamptz end,
                failures = 0, failure = null, failed_at = null, next_fetch_at = $3 where url = $1",
        url,
        now,
        next_fetch_at
    )
    .execute(tx.connection())
    .await
    .doing("noting that a revocation list was fetched")?;
    Ok(())
}

/// Notes that a list could not be fetched, why, and when it is tried again; the answer is how often that was so in a
/// row.
pub async fn mark_failed(
    tx: &mut Tx,
    url: &str,
    failure: &str,
    (now, next_fetch_at): (Timestamp, Timestamp),
) -> Result<i32, Fault> {
    let failures = sqlx::query_scalar!(
        "update revocation_list set failures = failures + 1, failure = $2, failed_at = $3, next_fetch_at = $4
          where url = $1 returning failures",
        url,
        failure,
        now,
        next_fetch_at
    )
    .fetch_optional(tx.connection())
    .await
    .doing("noting that a revocation list could not be fetched")?;
    Ok(failures.unwrap_or_default())
}

/// Has lists fetched now that could not be had before for this reason, and of which none is kept.
pub async fn hasten(tx: &mut Tx, failure: &str, now: Timestamp) -> Result<(), Fault> {
    sqlx::query!(
        "update revocation_list set next_fetch_at = $2
          where digest is null and failure = $1 and next_fetch_at > $2",
        failure,
        now
    )
    .execute(tx.connection())
    .await
    .doing("hastening the fetch of revocation lists")?;
    Ok(())
}

/// Removes lists that nobody has published since a time.
pub async fn purge(tx: &mut Tx, before: Timestamp, most: i64) -> Result<u64, Fault> {
    let purged = sqlx::query!(
        "delete from revocation_list where url in
             (select url from revocation_list
               where coalesce(greatest(fetched_at, next_update), first_wanted_at) < $1
               limit $2 for update skip locked)",
        before,
        most
    )
    .execute(tx.connection())
    .await
    .doing("purging revocation lists")?;
    Ok(purged.rows_affected())
}

/// Removes parts of lists that took another's place before a time.
pub async fn purge_parts(tx: &mut Tx, before: Timestamp, most: i64) -> Result<u64, Fault> {
    let purged = sqlx::query!(
        "delete from revocation_list_part where (digest, part) in
             (select p.digest, p.part from revocation_list_part p
               where p.written_at < $1 and not exists (select from revocation_list l where l.digest = p.digest)
               limit $2 for update skip locked)",
        before,
        most
    )
    .execute(tx.connection())
    .await
    .doing("purging parts of revocation lists")?;
    Ok(purged.rows_affected())
}
