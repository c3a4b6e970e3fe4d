//! The rows of the table `certificate` that this server's own authority has issued.

use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx};

/// What revocation lists and answers of the responder tell of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its serial number in lower-case hexadecimal.
    pub serial: String,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Why.
    pub revocation_reason: Option<String>,
}

/// Finds the revoked certificates of an issuer that had not expired at a time.
pub async fn find_revoked(db: &Db, issuer: &str, expired: Timestamp) -> Result<Vec<Standing>, Fault> {
    sqlx::query_as!(
        Standing,
        "select serial, revoked_at, revocation_reason from certificate
          where origin = 'issued' and issuer = $1 and revoked_at is not null and not_after > $2
          order by revoked_at, serial",
        issuer,
        expired
    )
    .fetch_all(db.pool())
    .await
    .doing("finding revoked certificates")
}

/// Finds the certificates of an issuer by these serial numbers. With the issuer each of them is revoked (RFC 6960, 2.7),
/// also while it has not been marked yet.
pub async fn find_by_serials(db: &Db, issuer: &str, serials: &[String]) -> Result<Vec<Standing>, Fault> {
    sqlx::query_as!(
        Standing,
        r#"select c.serial as "serial!", coalesce(c.revoked_at, a.revoked_at) as revoked_at, c.revocation_reason
             from certificate c left join authority a on a.subject = c.issuer
            where c.origin = 'issued' and c.issuer = $1 and c.serial = any($2)"#,
        issuer,
        serials
    )
    .fetch_all(db.pool())
    .await
    .doing("finding issued certificates")
}

/// When the last certificate ends, of those that were not revoked, of each authority that has any.
pub async fn find_last_ends(db: &Db) -> Result<Vec<(String, Timestamp)>, Fault> {
    let found = sqlx::query!(
        r#"select a.subject as issuer,
                  (select max(c.not_after) from certificate c
                    where c.origin = 'issued' and c.issuer = a.subject and c.revoked_at is null) as last
             from authority a where a.name <> 'root'"#
    );
    let rows = found.fetch_all(db.pool()).await.doing("finding the ends of issued certificates")?;
    Ok(rows.into_iter().filter_map(|row| Some((row.issuer, row.last?))).collect())
}

/// Whether something that an issuer has issued has neither expired nor been marked as revoked.
pub async fn has_unrevoked(db: &Db, issuer: &str, now: Timestamp) -> Result<bool, Fault> {
    let found = sqlx::query_scalar!(
        r#"select exists (select from certificate
                           where origin = 'issued' and issuer = $1 and revoked_at is null
                             and not_after >= $2) as "some!""#,
        issuer,
        now
    );
    found.fetch_one(db.pool()).await.doing("looking for what an authority has issued")
}

/// Marks, as revoked since it was, what an authority that is revoked has issued and that has not expired, at most so many;
/// the answer is how many these were. Of a key that is known it is the issuer's (RFC 5280, 5.3.1).
pub async fn mark_revoked_with_issuer(
    tx: &mut Tx,
    issuer: &str,
    now: Timestamp,
    most: i64,
) -> Result<u64, Fault> {
    let marked = sqlx::query!(
        "update certificate c
            set revoked_at = a.revoked_at,
                revocation_reason = case a.revocation_reason when 'keyCompromise' then 'cACompromise'
                                                             else a.revocation_reason end
           from authority a
          where a.subject = $1 and a.revoked_at is not null and c.revoked_at is null and c.thumbprint in
                (select thumbprint from certificate
                  where origin = 'issued' and issuer = $1 and revoked_at is null and not_after >= $2 limit $3)",
        issuer,
        now,
        most
    );
    Ok(marked.execute(tx.connection()).await.doing("revoking what was issued")?.rows_affected())
}
