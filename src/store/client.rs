//! The table `client`.

use serde_json::Value;
use uuid::Uuid;

use crate::model::client::{Client, ClientStatus};
use crate::model::page::Page;
use crate::model::registration::{Provenance, RegisteredBy};
use crate::moment::Timestamp;
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::ClientId;

use super::{Db, Tx, meaningless};

struct Row {
    client_id: String,
    status: String,
    metadata: Value,
    version: i64,
    tokens_not_before: Timestamp,
    created_at: Timestamp,
    updated_at: Timestamp,
    registered_by: String,
    registered_with: Option<Uuid>,
    approved_at: Option<Timestamp>,
}

impl TryFrom<Row> for Client {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let metadata = row.metadata.as_object().and_then(|object| ClientMetadata::parse(object).ok());
        Ok(Self {
            id: ClientId::parse(&row.client_id)
                .ok_or_else(|| meaningless("client", "client_id", &row.client_id))?,
            status: ClientStatus::parse(&row.status)
                .ok_or_else(|| meaningless("client", "status", &row.client_id))?,
            metadata: metadata.ok_or_else(|| meaningless("client", "metadata", &row.client_id))?,
            version: row.version,
            tokens_not_before: row.tokens_not_before,
            created_at: row.created_at,
            updated_at: row.updated_at,
            provenance: Provenance {
                by: RegisteredBy::parse(&row.registered_by, row.registered_with)
                    .ok_or_else(|| meaningless("client", "registered_by", &row.client_id))?,
                approved_at: row.approved_at,
            },
        })
    }
}

/// Finds a client.
pub async fn find(db: &Db, id: &ClientId) -> Result<Option<Client>, Fault> {
    sqlx::query_as!(
        Row,
        "select client_id, status, metadata, version, tokens_not_before, created_at, updated_at,
                registered_by, registered_with, approved_at
           from client where client_id = $1",
        id.as_str()
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a client")?
    .map(Client::try_from)
    .transpose()
}

/// Finds the version of an active client as it stands within a transaction.
pub async fn find_active_version(tx: &mut Tx, id: &ClientId) -> Result<Option<i64>, Fault> {
    sqlx::query_scalar!("select version from client where client_id = $1 and status = 'active'", id.as_str())
        .fetch_optional(tx.connection())
        .await
        .doing("finding the version of a client")
}

/// Finds a client as it stands within a transaction.
pub async fn find_in(tx: &mut Tx, id: &ClientId) -> Result<Option<Client>, Fault> {
    sqlx::query_as!(
        Row,
        "select client_id, status, metadata, version, tokens_not_before, created_at, updated_at,
                registered_by, registered_with, approved_at
           from client where client_id = $1",
        id.as_str()
    )
    .fetch_optional(tx.connection())
    .await
    .doing("finding a changed client")?
    .map(Client::try_from)
    .transpose()
}

/// Finds a client and locks its row for a change. Changes of registrations wait for each other, since
/// some look at other clients too: two that each hold what the other needs would both fail.
pub async fn find_locked(tx: &mut Tx, id: &ClientId) -> Result<Option<Client>, Fault> {
    sqlx::raw_sql("select pg_advisory_xact_lock('client'::regclass::bigint)")
        .execute(tx.connection())
        .await
        .doing("waiting for other changes of clients")?;
    sqlx::query_as!(
        Row,
        "select client_id, status, metadata, version, tokens_not_before, created_at, updated_at,
                registered_by, registered_with, approved_at
           from client where client_id = $1 for update",
        id.as_str()
    )
    .fetch_optional(tx.connection())
    .await
    .doing("locking a client")?
    .map(Client::try_from)
    .transpose()
}

/// Finds a page of clients in the order of their identifiers.
pub async fn find_page(db: &Db, page: &Page<ClientId>) -> Result<Vec<Client>, Fault> {
    sqlx::query_as!(
        Row,
        "select client_id, status, metadata, version, tokens_not_before, created_at, updated_at,
                registered_by, registered_with, approved_at
           from client where client_id > $1 order by client_id limit $2",
        page.after.as_ref().map_or("", ClientId::as_str),
        page.limit
    )
    .fetch_all(db.pool())
    .await
    .doing("listing clients")?
    .into_iter()
    .map(Client::try_from)
    .collect()
}

/// Finds clients with certificates in their registrations that an administrator made or approved, by their names.
pub async fn find_with_certificates(db: &Db, after: &str, limit: i64) -> Result<Vec<Client>, Fault> {
    sqlx::query_as!(
        Row,
        "select client_id, status, metadata, version, tokens_not_before, created_at, updated_at,
                registered_by, registered_with, approved_at
           from client
          where client_id > $1 and (registered_by = 'administrator' or approved_at is not null)
            and jsonb_path_exists(metadata, '$.jwks.keys[*].x5c')
          order by client_id limit $2",
        after,
        limit
    )
    .fetch_all(db.pool())
    .await
    .doing("finding clients with certificates")?
    .into_iter()
    .map(Client::try_from)
    .collect()
}

/// Inserts a new client.
pub async fn insert(tx: &mut Tx, client: &Client) -> Result<(), Fault> {
    sqlx::query!(
        "insert into client (client_id, status, metadata, version, tokens_not_before, created_at, updated_at,
                             registered_by, registered_with)
         values ($1, $2, $3, 1, $4, $5, $5, $6, $7)",
        client.id.as_str(),
        client.status.as_str(),
        Value::Object(client.metadata.to_json()),
        client.tokens_not_before,
        client.created_at,
        client.provenance.by.as_str(),
        client.provenance.by.with()
    )
    .execute(tx.connection())
    .await
    .doing("inserting a client")?;
    Ok(())
}

