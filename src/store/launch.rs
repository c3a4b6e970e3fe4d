//! The table `launch`, and how context stands in rows of other tables.

use serde_json::Value;
use uuid::Uuid;

use crate::model::launch::{Handover, Launch};
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::ClientId;
use crate::protocol::launch_context::LaunchContext;

use super::{Db, Tx, meaningless};

struct Row {
    launch_id: Uuid,
    digest: Vec<u8>,
    ehr: String,
    client_id: String,
    audience: String,
    subject: Uuid,
    context: Value,
    created_at: Timestamp,
    expires_at: Timestamp,
    used_at: Option<Timestamp>,
    does_ehr_stand: bool,
}

impl TryFrom<Row> for Launch {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let key = row.launch_id.to_string();
        let wrong = |column| meaningless("launch", column, &key);
        let context = serde_json::from_value(row.context).map_err(|_| wrong("context"))?;
        Ok(Self {
            digest: row.digest.try_into().map_err(|_| wrong("digest"))?,
            does_ehr_stand: row.does_ehr_stand,
            handover: Handover { id: row.launch_id, ehr: row.ehr.clone(), subject: row.subject, context },
            ehr: ClientId::parse(&row.ehr).ok_or_else(|| wrong("ehr"))?,
            client: ClientId::parse(&row.client_id).ok_or_else(|| wrong("client_id"))?,
            audience: row.audience,
            created_at: row.created_at,
            expires_at: row.expires_at,
            used_at: row.used_at,
        })
    }
}

/// Finds a launch by the digest of its handle.
pub async fn find(db: &Db, digest: &[u8; 32]) -> Result<Option<Launch>, Fault> {
    sqlx::query_as!(
        Row,
        r#"select l.launch_id, l.digest, l.ehr, l.client_id, l.audience, l.subject, l.context, l.created_at, l.expires_at,
                l.used_at, c.status = 'active' and c.tokens_not_before <= l.created_at as "does_ehr_stand!"
           from launch l join client c on c.client_id = l.ehr where l.digest = $1"#,
        digest.as_slice()
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a launch")?
    .map(Launch::try_from)
    .transpose()
}

/// How many launches of an EHR can still be shown, counted up to so many.
pub async fn count_open(db: &Db, ehr: &ClientId, most: i64, now: Timestamp) -> Result<i64, Fault> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from
             (select from launch where ehr = $1 and expires_at > $2 and used_at is null limit $3) as open"#,
        ehr.as_str(),
        now,
        most
    )
    .fetch_one(db.pool())
    .await
    .doing("counting launches")
}

/// Inserts a launch.
pub async fn insert(tx: &mut Tx, launch: &Launch) -> Result<(), Fault> {
    sqlx::query!(
        "insert into launch (launch_id, digest, ehr, client_id, audience, subject, context, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        launch.handover.id,
        launch.digest.as_slice(),
        launch.ehr.as_str(),
        launch.client.as_str(),
        launch.audience,
        launch.handover.subject,
        Value::Object(launch.handover.context.members()),
        launch.created_at,
        launch.expires_at
    )
    .execute(tx.connection())
    .await
    .doing("inserting a launch")?;
    Ok(())
}

/// Notes that a handle was shown; the answer tells whether it was the first time, in time, and while the EHR stands.
pub async fn mark_used(tx: &mut Tx, id: Uuid, now: Timestamp) -> Result<bool, Fault> {
    let marked = sqlx::query!(
        "update launch l set used_at = $2 where l.launch_id = $1 and l.used_at is null and l.expires_at > $2
            and exists (select from client c where c.client_id = l.ehr and c.status = 'active'
                               and c.tokens_not_before <= l.created_at)",
        id,
        now
    )
    .execute(tx.connection())
    .await
    .doing("using a launch")?;
    Ok(marked.rows_affected() == 1)
}

/// Removes launches that expired before a time, at most so many.
pub async fn purge(tx: &mut Tx, before: Timestamp, most: i64) -> Result<u64, Fault> {
    let purged = sqlx::query!(
        "delete from launch where launch_id in
             (select launch_id from launch where expires_at < $1 limit $2 for update skip locked)",
        before,
        most
    )
    .execute(tx.connection())
    .await
    .doing("purging launches")?;
    Ok(purged.rows_affected())
}

/// The context of a row whose patient stands in a column of its own.
pub(in crate::store) fn context(rest: &Value, patient: Option<String>) -> Option<LaunchContext> {
    let mut members = rest.as_object()?.clone();
    if let Some(patient) = patient {
        members.insert("patient".to_owned(), Value::String(patient));
    }
    LaunchContext::parse(&members).ok()
}

/// What of a context stands beside the column of its patient.
pub(in crate::store) fn rest(context: &LaunchContext) -> Value {
    let mut members = context.members();
    members.remove("patient");
    Value::Object(members)
}
