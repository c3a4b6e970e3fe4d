//! The table `pushed_request`.

use uuid::Uuid;

use crate::model::pushed_request::PushedRequest;
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::ClientId;

use super::{Db, Tx, meaningless};

struct Row {
    pushed_id: Uuid,
    digest: Vec<u8>,
    client_id: String,
    parameters: String,
    created_at: Timestamp,
    expires_at: Timestamp,
    used_at: Option<Timestamp>,
}

impl TryFrom<Row> for PushedRequest {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let key = row.pushed_id.to_string();
        let wrong = |column| meaningless("pushed_request", column, &key);
        Ok(Self {
            id: row.pushed_id,
            digest: row.digest.try_into().map_err(|_| wrong("digest"))?,
            client: ClientId::parse(&row.client_id).ok_or_else(|| wrong("client_id"))?,
            parameters: row.parameters,
            created_at: row.created_at,
            expires_at: row.expires_at,
            used_at: row.used_at,
        })
    }
}

/// Finds a pushed request by the digest of its `request_uri`.
pub async fn find(db: &Db, digest: &[u8; 32]) -> Result<Option<PushedRequest>, Fault> {
    sqlx::query_as!(
        Row,
        "select pushed_id, digest, client_id, parameters, created_at, expires_at, used_at
           from pushed_request where digest = $1",
        digest.as_slice()
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a pushed request")?
    .map(PushedRequest::try_from)
    .transpose()
}

/// Inserts a pushed request.
pub async fn insert(tx: &mut Tx, pushed: &PushedRequest) -> Result<(), Fault> {
    sqlx::query!(
        "insert into pushed_request (pushed_id, digest, client_id, parameters, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6)",
        pushed.id,
        pushed.digest.as_slice(),
        pushed.client.as_str(),
        pushed.parameters,
        pushed.created_at,
        pushed.expires_at
    )
    .execute(tx.connection())
    .await
    .doing("inserting a pushed request")?;
    Ok(())
}

/// Locks a pushed request; the answer tells whether it has not been answered.
pub async fn lock_unused(tx: &mut Tx, id: Uuid) -> Result<bool, Fault> {
    let found = sqlx::query!(
        r#"select true as "found!" from pushed_request where pushed_id = $1 and used_at is null for update"#,
        id
    )
    .fetch_optional(tx.connection())
    .await
    .doing("locking a pushed request")?;
    Ok(found.is_some())
}

/// Notes that a pushed request is answered.
pub async fn mark_used(tx: &mut Tx, id: Uuid, now: Timestamp) -> Result<(), Fault> {
    sqlx::query!("update pushed_request set used_at = $2 where pushed_id = $1 and used_at is null", id, now)
        .execute(tx.connection())
        .await
        .doing("answering a pushed request")?;
    Ok(())
}

/// Removes pushed requests that ended before a time, at most so many.
pub async fn purge(tx: &mut Tx, before: Timestamp, most: i64) -> Result<u64, Fault> {
    let purged = sqlx::query!(
        "delete from pushed_request where pushed_id in
             (select pushed_id from pushed_request where expires_at < $1 limit $2 for update skip locked)",
        before,
        most
    )
    .execute(tx.connection())
    .await
    .doing("purging pushed requests")?;
    Ok(purged.rows_affected())
}