/// Writes a changed client, whose row is locked, and counts its version up; the answer is the new one.
pub async fn update(tx: &mut Tx, client: &Client, now: Timestamp) -> Result<i64, Fault> {
    sqlx::query_scalar!(
        "update client set status = $2, metadata = $3, tokens_not_before = $4, version = version + 1, updated_at = $5,
                           approved_at = $6
          where client_id = $1 returning version",
        client.id.as_str(),
        client.status.as_str(),
        Value::Object(client.metadata.to_json()),
        client.tokens_not_before,
        now,
        client.provenance.approved_at
    )
    .fetch_one(tx.connection())
    .await
    .doing("updating a client")
}

/// Deletes a client with its secrets; the answer tells whether it was there.
pub async fn delete(tx: &mut Tx, id: &ClientId) -> Result<bool, Fault> {
    let deleted = sqlx::query!("delete from client where client_id = $1", id.as_str())
        .execute(tx.connection())
        .await
        .doing("deleting a client")?;
    Ok(deleted.rows_affected() == 1)
}

/// Counts the other active clients that are registered for a scope, while none of them can change.
pub async fn count_others_with_scope(tx: &mut Tx, id: &ClientId, scope: &str) -> Result<i64, Fault> {
    let found = sqlx::query_scalar!(
        "select client_id from client
          where client_id <> $1 and status = 'active'
            and $2 = any (string_to_array(metadata ->> 'scope', ' ')) for share",
        id.as_str(),
        scope
    )
    .fetch_all(tx.connection())
    .await
    .doing("counting clients with a scope")?;
    i64::try_from(found.len()).doing("counting clients with a scope")
}

/// Whether a client is bound to a trust community.
pub async fn is_any_of_community(tx: &mut Tx, community: &str) -> Result<bool, Fault> {
    sqlx::query_scalar!(
        r#"select exists (select from client where metadata ->> 'trust_community' = $1) as "bound!""#,
        community
    )
    .fetch_one(tx.connection())
    .await
    .doing("looking for clients of a trust community")
}

/// Whether an active client, or the one that is named, has a redirect URI of this origin.
pub async fn has_origin(db: &Db, origin: &str, client: Option<&str>) -> Result<bool, Fault> {
    sqlx::query_scalar!(
        r#"select exists (select from client where origins @> array[$1::text] and status = 'active'
                             and ($2::text is null or client_id = $2)) as "known!""#,
        origin,
        client
    )
    .fetch_one(db.pool())
    .await
    .doing("looking for an origin")
}
