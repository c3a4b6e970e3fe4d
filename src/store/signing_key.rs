//! The table `signing_key`.

use serde_json::Value;

use crate::jose::algorithm::Algorithm;
use crate::model::signing_key::SigningKeyRecord;
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx, meaningless};

/// A key with its sealed private half.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// What is known of it.
    pub record: SigningKeyRecord,
    /// The private half, sealed under the master key.
    pub sealed: Vec<u8>,
}

struct Row {
    kid: String,
    algorithm: String,
    public_jwk: Value,
    sealed_private_key: Vec<u8>,
    announced_at: Timestamp,
    activates_at: Timestamp,
    retires_at: Option<Timestamp>,
    withdrawn_at: Option<Timestamp>,
}

impl TryFrom<Row> for StoredKey {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let algorithm = Algorithm::parse(&row.algorithm);
        let record = SigningKeyRecord {
            algorithm: algorithm.ok_or_else(|| meaningless("signing_key", "algorithm", &row.kid))?,
            kid: row.kid,
            public_jwk: row.public_jwk,
            announced_at: row.announced_at,
            activates_at: row.activates_at,
            retires_at: row.retires_at,
            withdrawn_at: row.withdrawn_at,
        };
        Ok(Self { record, sealed: row.sealed_private_key })
    }
}

/// Finds every key, the newest first.
pub async fn find_all(db: &Db) -> Result<Vec<StoredKey>, Fault> {
    sqlx::query_as!(
        Row,
        "select kid, algorithm, public_jwk, sealed_private_key, announced_at, activates_at, retires_at, withdrawn_at
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
        "select kid, algorithm, public_jwk, sealed_private_key, announced_at, activates_at, retires_at, withdrawn_at
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

/// Finds every key while no other process can add or end one.
pub async fn find_all_locked(tx: &mut Tx) -> Result<Vec<StoredKey>, Fault> {
    sqlx::query!("lock table signing_key in share row exclusive mode")
        .execute(tx.connection())
        .await
        .doing("locking the signing keys")?;
    sqlx::query_as!(
        Row,
        "select kid, algorithm, public_jwk, sealed_private_key, announced_at, activates_at, retires_at, withdrawn_at
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
    sqlx::query!(
        "insert into signing_key (kid, algorithm, public_jwk, sealed_private_key, announced_at, activates_at)
         values ($1, $2, $3, $4, $5, $6)",
        key.record.kid,
        key.record.algorithm.as_str(),
        key.record.public_jwk,
        key.sealed,
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

/// Withdraws every key of an algorithm at once; what they signed is dead.
pub async fn mark_withdrawn(tx: &mut Tx, algorithm: Algorithm, now: Timestamp) -> Result<u64, Fault> {
    let ended = sqlx::query!(
        "update signing_key set withdrawn_at = $2 where algorithm = $1 and withdrawn_at is null",
        algorithm.as_str(),
        now
    )
    .execute(tx.connection())
    .await
    .doing("withdrawing signing keys")?;
    Ok(ended.rows_affected())
}

/// Removes keys that ended before a time, with their sealed private halves.
pub async fn purge(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    let purged = sqlx::query!("delete from signing_key where retires_at < $1 or withdrawn_at < $1", before)
        .execute(tx.connection())
        .await
        .doing("purging signing keys")?;
    Ok(purged.rows_affected())
}
