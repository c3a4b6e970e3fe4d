//! The table `initial_access_token`: what opens the door to clients that register themselves, by digest.

use serde_json::Value;
use uuid::Uuid;

use crate::model::page::Page;
use crate::model::registration::InitialToken;
use crate::moment::Timestamp;
use crate::protocol::allowance::Allowance;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx, meaningless};

struct Row {
    token_id: Uuid,
    allowance: Value,
    note: Option<String>,
    registrations: i64,
    used: i64,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl TryFrom<Row> for InitialToken {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let allowance = row.allowance.as_object().and_then(|object| Allowance::parse(object).ok());
        Ok(Self {
            id: row.token_id,
            allowance: allowance
                .ok_or_else(|| meaningless("initial_access_token", "allowance", &row.token_id.to_string()))?,
            note: row.note,
            registrations: row.registrations,
            used: row.used,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}

/// Finds a token by its digest.
pub async fn find_by_digest(db: &Db, digest: &[u8; 32]) -> Result<Option<InitialToken>, Fault> {
    sqlx::query_as!(
        Row,
        "select token_id, allowance, note, registrations, used, created_at, expires_at
           from initial_access_token where digest = $1",
        digest.as_slice()
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding an initial access token by its digest")?
    .map(InitialToken::try_from)
    .transpose()
}

/// Finds a token by its identifier.
pub async fn find(db: &Db, id: Uuid) -> Result<Option<InitialToken>, Fault> {
    sqlx::query_as!(
        Row,
        "select token_id, allowance, note, registrations, used, created_at, expires_at
           from initial_access_token where token_id = $1",
        id
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding an initial access token")?
    .map(InitialToken::try_from)
    .transpose()
}

/// Finds a page of tokens in the order of their identifiers.
pub async fn find_page(db: &Db, page: &Page<Uuid>) -> Result<Vec<InitialToken>, Fault> {
    sqlx::query_as!(
        Row,
        "select token_id, allowance, note, registrations, used, created_at, expires_at
           from initial_access_token where token_id > $1 order by token_id limit $2",
        page.after.unwrap_or_default(),
        page.limit
    )
    .fetch_all(db.pool())
    .await
    .doing("listing initial access tokens")?
    .into_iter()
    .map(InitialToken::try_from)
    .collect()
}

/// Inserts a token.
pub async fn insert(tx: &mut Tx, token: &InitialToken, digest: &[u8; 32]) -> Result<(), Fault> {
    sqlx::query!(
        "insert into initial_access_token
             (token_id, digest, allowance, note, registrations, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        token.id,
        digest.as_slice(),
        Value::Object(token.allowance.to_json()),
        token.note,
        token.registrations,
        token.created_at,
        token.expires_at
    )
    .execute(tx.connection())
    .await
    .doing("inserting an initial access token")?;
    Ok(())
}

/// Counts one registration; the answer tells whether one was left.
pub async fn mark_used(tx: &mut Tx, id: Uuid, now: Timestamp) -> Result<bool, Fault> {
    let used = sqlx::query!(
        "update initial_access_token set used = used + 1
          where token_id = $1 and used < registrations and expires_at > $2",
        id,
        now
    )
    .execute(tx.connection())
    .await
    .doing("using an initial access token")?;
    Ok(used.rows_affected() == 1)
}

/// Deletes a token; the answer tells whether it was there.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<bool, Fault> {
    let deleted = sqlx::query!("delete from initial_access_token where token_id = $1", id)
        .execute(tx.connection())
        .await
        .doing("deleting an initial access token")?;
    Ok(deleted.rows_affected() == 1)
}
