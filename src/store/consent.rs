//! The table `consent`: what people have decided.

use serde_json::Value;
use uuid::Uuid;

use crate::model::consent::Consent;
use crate::moment::Timestamp;
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::ClientId;
use crate::scope::set::ScopeSet;

use super::{Db, Tx, meaningless};

struct Row {
    consent_id: Uuid,
    subject: Uuid,
    client_id: String,
    audience: String,
    patient: Option<String>,
    scope: String,
    authorization_details: Value,
    given_at: Timestamp,
    by_policy: bool,
    withdrawn_at: Option<Timestamp>,
    claims: Vec<String>,
}

impl TryFrom<Row> for Consent {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let key = row.consent_id.to_string();
        Ok(Self {
            id: row.consent_id,
            subject: row.subject,
            client: ClientId::parse(&row.client_id)
                .ok_or_else(|| meaningless("consent", "client_id", &key))?,
            audience: row.audience,
            patient: row.patient,
            scope: ScopeSet::parse(&row.scope).map_err(|_| meaningless("consent", "scope", &key))?,
            details: AuthorizationDetails::of_stored(row.authorization_details)
                .ok_or_else(|| meaningless("consent", "authorization_details", &key))?,
            given_at: row.given_at,
            by_policy: row.by_policy,
            withdrawn_at: row.withdrawn_at,
            claims: row.claims,
        })
    }
}

/// Finds the newest decisions of a person for a client that were not withdrawn, unless the database was restored
/// since. What policy gave is given anew each time.
pub async fn find_newest(db: &Db, subject: Uuid, client: &ClientId) -> Result<Vec<Consent>, Fault> {
    sqlx::query_as!(
        Row,
        "select consent_id, subject, client_id, audience, patient, scope, given_at, by_policy, withdrawn_at, claims, authorization_details from consent
          where subject = $1 and client_id = $2 and withdrawn_at is null and not by_policy
            and epoch = (select number from epoch)
          order by given_at desc limit 20",
        subject,
        client.as_str()
    )
    .fetch_all(db.pool())
    .await
    .doing("finding consents")?
    .into_iter()
    .map(Consent::try_from)
    .collect()
}

/// Finds a decision.
pub async fn find(db: &Db, id: Uuid) -> Result<Option<Consent>, Fault> {
    sqlx::query_as!(
        Row,
        "select consent_id, subject, client_id, audience, patient, scope, given_at, by_policy, withdrawn_at, claims, authorization_details from consent
          where consent_id = $1",
        id
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a consent")?
    .map(Consent::try_from)
    .transpose()
}

/// Finds what a person has agreed to since a time and not withdrawn; of decisions that say the same, the first. Of
/// more than so many the newest of each client come first. What policy gave, no person has agreed to.
pub async fn find_of_person(
    db: &Db,
    subject: Uuid,
    since: Timestamp,
    most: i64,
) -> Result<Vec<Consent>, Fault> {
    sqlx::query_as!(
        Row,
        "with first as
             (select distinct on (client_id, audience, patient, scope, claims, authorization_details) * from consent
               where subject = $1 and given_at >= $2 and withdrawn_at is null and not by_policy
                 and epoch = (select number from epoch)
               order by client_id, audience, patient, scope, claims, authorization_details, given_at)
         select consent_id, subject, client_id, audience, patient, scope, given_at, by_policy, withdrawn_at, claims, authorization_details from first
          order by row_number() over (partition by client_id order by given_at desc), given_at desc limit $3",
        subject,
        since,
        most
    )
    .fetch_all(db.pool())
    .await
    .doing("finding what a person agreed to")?
    .into_iter()
    .map(Consent::try_from)
    .collect()
}

/// Whether something has ended that a person had let a client do.
pub async fn was_withdrawn(db: &Db, subject: Uuid, client: &ClientId) -> Result<bool, Fault> {
    sqlx::query_scalar!(
        r#"select exists (select from consent
                           where subject = $1 and client_id = $2 and withdrawn_at is not null)
               or exists (select from family
                           where subject = $1 and client_id = $2 and revoked_at is not null) as "withdrawn!""#,
        subject,
        client.as_str()
    )
    .fetch_one(db.pool())
    .await
    .doing("looking for what was withdrawn")
}

/// Whether a decision stands; until the transaction ends nobody withdraws it.
pub async fn lock_standing(tx: &mut Tx, id: Uuid) -> Result<bool, Fault> {
    let found = sqlx::query_scalar!(
        r#"select true as "stands!" from consent where consent_id = $1 and withdrawn_at is null for share"#,
        id
    )
    .fetch_optional(tx.connection())
    .await
    .doing("locking a consent")?;
    Ok(found.is_some())
}

/// Withdraws every decision of a person for a client; the answer is how many stood until now.
pub async fn mark_all_withdrawn(
    tx: &mut Tx,
    (subject, client): (Uuid, &ClientId),
    now: Timestamp,
) -> Result<u64, Fault> {
    // Whoever was reset agrees from the next whole second on, which may be ahead.
    let withdrawn = sqlx::query!(
        "update consent set withdrawn_at = greatest(given_at, $3)
          where subject = $1 and client_id = $2 and withdrawn_at is null",
        subject,
        client.as_str(),
        now
    )
    .execute(tx.connection())
    .await
    .doing("withdrawing consents")?;
    Ok(withdrawn.rows_affected())
}

/// Removes what policy gave before a time, at most so many: it is read when its code is issued, and never again.
pub async fn purge_given_by_policy(tx: &mut Tx, before: Timestamp, most: i64) -> Result<u64, Fault> {
    let purged = sqlx::query!(
        "delete from consent where consent_id in
             (select consent_id from consent where by_policy and given_at < $1 limit $2 for update skip locked)",
        before,
        most
    )
    .execute(tx.connection())
    .await
    .doing("purging what policy gave")?;
    Ok(purged.rows_affected())
}

/// Inserts a decision.
pub async fn insert(tx: &mut Tx, consent: &Consent) -> Result<(), Fault> {
    sqlx::query!(
        "insert into consent (consent_id, subject, client_id, audience, patient, scope, given_at, by_policy, claims, authorization_details, epoch)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, number from epoch",
        consent.id,
        consent.subject,
        consent.client.as_str(),
        consent.audience,
        consent.patient,
        consent.scope.to_string(),
        consent.given_at,
        consent.by_policy,
        &consent.claims,
        consent.details.to_json()
    )
    .execute(tx.connection())
    .await
    .doing("inserting a consent")?;
    Ok(())
}
