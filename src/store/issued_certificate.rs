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

/// Finds the certificates of an issuer by these serial numbers.
pub async fn find_by_serials(db: &Db, issuer: &str, serials: &[String]) -> Result<Vec<Standing>, Fault> {
    sqlx::query_as!(
        Standing,
        "select serial, revoked_at, revocation_reason from certificate
          where origin = 'issued' and issuer = $1 and serial = any($2)",
        issuer,
        serials
    )
    .fetch_all(db.pool())
    .await
    .doing("finding issued certificates")
}

/// When the last certificate of each issuer ends.
pub async fn find_last_ends(db: &Db) -> Result<Vec<(String, Timestamp)>, Fault> {
    let found = sqlx::query!(
        r#"select issuer, max(not_after) as "last!" from certificate where origin = 'issued' group by issuer"#
    );
    let rows = found.fetch_all(db.pool()).await.doing("finding the ends of issued certificates")?;
    Ok(rows.into_iter().map(|row| (row.issuer, row.last)).collect())
}

/// Marks, as revoked, whatever an issuer has issued that has not expired; the answer is how many these were.
pub async fn mark_all_revoked(tx: &mut Tx, issuer: &str, now: Timestamp, reason: &str) -> Result<u64, Fault> {
    let marked = sqlx::query!(
        "update certificate set revoked_at = $2, revocation_reason = $3
          where origin = 'issued' and issuer = $1 and revoked_at is null and not_after >= $2",
        issuer,
        now,
        reason
    );
    Ok(marked.execute(tx.connection()).await.doing("revoking what was issued")?.rows_affected())
}
