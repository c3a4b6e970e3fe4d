//! The table `person`.

use crate::model::person::Person;
use crate::protocol::error::{Doing, Fault};

use super::Tx;

/// Inserts a person, or gives one of the same user name a new password and second factor.
pub async fn upsert(tx: &mut Tx, person: &Person) -> Result<(), Fault> {
    sqlx::query!(
        "insert into person (subject, username, password_hash, organization, roles, fhir_user, patients, sealed_totp, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (username) do update
             set subject = excluded.subject, password_hash = excluded.password_hash, sealed_totp = excluded.sealed_totp",
        person.subject,
        person.username,
        person.password_hash,
        person.organization,
        &person.roles,
        person.fhir_user,
        &person.patients,
        person.sealed_totp,
        person.created_at
    )
    .execute(tx.connection())
    .await
    .doing("writing a person")?;
    Ok(())
}
