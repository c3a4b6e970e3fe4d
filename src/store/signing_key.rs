//! The table `signing_key`.

use serde_json::Value;

use crate::jose::algorithm::Algorithm;
use crate::model::signing_key::{Kept, SigningKeyRecord};
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx, meaningless};

/// A key and where its private half is kept.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// What is known of it.
    pub record: SigningKeyRecord,
    /// The private half.
    pub kept: Kept,
}

struct Row {
    kid: String,
    algorithm: String,
    public_jwk: Value,
    sealed_private_key: Option<Vec<u8>>,
    token_key: Option<String>,
    announced_at: Timestamp,
    activates_at: Timestamp,
    retires_at: Option<Timestamp>,
    withdrawn_at: Option<Timestamp>,
    withdrawal_reason: Option<String>,
}

impl TryFrom<Row> for StoredKey {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let algorithm = Algorithm::parse(&row.algorithm);
        let kept = Kept::from_columns(row.sealed_private_key, row.token_key);
        let kept = kept.ok_or_else(|| meaningless("signing_key", "token_key", &row.kid))?;
        let record = SigningKeyRecord {
            algorithm: algorithm.ok_or_else(|| meaningless("signing_key", "algorithm", &row.kid))?,
            kid: row.kid,
            public_jwk: row.public_jwk,
            announced_at: row.announced_at,
            activates_at: row.activates_at,
            retires_at: row.retires_at,
            withdrawn_at: row.withdrawn_at,
            withdrawal_reason: row.withdrawal_reason,
        };
        Ok(Self { record, kept })
    }
}

/// Finds every key, the newest first.
pub async fn find_all(db: &Db) -> Result<Vec<StoredKey>, Fault> {
    sqlx::query_as!(
        Row,
        "select kid, algorithm, public_jwk, sealed_private_key, token_key, announced_at, activates_at, retires_at,
                withdrawn_at, withdrawal_reason
           from signing_key order by activates_at desc, kid"
    )
    .fetch_all(db.pool())
    .await
    .doing("finding the signing keys")?
    .into_iter()
    .map(StoredKey::try_from)
    .collect()
}

/// Finds the keys that have not been withdrawn; which of them are published, their times say.
pub async fn find_not_withdrawn(db: &Db) -> Result<Vec<StoredKey>, Fault> {
    sqlx::query_as!(
        Row,
        "select kid, algorithm, public_jwk, sealed_private_key, token_key, announced_at, activates_at, retires_at,
                withdrawn_at, withdrawal_reason
           from signing_key
          where withdrawn_at is null order by activates_at desc, kid"
    )
    .fetch_all(db.pool())
    .await
    .doing("finding the signing keys")?
    .into_iter()
    .map(StoredKey::try_from)
    .collect()
}

/// Waits until no other process can add or end a key before this transaction is over.
pub async fn lock(tx: &mut Tx) -> Result<(), Fault> {
    sqlx::query!("lock table signing_key in share row exclusive mode")
        .execute(tx.connection())
        .await
        .doing("locking the signing keys")?;
    Ok(())
}

/// Finds every key while no other process can add or end one.
pub async fn find_all_locked(tx: &mut Tx) -> Result<Vec<StoredKey>, Fault> {
    lock(tx).await?;
    sqlx::query_as!(
        Row,
        "select kid, algorithm, public_jwk, sealed_private_key, token_key, announced_at, activates_at, retires_at,
                withdrawn_at, withdrawal_reason
           from signing_key order by activates_at desc, kid"
    )
    .fetch_all(tx.connection())
    .await
    .doing("finding the signing keys")?
    .into_iter()
    .map(StoredKey::try_from)
    .collect()
}

/// Inserts a key.
pub async fn insert(tx: &mut Tx, key: &StoredKey) -> Result<(), Fault> {
    let (sealed, token) = key.kept.columns();
    sqlx::query!(
        "insert into signing_key (kid, algorithm, public_jwk, sealed_private_key, token_key, announced_at, activates_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        key.record.kid,
        key.record.algorithm.as_str(),
        key.record.public_jwk,
        sealed,
        token,
        key.record.announced_at,
        key.record.activates_at
    )
    .execute(tx.connection())
    .await
    .doing("inserting a signing key")?;
    Ok(())
}

/// Lets the keys of an algorithm that have begun, or will begin before a time, end at that time.
pub async fn mark_retiring(tx: &mut Tx, algorithm: Algorithm, at: Timestamp) -> Result<u64, Fault> {
    let ended = sqlx::query!(
        "update signing_key set retires_at = greatest($2, activates_at)
          where algorithm = $1 and activates_at <= $2 and retires_at is null and withdrawn_at is null",
        algorithm.as_str(),
        at
    )
    .execute(tx.connection())
    .await
    .doing("retiring signing keys")?;
    Ok(ended.rows_affected())
}

/// Lets whoever was to end when a key began end at another time, or go on: that key was withdrawn before it began.
pub async fn mark_going_on(
    tx: &mut Tx,
    algorithm: Algorithm,
    (instead_of, until): (Timestamp, Option<Timestamp>),
) -> Result<u64, Fault> {
    let goes_on = sqlx::query!(
        "update signing_key set retires_at = $3
          where algorithm = $1 and retires_at = $2 and withdrawn_at is null",
        algorithm.as_str(),
        instead_of,
        until
    )
    .execute(tx.connection())
    .await
    .doing("letting a signing key go on")?;
    Ok(goes_on.rows_affected())
}

/// Lets an announced key begin now.
pub async fn mark_active(tx: &mut Tx, kid: &str, now: Timestamp) -> Result<u64, Fault> {
    let begun = sqlx::query!("update signing_key set activates_at = $2 where kid = $1", kid, now)
        .execute(tx.connection())
        .await
        .doing("letting a signing key begin")?;
    Ok(begun.rows_affected())
}

/// Withdraws one key; what it signed is dead.
pub async fn mark_withdrawn(tx: &mut Tx, kid: &str, now: Timestamp, reason: &str) -> Result<u64, Fault> {
    let ended = sqlx::query!(
        "update signing_key set withdrawn_at = $2, withdrawal_reason = $3 where kid = $1 and withdrawn_at is null",
        kid,
        now,
        reason
    )
    .execute(tx.connection())
    .await
    .doing("withdrawing a signing key")?;
    Ok(ended.rows_affected())
}

/// Withdraws every key of an algorithm at once; what they signed is dead.
pub async fn mark_all_withdrawn(
    tx: &mut Tx,
    algorithm: Algorithm,
    now: Timestamp,
    reason: &str,
) -> Result<u64, Fault> {
    let ended = sqlx::query!(
        "update signing_key set withdrawn_at = $2, withdrawal_reason = $3
          where algorithm = $1 and withdrawn_at is null",
        algorithm.as_str(),
        now,
        reason
    )
    .execute(tx.connection())
    .await
    .doing("withdrawing signing keys")?;
    Ok(ended.rows_affected())
}

/// Removes keys that ended before a time, with their sealed private halves; the answer is where each was kept in a
/// hardware security module, if it was.
pub async fn purge(tx: &mut Tx, before: Timestamp) -> Result<Vec<Option<String>>, Fault> {
    sqlx::query_scalar!(
        "delete from signing_key where retires_at < $1 or withdrawn_at < $1 returning token_key",
        before
    )
    .fetch_all(tx.connection())
    .await
    .doing("purging signing keys")
}
