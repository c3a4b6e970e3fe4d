//! The keys of the table `certificate` that are certified no more. Not counted are certificates that were but replaced or
//! not needed any more, and those whose issuer's key, not their own, was known to somebody (RFC 5280, 5.3.1).

use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx};

/// Whether a certificate of a key was revoked, whoever it was issued to, so that the key counts for nothing.
pub async fn is_revoked(db: &Db, key_thumbprint: &str) -> Result<bool, Fault> {
    let found = sqlx::query_scalar!(
        r#"select exists (select from certificate
                           where key_thumbprint = $1 and revoked_at is not null and revocation_reason not in
                                 ('superseded', 'cessationOfOperation', 'cACompromise')) as "revoked!""#,
        key_thumbprint
    );
    found.fetch_one(db.pool()).await.doing("looking for a revoked key")
}

/// The same, in the transaction of a change.
pub async fn is_revoked_in(tx: &mut Tx, key_thumbprint: &str) -> Result<bool, Fault> {
    let found = sqlx::query_scalar!(
        r#"select exists (select from certificate
                           where key_thumbprint = $1 and revoked_at is not null and revocation_reason not in
                                 ('superseded', 'cessationOfOperation', 'cACompromise')) as "revoked!""#,
        key_thumbprint
    );
    found.fetch_one(tx.connection()).await.doing("looking for a revoked key")
}
