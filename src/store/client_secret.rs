//! The table `client_secret`: keyed digests of secrets that the server made.

use uuid::Uuid;

use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::ClientId;

use super::{Db, Tx};

/// A secret that is about to be stored.
#[derive(Debug)]
pub struct NewSecret {
    /// Its identifier.
    pub id: Uuid,
    /// Its keyed digest.
    pub digest: [u8; 32],
    /// From when it is good.
    pub created_at: Timestamp,
}

/// Finds the digests of a client's secrets that are good now: the newest and the one before it.
pub async fn find_current(db: &Db, client: &ClientId, now: Timestamp) -> Result<Vec<Vec<u8>>, Fault> {
    sqlx::query_scalar!(
        "select digest from client_secret
          where client_id = $1 and (expires_at is null or expires_at > $2)
          order by created_at desc, id desc limit 2",
        client.as_str(),
        now
    )
    .fetch_all(db.pool())
    .await
    .doing("finding a client's secrets")
}

/// Inserts a secret.
pub async fn insert(tx: &mut Tx, client: &ClientId, secret: &NewSecret) -> Result<(), Fault> {
    sqlx::query!(
        "insert into client_secret (id, client_id, digest, created_at) values ($1, $2, $3, $4)",
        secret.id,
        client.as_str(),
        secret.digest.as_slice(),
        secret.created_at
    )
    .execute(tx.connection())
    .await
    .doing("inserting a client secret")?;
    Ok(())
}

/// Lets a client's secrets end at a time, unless they end before.
pub async fn mark_expiring(tx: &mut Tx, client: &ClientId, at: Timestamp) -> Result<u64, Fault> {
    let ended = sqlx::query!(
        "update client_secret set expires_at = greatest($2, created_at)
          where client_id = $1 and (expires_at is null or expires_at > $2)",
        client.as_str(),
        at
    )
    .execute(tx.connection())
    .await
    .doing("ending client secrets")?;
    Ok(ended.rows_affected())
}

/// Removes secrets that ended long ago.
pub async fn purge(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    let purged = sqlx::query!("delete from client_secret where expires_at < $1", before)
        .execute(tx.connection())
        .await
        .doing("purging client secrets")?;
    Ok(purged.rows_affected())
}
