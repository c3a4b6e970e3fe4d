//! The table `statement_issuer`: whoever may vouch for software.

use serde_json::Value;
use uuid::Uuid;

use crate::model::page::Page;
use crate::model::registration::StatementIssuer;
use crate::moment::Timestamp;
use crate::protocol::allowance::StatementIssuerMetadata;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx, meaningless};

struct Row {
    issuer_id: Uuid,
    metadata: Value,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<Row> for StatementIssuer {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let metadata =
            row.metadata.as_object().and_then(|object| StatementIssuerMetadata::parse(object).ok());
        Ok(Self {
            id: row.issuer_id,
            metadata: metadata
                .ok_or_else(|| meaningless("statement_issuer", "metadata", &row.issuer_id.to_string()))?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Finds an issuer by the `iss` of its statements, compared byte for byte.
pub async fn find_by_issuer(db: &Db, issuer: &str) -> Result<Option<StatementIssuer>, Fault> {
    sqlx::query_as!(
        Row,
        "select issuer_id, metadata, created_at, updated_at from statement_issuer where issuer = $1",
        issuer
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a statement issuer by its name")?
    .map(StatementIssuer::try_from)
    .transpose()
}

/// Finds an issuer by its identifier.
pub async fn find(db: &Db, id: Uuid) -> Result<Option<StatementIssuer>, Fault> {
    sqlx::query_as!(
        Row,
        "select issuer_id, metadata, created_at, updated_at from statement_issuer where issuer_id = $1",
        id
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a statement issuer")?
    .map(StatementIssuer::try_from)
    .transpose()
}

/// Finds a page of issuers in the order of their identifiers.
pub async fn find_page(db: &Db, page: &Page<Uuid>) -> Result<Vec<StatementIssuer>, Fault> {
    sqlx::query_as!(
        Row,
        "select issuer_id, metadata, created_at, updated_at from statement_issuer
          where issuer_id > $1 order by issuer_id limit $2",
        page.after.unwrap_or_default(),
        page.limit
    )
    .fetch_all(db.pool())
    .await
    .doing("listing statement issuers")?
    .into_iter()
    .map(StatementIssuer::try_from)
    .collect()
}

/// Inserts an issuer; the answer tells whether its name was free.
pub async fn insert(tx: &mut Tx, issuer: &StatementIssuer) -> Result<bool, Fault> {
    let inserted = sqlx::query!(
        "insert into statement_issuer (issuer_id, issuer, metadata, per_day, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $5) on conflict do nothing",
        issuer.id,
        issuer.metadata.issuer,
        Value::Object(issuer.metadata.to_json()),
        issuer.metadata.per_day,
        issuer.created_at
    )
    .execute(tx.connection())
    .await
    .doing("inserting a statement issuer")?;
    Ok(inserted.rows_affected() == 1)
}

/// Writes what is now said of an issuer, whose name stays; the answer tells whether it was there.
pub async fn update(
    tx: &mut Tx,
    id: Uuid,
    metadata: &StatementIssuerMetadata,
    now: Timestamp,
) -> Result<bool, Fault> {
    let updated = sqlx::query!(
        "update statement_issuer set metadata = $3, per_day = $4, updated_at = $5
          where issuer_id = $1 and issuer = $2",
        id,
        metadata.issuer,
        Value::Object(metadata.to_json()),
        metadata.per_day,
        now
    )
    .execute(tx.connection())
    .await
    .doing("updating a statement issuer")?;
    Ok(updated.rows_affected() == 1)
}

/// Counts one registration of a day; the answer tells whether one was left, and the issuer is still there.
pub async fn mark_used(tx: &mut Tx, id: Uuid, day: i64) -> Result<bool, Fault> {
    let used = sqlx::query!(
        "update statement_issuer set used = case when day = $2 then used + 1 else 1 end, day = $2
          where issuer_id = $1 and (day <> $2 or used < per_day)",
        id,
        day
    )
    .execute(tx.connection())
    .await
    .doing("counting a registration by statement")?;
    Ok(used.rows_affected() == 1)
}

/// Deletes an issuer; the answer tells whether it was there.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<bool, Fault> {
    let deleted = sqlx::query!("delete from statement_issuer where issuer_id = $1", id)
        .execute(tx.connection())
        .await
        .doing("deleting a statement issuer")?;
    Ok(deleted.rows_affected() == 1)
}
