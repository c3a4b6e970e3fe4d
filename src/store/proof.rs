//! The table `proof`: what was shown once and may not be shown again until it expires.

use uuid::Uuid;

use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};

use super::Tx;

/// Inserts proofs, or takes over the place of those that have expired; the answer is which were won.
/// Keys are given in their order, so that two entries never wait for each other in a circle.
pub async fn insert_all(
    tx: &mut Tx,
    entry: Uuid,
    proofs: &[(String, [u8; 32], Timestamp)],
    now: Timestamp,
) -> Result<Vec<(String, Vec<u8>)>, Fault> {
    let owners: Vec<String> = proofs.iter().map(|(owner, _, _)| owner.clone()).collect();
    let keys: Vec<Vec<u8>> = proofs.iter().map(|(_, key, _)| key.to_vec()).collect();
    let ends: Vec<Timestamp> = proofs.iter().map(|(_, _, expires_at)| *expires_at).collect();
    let won = sqlx::query!(
        "insert into proof (owner, key, entry_id, expires_at)
         select p.owner, p.key, $1, p.expires_at
           from unnest($2::text[], $3::bytea[], $4::timestamptz[]) as p (owner, key, expires_at)
         on conflict (owner, key) do update
             set entry_id = excluded.entry_id, expires_at = excluded.expires_at
           where proof.expires_at < $5
         returning owner, key",
        entry,
        &owners,
        &keys,
        &ends,
        now
    )
    .fetch_all(tx.connection())
    .await
    .doing("inserting proofs")?;
    Ok(won.into_iter().map(|row| (row.owner, row.key)).collect())
}

/// Removes proofs that have expired, at most so many.
pub async fn purge(tx: &mut Tx, now: Timestamp, most: i64) -> Result<u64, Fault> {
    let purged = sqlx::query!(
        "delete from proof where (owner, key) in
             (select owner, key from proof where expires_at < $1 limit $2 for update skip locked)",
        now,
        most
    )
    .execute(tx.connection())
    .await
    .doing("purging proofs")?;
    Ok(purged.rows_affected())
}
