//! The table `server_secret`: what the server derives its other keys from, sealed.

use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx};

/// Finds a secret as it is sealed.
pub async fn find(db: &Db, name: &str) -> Result<Option<Vec<u8>>, Fault> {
    sqlx::query_scalar!("select sealed from server_secret where name = $1", name)
        .fetch_optional(db.pool())
        .await
        .doing("finding a secret of the server")
}

/// Finds a secret as it is sealed, in a transaction.
pub async fn find_in(tx: &mut Tx, name: &str) -> Result<Option<Vec<u8>>, Fault> {
    sqlx::query_scalar!("select sealed from server_secret where name = $1", name)
        .fetch_optional(tx.connection())
        .await
        .doing("finding a secret of the server")
}

/// Inserts a secret, unless another process was first, which is waited for. Says whether it was inserted.
pub async fn insert(tx: &mut Tx, (name, sealed): (&str, &[u8]), now: Timestamp) -> Result<bool, Fault> {
    let inserted = sqlx::query!(
        "insert into server_secret (name, sealed, created_at) values ($1, $2, $3) on conflict (name) do nothing",
        name,
        sealed,
        now
    )
    .execute(tx.connection())
    .await
    .doing("inserting a secret of the server")?;
    Ok(inserted.rows_affected() == 1)
}

/// Whether a key of this server is in a hardware security module: whoever made it had the root.
pub async fn is_implied_by_token_keys(db: &Db) -> Result<bool, Fault> {
    sqlx::query_scalar!(
        r#"select exists (select from signing_key where token_key is not null)
               or exists (select from authority where token_key is not null) as "exists!""#
    )
    .fetch_one(db.pool())
    .await
    .doing("looking for keys in a hardware security module")
}

/// Whether there are client secrets, whose digests a former release made.
pub async fn is_needed_by_digests(db: &Db) -> Result<bool, Fault> {
    sqlx::query_scalar!(r#"select exists (select from client_secret) as "exists!""#)
        .fetch_one(db.pool())
        .await
        .doing("looking for client secrets")
}
