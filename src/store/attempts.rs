//! The table `sign_in_attempts`.

use crate::model::attempts::Attempts;
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx};

struct Row {
    key: Vec<u8>,
    failures: i64,
    blocked_until: Timestamp,
    last_at: Timestamp,
}

/// Fills counts with what stands in the database; those without a row stay as they are.
pub async fn find(db: &Db, counts: &mut [Attempts]) -> Result<(), Fault> {
    let keys = keys(counts);
    let rows = sqlx::query_as!(
        Row,
        "select key, failures, blocked_until, last_at from sign_in_attempts where key = any($1)",
        &keys
    )
    .fetch_all(db.pool())
    .await
    .doing("finding sign-in attempts")?;
    fill(counts, &rows);
    Ok(())
}

/// Makes the rows that are missing and locks them all, in the order of their keys.
pub async fn lock(tx: &mut Tx, counts: &mut [Attempts]) -> Result<(), Fault> {
    let keys = keys(counts);
    let kinds: Vec<String> = counts.iter().map(|count| count.of.as_str().to_owned()).collect();
    sqlx::query!(
        "insert into sign_in_attempts (key, kind, failures, blocked_until, last_at)
         select key, kind, 0, 'epoch', 'epoch' from unnest($1::bytea[], $2::text[]) as k (key, kind) order by key
         on conflict do nothing",
        &keys,
        &kinds
    )
    .execute(tx.connection())
    .await
    .doing("counting sign-in attempts")?;
    let rows = sqlx::query_as!(
        Row,
        "select key, failures, blocked_until, last_at from sign_in_attempts
          where key = any($1) order by key for update",
        &keys
    )
    .fetch_all(tx.connection())
    .await
    .doing("locking sign-in attempts")?;
    fill(counts, &rows);
    Ok(())
}

/// Writes counts back.
pub async fn update(tx: &mut Tx, counts: &[Attempts]) -> Result<(), Fault> {
    let keys = keys(counts);
    let failures: Vec<i64> = counts.iter().map(|count| count.failures).collect();
    let blocked: Vec<Timestamp> = counts.iter().map(|count| count.blocked_until).collect();
    let last: Vec<Timestamp> = counts.iter().map(|count| count.last_at).collect();
    sqlx::query!(
        "update sign_in_attempts a
            set failures = n.failures, blocked_until = n.blocked_until, last_at = n.last_at
           from unnest($1::bytea[], $2::bigint[], $3::timestamptz[], $4::timestamptz[])
                as n (key, failures, blocked_until, last_at)
          where a.key = n.key",
        &keys,
        &failures,
        &blocked,
        &last
    )
    .execute(tx.connection())
    .await
    .doing("counting sign-in attempts")?;
    Ok(())
}

/// Removes counts whose last attempt is long ago, those of places and networks sooner than those of accounts, at
/// most so many.
pub async fn purge(
    tx: &mut Tx,
    (of_places, of_accounts): (Timestamp, Timestamp),
    most: i64,
) -> Result<u64, Fault> {
    let purged = sqlx::query!(
        "delete from sign_in_attempts where key in
             (select key from sign_in_attempts where last_at < $1 and (kind in ('place', 'network') or last_at < $2)
               limit $3 for update skip locked)",
        of_places,
        of_accounts,
        most
    )
    .execute(tx.connection())
    .await
    .doing("purging sign-in attempts")?;
    Ok(purged.rows_affected())
}

fn keys(counts: &[Attempts]) -> Vec<Vec<u8>> {
    counts.iter().map(|count| count.key.to_vec()).collect()
}

fn fill(counts: &mut [Attempts], rows: &[Row]) {
    for count in counts {
        if let Some(row) = rows.iter().find(|row| row.key == count.key) {
            count.failures = row.failures;
            count.blocked_until = row.blocked_until;
            count.last_at = row.last_at;
        }
    }
}
