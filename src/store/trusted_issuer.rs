//! The table `trusted_issuer`.

use serde_json::Value;

use crate::model::page::Page;
use crate::model::trusted_issuer::TrustedIssuer;
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::IssuerName;
use crate::protocol::trusted_issuer::TrustedIssuerMetadata;

use super::{Db, Tx, meaningless};

struct Row {
    name: String,
    metadata: Value,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<Row> for TrustedIssuer {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let wrong = |column| meaningless("trusted_issuer", column, &row.name);
        let metadata = row.metadata.as_object().and_then(|object| TrustedIssuerMetadata::parse(object).ok());
        Ok(Self {
            name: IssuerName::parse(&row.name).ok_or_else(|| wrong("name"))?,
            metadata: metadata.ok_or_else(|| wrong("metadata"))?,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Finds a trusted issuer by its name.
pub async fn find(db: &Db, name: &IssuerName) -> Result<Option<TrustedIssuer>, Fault> {
    sqlx::query_as!(
        Row,
        "select name, metadata, version, created_at, updated_at from trusted_issuer where name = $1",
        name.as_str()
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a trusted issuer")?
    .map(TrustedIssuer::try_from)
    .transpose()
}

/// Finds a trusted issuer by its `iss`, compared byte for byte.
pub async fn find_by_issuer(db: &Db, issuer: &str) -> Result<Option<TrustedIssuer>, Fault> {
    sqlx::query_as!(
        Row,
        "select name, metadata, version, created_at, updated_at from trusted_issuer where issuer = $1",
        issuer
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a trusted issuer by its URL")?
    .map(TrustedIssuer::try_from)
    .transpose()
}

/// Finds a trusted issuer and locks its row for a change.
pub async fn find_locked(tx: &mut Tx, name: &IssuerName) -> Result<Option<TrustedIssuer>, Fault> {
    sqlx::query_as!(
        Row,
        "select name, metadata, version, created_at, updated_at from trusted_issuer where name = $1 for update",
        name.as_str()
    )
    .fetch_optional(tx.connection())
    .await
    .doing("locking a trusted issuer")?
    .map(TrustedIssuer::try_from)
    .transpose()
}

/// Finds a page of trusted issuers in the order of their names.
pub async fn find_page(db: &Db, page: &Page<IssuerName>) -> Result<Vec<TrustedIssuer>, Fault> {
    sqlx::query_as!(
        Row,
        "select name, metadata, version, created_at, updated_at from trusted_issuer where name > $1
          order by name limit $2",
        page.after.as_ref().map_or("", IssuerName::as_str),
        page.limit
    )
    .fetch_all(db.pool())
    .await
    .doing("listing trusted issuers")?
    .into_iter()
    .map(TrustedIssuer::try_from)
    .collect()
}

/// Inserts a trusted issuer; the answer tells whether its name and URL were free.
pub async fn insert(tx: &mut Tx, issuer: &TrustedIssuer) -> Result<bool, Fault> {
    let inserted = sqlx::query!(
        "insert into trusted_issuer (name, issuer, metadata, version, created_at, updated_at)
         values ($1, $2, $3, 1, $4, $4) on conflict do nothing",
        issuer.name.as_str(),
        issuer.metadata.issuer,
        Value::Object(issuer.metadata.to_json()),
        issuer.created_at
    )
    .execute(tx.connection())
    .await
    .doing("inserting a trusted issuer")?;
    Ok(inserted.rows_affected() == 1)
}

/// Writes another registration of a trusted issuer, whose row is locked, and counts its version up.
pub async fn update(
    tx: &mut Tx,
    name: &IssuerName,
    metadata: &TrustedIssuerMetadata,
    now: Timestamp,
) -> Result<i64, Fault> {
    sqlx::query_scalar!(
        "update trusted_issuer set metadata = $2, version = version + 1, updated_at = $3 where name = $1
         returning version",
        name.as_str(),
        Value::Object(metadata.to_json()),
        now
    )
    .fetch_one(tx.connection())
    .await
    .doing("updating a trusted issuer")
}

/// Deletes a trusted issuer; the answer tells whether it was there.
pub async fn delete(tx: &mut Tx, name: &IssuerName) -> Result<bool, Fault> {
    let deleted = sqlx::query!("delete from trusted_issuer where name = $1", name.as_str())
        .execute(tx.connection())
        .await
        .doing("deleting a trusted issuer")?;
    Ok(deleted.rows_affected() == 1)
}
