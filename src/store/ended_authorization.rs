//! The table `ended_authorization`: what payers have decided.

use crate::model::ended_authorization::EndedAuthorization;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx};

/// Finds which of some requests have ended at a FHIR server.
pub async fn find_ended(
    db: &Db,
    (audience, kind): (&str, &str),
    identities: &[Vec<u8>],
) -> Result<Vec<Vec<u8>>, Fault> {
    sqlx::query_scalar!(
        "select digest from ended_authorization where audience = $1 and type = $2 and digest = any($3::bytea[])",
        audience,
        kind,
        identities
    )
    .fetch_all(db.pool())
    .await
    .doing("looking for what has ended")
}

/// Notes what a decision has ended; the answer tells whether any of it had not ended before.
pub async fn insert_all(tx: &mut Tx, ended: &EndedAuthorization) -> Result<bool, Fault> {
    let identities: Vec<Vec<u8>> = ended.identities.iter().map(|digest| digest.to_vec()).collect();
    // In one order, so that two who report the same at once wait for each other and do not deadlock.
    let inserted = sqlx::query!(
        "insert into ended_authorization (audience, type, digest, client_id, ended_at)
         select $1, $2, named.digest, $4, $5 from unnest($3::bytea[]) as named (digest) order by named.digest
         on conflict do nothing",
        ended.audience,
        ended.kind,
        &identities,
        ended.reported_by.as_str(),
        ended.at
    )
    .execute(tx.connection())
    .await
    .doing("noting what has ended")?;
    Ok(inserted.rows_affected() > 0)
}
