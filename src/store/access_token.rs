//! The tables of access tokens: those revoked, those that only introspection explains, those introspected.

use serde_json::Value;
use uuid::Uuid;

use crate::model::access_token::AccessToken;
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx, meaningless};

/// Whether one of these tokens has been revoked, or the certificate to which the first is bound; or one of those that it
/// was obtained with, unless nobody else had the key of that one; or the key that signed it is no key any more. With an
/// authority of this server whatever it has issued is revoked, also what has not been marked yet.
pub async fn is_any_revoked(
    db: &Db,
    ids: &[Uuid],
    (bound_to, obtained_with): (Option<&str>, &[String]),
    signed_by: Option<&str>,
) -> Result<bool, Fault> {
    sqlx::query_scalar!(
        r#"select exists (select from revoked_token where token_id = any($1))
               or exists (select from certificate c
                            left join authority a on a.subject = c.issuer and c.origin = 'issued'
                           where c.thumbprint = $2 and (c.revoked_at is not null or a.revoked_at is not null))
               or exists (select from certificate c
                            left join authority a on a.subject = c.issuer and c.origin = 'issued'
                           where c.thumbprint = any($3)
                             and coalesce(c.revocation_reason, a.revocation_reason) <> 'superseded')
               or ($4::text is not null
                   and not exists (select from signing_key where kid = $4 and withdrawn_at is null)) as "revoked!""#,
        ids,
        bound_to,
        obtained_with,
        signed_by
    )
    .fetch_one(db.pool())
    .await
    .doing("looking for a revocation")
}

/// Revokes a token; the answer tells whether it was alive until now.
pub async fn revoke(tx: &mut Tx, id: Uuid, expires_at: Timestamp, now: Timestamp) -> Result<bool, Fault> {
    let revoked = sqlx::query!(
        "insert into revoked_token (token_id, revoked_at, expires_at) values ($1, $2, $3) on conflict do nothing",
        id,
        now,
        expires_at
    )
    .execute(tx.connection())
    .await
    .doing("revoking a token")?;
    Ok(revoked.rows_affected() == 1)
}

/// Finds the content of an opaque token by its digest.
pub async fn find_opaque(db: &Db, digest: &[u8; 32]) -> Result<Option<AccessToken>, Fault> {
    let claims = sqlx::query_scalar!("select claims from opaque_token where digest = $1", digest.as_slice())
        .fetch_optional(db.pool())
        .await
        .doing("finding an opaque token")?;
    let read = |claims: Value| {
        let token = claims.as_object().and_then(AccessToken::parse);
        token.ok_or_else(|| meaningless("opaque_token", "claims", "a row"))
    };
    claims.map(read).transpose()
}

/// Inserts the content of an opaque token.
pub async fn insert_opaque(tx: &mut Tx, digest: &[u8; 32], token: &AccessToken) -> Result<(), Fault> {
    sqlx::query!(
        "insert into opaque_token (digest, token_id, claims, expires_at) values ($1, $2, $3, $4)",
        digest.as_slice(),
        token.id,
        Value::Object(token.claims()),
        token.expires_at
    )
    .execute(tx.connection())
    .await
    .doing("inserting an opaque token")?;
    Ok(())
}

/// Notes that a resource server has introspected a token; the answer tells whether it is the first time. Then
/// the family of its grant was used too, which is left out while somebody else changes that family.
pub async fn insert_introspected(
    tx: &mut Tx,
    (id, grant): (Uuid, Option<Uuid>),
    audience: &str,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<bool, Fault> {
    sqlx::query_scalar!(
        r#"with noted as (insert into introspected_token (token_id, audience, expires_at) values ($1, $2, $3)
                          on conflict do nothing returning 1),
                used as (update family set used_at = greatest(used_at, $5) where family_id in
                          (select family_id from family where grant_id = $4 and exists (select from noted)
                           for update skip locked))
           select exists (select from noted) as "first!""#,
        id,
        audience,
        expires_at,
        grant,
        now
    )
    .fetch_one(tx.connection())
    .await
    .doing("noting an introspection")
}

/// Removes what concerns tokens that have expired, at most so many rows of each kind; the answer is
/// how many went.
pub async fn purge(tx: &mut Tx, now: Timestamp, most: i64) -> Result<u64, Fault> {
    let purged = sqlx::query_scalar!(
        r#"with revoked as (delete from revoked_token where token_id in
                    (select token_id from revoked_token where expires_at < $1 limit $2 for update skip locked) returning 1),
                opaque as (delete from opaque_token where digest in
                    (select digest from opaque_token where expires_at < $1 limit $2 for update skip locked) returning 1),
                introspected as (delete from introspected_token where (token_id, audience) in
                    (select token_id, audience from introspected_token where expires_at < $1 limit $2 for update skip locked) returning 1)
           select (select count(*) from revoked) + (select count(*) from opaque)
                + (select count(*) from introspected) as "purged!""#,
        now,
        most
    )
    .fetch_one(tx.connection())
    .await
    .doing("purging tokens")?;
    Ok(u64::try_from(purged).unwrap_or_default())
}
