//! The rows of the table `certificate` that this server's own authority has issued.

use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};

use super::Db;

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

/// Finds the revoked certificates that had not expired at a time.
pub async fn find_revoked(db: &Db, expired: Timestamp) -> Result<Vec<Standing>, Fault> {
    sqlx::query_as!(
        Standing,
        "select serial, revoked_at, revocation_reason from certificate
          where origin = 'issued' and revoked_at is not null and not_after > $1 order by revoked_at, serial",
        expired
    )
    .fetch_all(db.pool())
    .await
    .doing("finding revoked certificates")
}

/// Finds the certificates of these serial numbers.
pub async fn find_by_serials(db: &Db, serials: &[String]) -> Result<Vec<Standing>, Fault> {
    sqlx::query_as!(
        Standing,
        "select serial, revoked_at, revocation_reason from certificate
          where origin = 'issued' and serial = any($1)",
        serials
    )
    .fetch_all(db.pool())
    .await
    .doing("finding issued certificates")
}
