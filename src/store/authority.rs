//! The tables `authority` and `issued_list`.

use crate::jose::algorithm::Algorithm;
use crate::model::authority::{Authority, AuthorityName, RevocationList};
use crate::model::signing_key::Kept;
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx, meaningless};

/// An authority and how its private key is kept.
#[derive(Debug)]
pub struct StoredAuthority {
    /// What is known of it.
    pub authority: Authority,
    /// How its private key is kept.
    pub kept: Kept,
}

struct Row {
    name: String,
    subject: String,
    certificate: Vec<u8>,
    not_after: Timestamp,
    algorithm: String,
    sealed_private_key: Option<Vec<u8>>,
    token_key: Option<String>,
    created_at: Timestamp,
    revocations: i64,
    revoked_at: Option<Timestamp>,
    revocation_reason: Option<String>,
}

impl TryFrom<Row> for StoredAuthority {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let wrong = |column| meaningless("authority", column, &row.name);
        let authority = Authority {
            name: AuthorityName::parse(&row.name).ok_or_else(|| wrong("name"))?,
            algorithm: Algorithm::parse(&row.algorithm).ok_or_else(|| wrong("algorithm"))?,
            certificate: row.certificate,
            subject: row.subject,
            not_after: row.not_after,
            created_at: row.created_at,
            revocations: row.revocations,
            revocation: row.revoked_at.zip(row.revocation_reason),
        };
        let kept = Kept::from_columns(row.sealed_private_key, row.token_key);
        let kept = kept.ok_or_else(|| meaningless("authority", "token_key", &row.name))?;
        Ok(Self { authority, kept })
    }
}

/// Finds the authorities: none, or the root and those that issue.
pub async fn find_all(db: &Db) -> Result<Vec<StoredAuthority>, Fault> {
    sqlx::query_as!(
        Row,
        "select name, subject, certificate, not_after, algorithm, sealed_private_key, token_key, created_at,
                revocations, revoked_at, revocation_reason
           from authority order by name"
    )
    .fetch_all(db.pool())
    .await
    .doing("finding the authorities")?
    .into_iter()
    .map(StoredAuthority::try_from)
    .collect()
}

/// Finds the certificates of the authorities under the root that stand, the newest first, at most so many.
pub async fn find_certificates(db: &Db, now: Timestamp, most: i64) -> Result<Vec<Vec<u8>>, Fault> {
    sqlx::query_scalar!(
        "select certificate from authority where name <> 'root' and revoked_at is null and not_after >= $1
          order by created_at desc, name limit $2",
        now,
        most
    )
    .fetch_all(db.pool())
    .await
    .doing("finding the certificates of authorities")
}

/// Inserts an authority; the answer tells whether there was none of that name.
pub async fn insert(tx: &mut Tx, stored: &StoredAuthority) -> Result<bool, Fault> {
    let StoredAuthority { authority, kept } = stored;
    let (sealed, token) = kept.columns();
    let inserted = sqlx::query!(
        "insert into authority (name, subject, certificate, not_after, algorithm, sealed_private_key, token_key, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (name) do nothing",
        authority.name.to_string(),
        authority.subject,
        authority.certificate,
        authority.not_after,
        authority.algorithm.as_str(),
        sealed,
        token,
        authority.created_at
    );
    Ok(inserted.execute(tx.connection()).await.doing("inserting an authority")?.rows_affected() == 1)
}

/// Has whoever changes the authorities, or revokes what they have issued, wait until the end of the transaction.
pub async fn lock(tx: &mut Tx) -> Result<(), Fault> {
    // In one order, so that nobody waits for one who waits for them; the root first, by which whoever keeps a certificate
    // of one that is made meanwhile waits too.
    sqlx::query!("select name from authority order by name <> 'root', name for no key update")
        .fetch_all(tx.connection())
        .await
        .doing("locking the authorities")?;
    Ok(())
}

/// Has whoever would `lock` the authorities wait until the end of the transaction. Of all rows the root's is there already
/// when another authority is made.
async fn lock_shared(tx: &mut Tx) -> Result<(), Fault> {
    sqlx::query!("select name from authority where name = 'root' for share")
        .fetch_optional(tx.connection())
        .await
        .doing("sharing the authorities")?;
    Ok(())
}

/// Whether an authority has been revoked, by its subject; until the end of the transaction, nobody revokes it.
pub async fn is_revoked_locked(tx: &mut Tx, subject: &str) -> Result<bool, Fault> {
    lock_shared(tx).await?;
    let found = sqlx::query_scalar!(
        r#"select revoked_at is not null as "revoked!" from authority where subject = $1 for share"#,
        subject
    );
    let found = found.fetch_optional(tx.connection()).await.doing("looking for a revoked authority")?;
    // One that is gone vouches for nobody.
    Ok(found.unwrap_or(true))
}

/// Marks an authority as revoked; the answer tells whether it was not before.
pub async fn mark_revoked(
    tx: &mut Tx,
    name: AuthorityName,
    at: Timestamp,
    reason: &str,
) -> Result<bool, Fault> {
    let marked = sqlx::query!(
        "update authority set revoked_at = $2, revocation_reason = $3 where name = $1 and revoked_at is null",
        name.to_string(),
        at,
        reason
    );
    Ok(marked.execute(tx.connection()).await.doing("revoking an authority")?.rows_affected() == 1)
}

/// Counts so many revocations of the authority of a subject, so that the lists written before are out of date. Whoever
/// asks has locked the authorities.
pub async fn count_more_revocations(tx: &mut Tx, subject: &str, many: i64) -> Result<(), Fault> {
    sqlx::query!("update authority set revocations = revocations + $2 where subject = $1", subject, many)
        .execute(tx.connection())
        .await
        .doing("counting revocations")?;
    Ok(())
}

/// Removes the authorities under the root that ended before a time, but the last one; the answer has how their keys were
/// kept in an HSM.
pub async fn purge(tx: &mut Tx, before: Timestamp) -> Result<Vec<Option<String>>, Fault> {
    sqlx::query_scalar!(
        "delete from authority old
          where old.name <> 'root' and old.not_after < $1
            and exists (select from authority next where next.name <> 'root' and next.created_at > old.created_at)
         returning token_key",
        before
    )
    .fetch_all(tx.connection())
    .await
    .doing("purging authorities")
}

/// Finds the newest revocation list of an authority.
pub async fn find_list(db: &Db, name: AuthorityName) -> Result<Option<RevocationList>, Fault> {
    sqlx::query_as!(
        RevocationList,
        "select number, covers, der, this_update, next_update from issued_list where authority = $1",
        name.to_string()
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a revocation list")
}

/// Puts a list in the place of the one before it; the answer tells whether that was still there.
pub async fn replace_list(tx: &mut Tx, name: AuthorityName, list: &RevocationList) -> Result<bool, Fault> {
    let replaced = sqlx::query!(
        "insert into issued_list as old (authority, number, covers, der, this_update, next_update)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (authority) do update
            set number = excluded.number, covers = excluded.covers, der = excluded.der,
                this_update = excluded.this_update, next_update = excluded.next_update
          where old.number = excluded.number - 1",
        name.to_string(),
        list.number,
        list.covers,
        list.der,
        list.this_update,
        list.next_update
    );
    Ok(replaced.execute(tx.connection()).await.doing("replacing a revocation list")?.rows_affected() == 1)
}
