//! The table `certificate_request`.

use uuid::Uuid;

use crate::model::certificate_request::{CertificateRequest, Decision};
use crate::model::page::Page;
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::ClientId;

use super::{Db, Tx, meaningless};

struct Row {
    request_id: Uuid,
    client_id: String,
    csr: Vec<u8>,
    requested_by: String,
    requested_at: Timestamp,
    expires_at: Timestamp,
    decided_by: Option<String>,
    decided_at: Option<Timestamp>,
    thumbprint: Option<String>,
    asked_with: Option<String>,
}

impl TryFrom<Row> for CertificateRequest {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let client = ClientId::parse(&row.client_id);
        let thumbprint = row.thumbprint;
        let decided = row.decided_by.zip(row.decided_at);
        Ok(Self {
            id: row.request_id,
            client: client.ok_or_else(|| {
                meaningless("certificate_request", "client_id", &row.request_id.to_string())
            })?,
            csr: row.csr,
            requested_by: row.requested_by,
            requested_at: row.requested_at,
            expires_at: row.expires_at,
            decision: decided.map(|(by, at)| Decision { by, at, thumbprint }),
            asked_with: row.asked_with,
        })
    }
}

/// Finds a request.
pub async fn find(db: &Db, id: Uuid) -> Result<Option<CertificateRequest>, Fault> {
    sqlx::query_as!(
        Row,
        "select request_id, client_id, csr, requested_by, requested_at, expires_at, decided_by, decided_at,
                thumbprint, asked_with
           from certificate_request where request_id = $1",
        id
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a request for a certificate")?
    .map(CertificateRequest::try_from)
    .transpose()
}

/// Finds a request that nobody else can decide meanwhile.
pub async fn find_locked(tx: &mut Tx, id: Uuid) -> Result<Option<CertificateRequest>, Fault> {
    sqlx::query_as!(
        Row,
        "select request_id, client_id, csr, requested_by, requested_at, expires_at, decided_by, decided_at,
                thumbprint, asked_with
           from certificate_request where request_id = $1 for update",
        id
    )
    .fetch_optional(tx.connection())
    .await
    .doing("locking a request for a certificate")?
    .map(CertificateRequest::try_from)
    .transpose()
}

/// Finds a page of requests in the order in which they came.
pub async fn find_page(db: &Db, page: &Page<Uuid>) -> Result<Vec<CertificateRequest>, Fault> {
    sqlx::query_as!(
        Row,
        "select request_id, client_id, csr, requested_by, requested_at, expires_at, decided_by, decided_at,
                thumbprint, asked_with
           from certificate_request where request_id > $1 order by request_id limit $2",
        page.after.unwrap_or_default(),
        page.limit
    )
    .fetch_all(db.pool())
    .await
    .doing("listing requests for certificates")?
    .into_iter()
    .map(CertificateRequest::try_from)
    .collect()
}

/// Finds the requests for a client, the newest first.
pub async fn find_of_client(db: &Db, client: &ClientId, most: i64) -> Result<Vec<CertificateRequest>, Fault> {
    sqlx::query_as!(
        Row,
        "select request_id, client_id, csr, requested_by, requested_at, expires_at, decided_by, decided_at,
                thumbprint, asked_with
           from certificate_request where client_id = $1 order by request_id desc limit $2",
        client.as_str(),
        most
    )
    .fetch_all(db.pool())
    .await
    .doing("finding the requests for a client")?
    .into_iter()
    .map(CertificateRequest::try_from)
    .collect()
}

/// Finds the requests for a client that can still be decided.
pub async fn find_pending_of(
    tx: &mut Tx,
    client: &ClientId,
    now: Timestamp,
) -> Result<Vec<CertificateRequest>, Fault> {
    sqlx::query_as!(
        Row,
        "select request_id, client_id, csr, requested_by, requested_at, expires_at, decided_by, decided_at,
                thumbprint, asked_with
           from certificate_request
          where client_id = $1 and state = 'pending' and expires_at > $2 order by request_id",
        client.as_str(),
        now
    )
    .fetch_all(tx.connection())
    .await
    .doing("finding the open requests for a client")?
    .into_iter()
    .map(CertificateRequest::try_from)
    .collect()
}

/// Inserts a request.
pub async fn insert(tx: &mut Tx, request: &CertificateRequest) -> Result<(), Fault> {
    sqlx::query!(
        "insert into certificate_request
             (request_id, client_id, csr, requested_by, requested_at, expires_at, asked_with)
         values ($1, $2, $3, $4, $5, $6, $7)",
        request.id,
        request.client.as_str(),
        request.csr,
        request.requested_by,
        request.requested_at,
        request.expires_at,
        request.asked_with
    )
    .execute(tx.connection())
    .await
    .doing("inserting a request for a certificate")?;
    Ok(())
}

/// Keeps what was decided of a request; the answer tells whether nothing had been decided before.
pub async fn mark_decided(tx: &mut Tx, id: Uuid, decision: &Decision) -> Result<bool, Fault> {
    let marked = sqlx::query!(
        "update certificate_request
            set state = case when $4::text is null then 'denied' else 'approved' end,
                decided_by = $2, decided_at = $3, thumbprint = $4
          where request_id = $1 and state = 'pending'",
        id,
        decision.by,
        decision.at,
        decision.thumbprint
    );
    Ok(marked.execute(tx.connection()).await.doing("deciding a request for a certificate")?.rows_affected()
        == 1)
}

/// Removes requests that nobody decided before a time, and those that were decided before it.
pub async fn purge(tx: &mut Tx, before: Timestamp) -> Result<u64, Fault> {
    let purged =
        sqlx::query!("delete from certificate_request where coalesce(decided_at, expires_at) < $1", before)
            .execute(tx.connection())
            .await
            .doing("purging requests for certificates")?;
    Ok(purged.rows_affected())
}
