//! The table `consent`: what people have decided.

use uuid::Uuid;

use crate::model::consent::Consent;
use crate::moment::Timestamp;
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
    given_at: Timestamp,
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
            given_at: row.given_at,
        })
    }
}

/// Finds the newest decisions of a person for a client.
pub async fn find_newest(db: &Db, subject: Uuid, client: &ClientId) -> Result<Vec<Consent>, Fault> {
    sqlx::query_as!(
        Row,
        "select consent_id, subject, client_id, audience, patient, scope, given_at from consent
          where subject = $1 and client_id = $2 order by given_at desc limit 20",
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
        "select consent_id, subject, client_id, audience, patient, scope, given_at from consent where consent_id = $1",
        id
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a consent")?
    .map(Consent::try_from)
    .transpose()
}

/// Inserts a decision.
pub async fn insert(tx: &mut Tx, consent: &Consent) -> Result<(), Fault> {
    sqlx::query!(
        "insert into consent (consent_id, subject, client_id, audience, patient, scope, given_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        consent.id,
        consent.subject,
        consent.client.as_str(),
        consent.audience,
        consent.patient,
        consent.scope.to_string(),
        consent.given_at
    )
    .execute(tx.connection())
    .await
    .doing("inserting a consent")?;
    Ok(())
}
