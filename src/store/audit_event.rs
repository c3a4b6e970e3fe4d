//! The table `audit_event`: filled and read, never changed.

use std::sync::Arc;

use ipnet::IpNet;
use uuid::Uuid;

use crate::model::audit_event::{AuditEvent, Origin, Outcome, Search};
use crate::model::page::Page;
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx, meaningless};

/// Inserts a record; the answer is the number of the transaction, by which a lost commit can be asked for.
pub async fn insert(tx: &mut Tx, event: &AuditEvent) -> Result<String, Fault> {
    sqlx::query_scalar!(
        r#"insert into audit_event (id, at, action, outcome, reason, detail, occurrences, client_id,
               client_organization, person, person_organization, patient, target, scopes_asked, scopes_granted,
               audience, token_id, purpose_of_use, grant_type, rule, peer_address, certificate_thumbprint,
               request_id, process)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
               $21, $22, $23, $24)
           returning pg_current_xact_id()::text as "transaction!""#,
        event.id,
        event.at,
        event.action,
        event.outcome.as_str(),
        event.reason,
        event.detail,
        event.occurrences,
        event.client,
        event.client_organization,
        event.person,
        event.person_organization,
        event.patient,
        event.target,
        event.scopes_asked,
        event.scopes_granted,
        event.audience,
        event.token,
        event.purpose_of_use,
        event.grant_type,
        event.rule,
        event.origin.peer.map(IpNet::from),
        event.origin.certificate,
        event.origin.request,
        &*event.origin.process
    )
    .fetch_one(tx.connection())
    .await
    .doing("inserting an audit record")
}

struct Row {
    id: Uuid,
    at: Timestamp,
    action: String,
    outcome: String,
    reason: Option<String>,
    detail: Option<String>,
    occurrences: i64,
    client_id: Option<String>,
    client_organization: Option<String>,
    person: Option<String>,
    person_organization: Option<String>,
    patient: Option<String>,
    target: Option<String>,
    scopes_asked: Option<String>,
    scopes_granted: Option<String>,
    audience: Option<String>,
    token_id: Option<Uuid>,
    purpose_of_use: Option<String>,
    grant_type: Option<String>,
    rule: Option<String>,
    peer_address: Option<IpNet>,
    certificate_thumbprint: Option<String>,
    request_id: Uuid,
    process: String,
}

impl TryFrom<Row> for AuditEvent {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let outcome = Outcome::parse(&row.outcome);
        let outcome = outcome.ok_or_else(|| meaningless("audit_event", "outcome", &row.id.to_string()))?;
        let origin = Origin {
            peer: row.peer_address.map(|net| net.addr()),
            certificate: row.certificate_thumbprint,
            request: row.request_id,
            process: Arc::from(row.process),
        };
        Ok(Self {
            outcome,
            reason: row.reason,
            detail: row.detail,
            occurrences: row.occurrences,
            client: row.client_id,
            client_organization: row.client_organization,
            person: row.person,
            person_organization: row.person_organization,
            patient: row.patient,
            target: row.target,
            scopes_asked: row.scopes_asked,
            scopes_granted: row.scopes_granted,
            audience: row.audience,
            token: row.token_id,
            purpose_of_use: row.purpose_of_use,
            grant_type: row.grant_type,
            rule: row.rule,
            ..Self::begin(row.id, row.at, &row.action, origin)
        })
    }
}

/// Finds a page of records, the newest first.
pub async fn find_page(
    db: &Db,
    search: &Search,
    page: &Page<(Timestamp, Uuid)>,
) -> Result<Vec<AuditEvent>, Fault> {
    let (after_at, after_id) = page.after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    sqlx::query_as!(
        Row,
        "select id, at, action, outcome, reason, detail, occurrences, client_id, client_organization, person,
                person_organization, patient, target, scopes_asked, scopes_granted, audience, token_id,
                purpose_of_use, grant_type, rule, peer_address, certificate_thumbprint, request_id, process
           from audit_event
          where ($1::timestamptz is null or at >= $1)
            and ($2::timestamptz is null or at < $2)
            and ($3::text is null or client_id = $3)
            and ($4::text is null or person = $4)
            and ($5::text is null or patient = $5)
            and ($6::text is null or action = $6)
            and ($7::text is null or outcome = $7)
            and ($8::timestamptz is null or (at, id) < ($8, $9))
          order by at desc, id desc limit $10",
        search.from,
        search.until,
        search.client,
        search.person,
        search.patient,
        search.action,
        search.outcome.map(Outcome::as_str),
        after_at,
        after_id,
        page.limit
    )
    .fetch_all(db.pool())
    .await
    .doing("searching the audit trail")?
    .into_iter()
    .map(AuditEvent::try_from)
    .collect()
}
