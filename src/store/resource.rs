//! The table `resource`.

use serde_json::Value;

use crate::model::page::Page;
use crate::model::resource::Resource;
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::ResourceName;
use crate::protocol::resource_metadata::ResourceMetadata;

use super::{Db, Tx, meaningless};

struct Row {
    name: String,
    metadata: Value,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<Row> for Resource {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let metadata = row.metadata.as_object().and_then(|object| ResourceMetadata::parse(object).ok());
        Ok(Self {
            name: ResourceName::parse(&row.name).ok_or_else(|| meaningless("resource", "name", &row.name))?,
            metadata: metadata.ok_or_else(|| meaningless("resource", "metadata", &row.name))?,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Finds a resource server by its name.
pub async fn find(db: &Db, name: &ResourceName) -> Result<Option<Resource>, Fault> {
    sqlx::query_as!(
        Row,
        "select name, metadata, version, created_at, updated_at from resource where name = $1",
        name.as_str()
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a resource server")?
    .map(Resource::try_from)
    .transpose()
}

/// Finds a resource server by its URL, compared byte for byte.
pub async fn find_by_url(db: &Db, url: &str) -> Result<Option<Resource>, Fault> {
    sqlx::query_as!(
        Row,
        "select name, metadata, version, created_at, updated_at from resource where url = $1",
        url
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a resource server by its URL")?
    .map(Resource::try_from)
    .transpose()
}

/// Finds the resource server that answers to an audience, its URL or another, compared byte for byte.
pub async fn find_by_audience(db: &Db, audience: &str) -> Result<Option<Resource>, Fault> {
    // One that a former release registers while this one is being brought in stands in `resource` alone.
    sqlx::query_as!(
        Row,
        "select name, metadata, version, created_at, updated_at from resource
          where url = $1 or name = (select a.resource from resource_audience a where a.audience = $1)
          order by url = $1 desc limit 1",
        audience
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a resource server by an audience")?
    .map(Resource::try_from)
    .transpose()
}

/// Finds a resource server and locks its row for a change.
pub async fn find_locked(tx: &mut Tx, name: &ResourceName) -> Result<Option<Resource>, Fault> {
    sqlx::query_as!(
        Row,
        "select name, metadata, version, created_at, updated_at from resource where name = $1 for update",
        name.as_str()
    )
    .fetch_optional(tx.connection())
    .await
    .doing("locking a resource server")?
    .map(Resource::try_from)
    .transpose()
}

/// Finds a page of resource servers in the order of their names.
pub async fn find_page(db: &Db, page: &Page<ResourceName>) -> Result<Vec<Resource>, Fault> {
    sqlx::query_as!(
        Row,
        "select name, metadata, version, created_at, updated_at from resource where name > $1 order by name limit $2",
        page.after.as_ref().map_or("", ResourceName::as_str),
        page.limit
    )
    .fetch_all(db.pool())
    .await
    .doing("listing resource servers")?
    .into_iter()
    .map(Resource::try_from)
    .collect()
}

/// Inserts a resource server; the answer tells whether its name and URL were free.
pub async fn insert(tx: &mut Tx, resource: &Resource) -> Result<bool, Fault> {
    let inserted = sqlx::query!(
        "insert into resource (name, url, metadata, version, created_at, updated_at)
         values ($1, $2, $3, 1, $4, $4) on conflict do nothing",
        resource.name.as_str(),
        resource.metadata.url,
        Value::Object(resource.metadata.to_json()),
        resource.created_at
    )
    .execute(tx.connection())
    .await
    .doing("inserting a resource server")?;
    Ok(inserted.rows_affected() == 1)
}

/// Writes a changed resource server, whose row is locked, and counts its version up.
pub async fn update(tx: &mut Tx, resource: &Resource, now: Timestamp) -> Result<i64, Fault> {
    sqlx::query_scalar!(
        "update resource set metadata = $2, version = version + 1, updated_at = $3 where name = $1 returning version",
        resource.name.as_str(),
        Value::Object(resource.metadata.to_json()),
        now
    )
    .fetch_one(tx.connection())
    .await
    .doing("updating a resource server")
}

/// Inserts the URL and the further audiences of a resource server; the answer tells whether no other one
/// answers to any of them.
pub async fn insert_audiences(tx: &mut Tx, resource: &Resource) -> Result<bool, Fault> {
    let all: Vec<String> =
        resource.metadata.audiences.iter().chain([&resource.metadata.url]).cloned().collect();
    // In one order, so that two who write the same ones at once wait for each other and do not deadlock.
    let inserted = sqlx::query!(
        "insert into resource_audience (audience, resource)
         select named.audience, $2 from unnest($1::text[]) as named (audience) order by named.audience
         on conflict (audience) do update set resource = excluded.resource
          where resource_audience.resource = excluded.resource",
        &all,
        resource.name.as_str()
    )
    .execute(tx.connection())
    .await
    .doing("inserting the audiences of a resource server")?;
    Ok(usize::try_from(inserted.rows_affected()).doing("counting audiences")? == all.len())
}

/// Deletes the audiences that a resource server does not answer to any more.
pub async fn delete_other_audiences(tx: &mut Tx, resource: &Resource) -> Result<(), Fault> {
    sqlx::query!(
        "delete from resource_audience where resource = $1 and audience <> $2 and audience <> all($3::text[])",
        resource.name.as_str(),
        resource.metadata.url,
        &resource.metadata.audiences
    )
    .execute(tx.connection())
    .await
    .doing("deleting audiences of a resource server")?;
    Ok(())
}

/// Deletes a resource server; the answer tells whether it was there.
pub async fn delete(tx: &mut Tx, name: &ResourceName) -> Result<bool, Fault> {
    let deleted = sqlx::query!("delete from resource where name = $1", name.as_str())
        .execute(tx.connection())
        .await
        .doing("deleting a resource server")?;
    Ok(deleted.rows_affected() == 1)
}

/// Finds the URLs of all resource servers.
pub async fn find_urls(db: &Db) -> Result<Vec<String>, Fault> {
    sqlx::query_scalar!("select url from resource order by url")
        .fetch_all(db.pool())
        .await
        .doing("listing the URLs of resource servers")
}
