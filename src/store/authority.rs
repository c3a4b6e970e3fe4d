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
    certificate: Vec<u8>,
    algorithm: String,
    sealed_private_key: Option<Vec<u8>>,
    token_key: Option<String>,
    created_at: Timestamp,
    revocations: i64,
}

impl TryFrom<Row> for StoredAuthority {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let wrong = |column| meaningless("authority", column, &row.name);
        let authority = Authority {
            name: AuthorityName::parse(&row.name).ok_or_else(|| wrong("name"))?,
            algorithm: Algorithm::parse(&row.algorithm).ok_or_else(|| wrong("algorithm"))?,
            certificate: row.certificate,
            created_at: row.created_at,
            revocations: row.revocations,
        };
        let kept = Kept::from_columns(row.sealed_private_key, row.token_key);
        let kept = kept.ok_or_else(|| meaningless("authority", "token_key", authority.name.as_str()))?;
        Ok(Self { authority, kept })
    }
}

/// Finds the authorities; there are two or none.
pub async fn find_all(db: &Db) -> Result<Vec<StoredAuthority>, Fault> {
    sqlx::query_as!(
        Row,
        "select name, certificate, algorithm, sealed_private_key, token_key, created_at, revocations
           from authority order by name"
    )
    .fetch_all(db.pool())
    .await
    .doing("finding the authorities")?
    .into_iter()
    .map(StoredAuthority::try_from)
    .collect()
}

/// Inserts an authority; the answer tells whether there was none of that name.
pub async fn insert(tx: &mut Tx, stored: &StoredAuthority) -> Result<bool, Fault> {
    let StoredAuthority { authority, kept } = stored;
    let (sealed, token) = kept.columns();
    let inserted = sqlx::query!(
        "insert into authority (name, certificate, algorithm, sealed_private_key, token_key, created_at)
         values ($1, $2, $3, $4, $5, $6) on conflict (name) do nothing",
        authority.name.as_str(),
        authority.certificate,
        authority.algorithm.as_str(),
        sealed,
        token,
        authority.created_at
    );
    Ok(inserted.execute(tx.connection()).await.doing("inserting an authority")?.rows_affected() == 1)
}

/// Counts so many revocations, so that the lists written before are out of date. Others of this authority wait.
pub async fn count_more_revocations(tx: &mut Tx, name: AuthorityName, many: i64) -> Result<(), Fault> {
    sqlx::query!("update authority set revocations = revocations + $2 where name = $1", name.as_str(), many)
        .execute(tx.connection())
        .await
        .doing("counting revocations")?;
    Ok(())
}

/// How many certificates of an authority have been revoked; `None` where there is no such authority.
pub async fn count_revocations(db: &Db, name: AuthorityName) -> Result<Option<i64>, Fault> {
    sqlx::query_scalar!("select revocations from authority where name = $1", name.as_str())
        .fetch_optional(db.pool())
        .await
        .doing("counting revocations")
}

/// Finds the newest revocation list of an authority.
pub async fn find_list(db: &Db, name: AuthorityName) -> Result<Option<RevocationList>, Fault> {
    sqlx::query_as!(
        RevocationList,
        "select number, covers, der, this_update, next_update from issued_list where authority = $1",
        name.as_str()
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
        name.as_str(),
        list.number,
        list.covers,
        list.der,
        list.this_update,
        list.next_update
    );
    Ok(replaced.execute(tx.connection()).await.doing("replacing a revocation list")?.rows_affected() == 1)
}
