//! The table `issuing_authority`: the authorities on paths that were judged.

use crate::moment::Timestamp;
use crate::pki::thumbprint::Thumbprint;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx};

/// Notes an authority; the answer tells whether it was news.
pub async fn insert(tx: &mut Tx, der: &[u8], not_after: Timestamp, now: Timestamp) -> Result<bool, Fault> {
    let inserted = sqlx::query!(
        "insert into issuing_authority (thumbprint, der, not_after, first_seen_at) values ($1, $2, $3, $4)
         on conflict (thumbprint) do nothing",
        Thumbprint::of_der(der).as_base64url(),
        der,
        not_after,
        now
    )
    .execute(tx.connection())
    .await
    .doing("noting an authority")?;
    Ok(inserted.rows_affected() == 1)
}

/// Finds the certificates of the authorities that have not expired, in DER.
pub async fn find_current(db: &Db, now: Timestamp) -> Result<Vec<Vec<u8>>, Fault> {
    sqlx::query_scalar!("select der from issuing_authority where not_after >= $1 order by thumbprint", now)
        .fetch_all(db.pool())
        .await
        .doing("finding authorities")
}

/// Removes authorities that have expired before a time, at most so many.
pub async fn purge(tx: &mut Tx, before: Timestamp, most: i64) -> Result<u64, Fault> {
    let purged = sqlx::query!(
        "delete from issuing_authority where thumbprint in
             (select thumbprint from issuing_authority where not_after < $1 limit $2 for update skip locked)",
        before,
        most
    )
    .execute(tx.connection())
    .await
    .doing("purging authorities")?;
    Ok(purged.rows_affected())
}
