//! The table `trust_community`.

use serde_json::Value;

use crate::model::community::{Community, CommunityTerms};
use crate::model::page::Page;
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::CommunityName;

use super::{Db, Tx, meaningless};

struct Row {
    name: String,
    terms: Value,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<Row> for Community {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let wrong = |column| meaningless("trust_community", column, &row.name);
        let terms = row.terms.as_object().and_then(|object| CommunityTerms::parse(object).ok());
        Ok(Self {
            name: CommunityName::parse(&row.name).ok_or_else(|| wrong("name"))?,
            terms: terms.ok_or_else(|| wrong("terms"))?,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Finds a trust community.
pub async fn find(db: &Db, name: &CommunityName) -> Result<Option<Community>, Fault> {
    sqlx::query_as!(
        Row,
        "select name, terms, version, created_at, updated_at from trust_community where name = $1",
        name.as_str()
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a trust community")?
    .map(Community::try_from)
    .transpose()
}

/// Finds a trust community and locks its row for a change.
pub async fn find_locked(tx: &mut Tx, name: &CommunityName) -> Result<Option<Community>, Fault> {
    sqlx::query_as!(
        Row,
        "select name, terms, version, created_at, updated_at from trust_community where name = $1 for update",
        name.as_str()
    )
    .fetch_optional(tx.connection())
    .await
    .doing("locking a trust community")?
    .map(Community::try_from)
    .transpose()
}

/// Finds a page of trust communities in the order of their names.
pub async fn find_page(db: &Db, page: &Page<CommunityName>) -> Result<Vec<Community>, Fault> {
    sqlx::query_as!(
        Row,
        "select name, terms, version, created_at, updated_at from trust_community where name > $1
          order by name limit $2",
        page.after.as_ref().map_or("", CommunityName::as_str),
        page.limit
    )
    .fetch_all(db.pool())
    .await
    .doing("listing trust communities")?
    .into_iter()
    .map(Community::try_from)
    .collect()
}

/// Inserts a trust community; the answer tells whether its name was free.
pub async fn insert(tx: &mut Tx, community: &Community) -> Result<bool, Fault> {
    let inserted = sqlx::query!(
        "insert into trust_community (name, terms, version, created_at, updated_at)
         values ($1, $2, 1, $3, $3) on conflict do nothing",
        community.name.as_str(),
        Value::Object(community.terms.to_json()),
        community.created_at
    )
    .execute(tx.connection())
    .await
    .doing("inserting a trust community")?;
    Ok(inserted.rows_affected() == 1)
}

/// Writes another registration of a trust community, whose row is locked, and counts its version up.
pub async fn update(
    tx: &mut Tx,
    name: &CommunityName,
    terms: &CommunityTerms,
    now: Timestamp,
) -> Result<i64, Fault> {
    sqlx::query_scalar!(
        "update trust_community set terms = $2, version = version + 1, updated_at = $3 where name = $1
         returning version",
        name.as_str(),
        Value::Object(terms.to_json()),
        now
    )
    .fetch_one(tx.connection())
    .await
    .doing("updating a trust community")
}

/// Deletes a trust community; the answer tells whether it was there.
pub async fn delete(tx: &mut Tx, name: &CommunityName) -> Result<bool, Fault> {
    let deleted = sqlx::query!("delete from trust_community where name = $1", name.as_str())
        .execute(tx.connection())
        .await
        .doing("deleting a trust community")?;
    Ok(deleted.rows_affected() == 1)
}

/// Finds every trust community.
pub async fn find_all(db: &Db) -> Result<Vec<Community>, Fault> {
    sqlx::query_as!(Row, "select name, terms, version, created_at, updated_at from trust_community")
        .fetch_all(db.pool())
        .await
        .doing("reading the trust communities")?
        .into_iter()
        .map(Community::try_from)
        .collect()
}

/// Finds the name, version and last change of every trust community, in the order of their names.
pub async fn find_versions(db: &Db) -> Result<Vec<(String, i64, Timestamp)>, Fault> {
    let rows = sqlx::query!("select name, version, updated_at from trust_community order by name")
        .fetch_all(db.pool())
        .await
        .doing("looking for changed trust communities")?;
    Ok(rows.into_iter().map(|row| (row.name, row.version, row.updated_at)).collect())
}

/// Keeps a trust community from being deleted until the transaction ends; the answer tells whether it is there.
pub async fn hold(tx: &mut Tx, name: &CommunityName) -> Result<bool, Fault> {
    let found =
        sqlx::query_scalar!("select name from trust_community where name = $1 for share", name.as_str())
            .fetch_optional(tx.connection())
            .await
            .doing("holding a trust community")?;
    Ok(found.is_some())
}
