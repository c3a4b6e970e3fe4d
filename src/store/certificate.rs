//! The table `certificate`.

use crate::model::certificate::{CertificateOrigin, KnownCertificate};
use crate::moment::Timestamp;
use crate::pki::thumbprint::Thumbprint;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::ClientId;

use super::{Db, Tx, meaningless};

struct Row {
    thumbprint: String,
    client_id: String,
    community: Option<String>,
    der: Vec<u8>,
    subject: String,
    issuer: String,
    serial: String,
    not_before: Timestamp,
    not_after: Timestamp,
    origin: String,
    renews: Option<String>,
    first_seen_at: Timestamp,
    revoked_at: Option<Timestamp>,
    revocation_reason: Option<String>,
}

impl TryFrom<Row> for KnownCertificate {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let wrong = |column| meaningless("certificate", column, &row.thumbprint);
        let renews = row.renews.as_deref().map(|text| Thumbprint::parse(text).ok_or_else(|| wrong("renews")));
        Ok(Self {
            thumbprint: Thumbprint::parse(&row.thumbprint).ok_or_else(|| wrong("thumbprint"))?,
            client: ClientId::parse(&row.client_id).ok_or_else(|| wrong("client_id"))?,
            renews: renews.transpose()?,
            origin: CertificateOrigin::parse(&row.origin).ok_or_else(|| wrong("origin"))?,
            revocation: row.revoked_at.zip(row.revocation_reason),
            community: row.community,
            der: row.der,
            subject: row.subject,
            issuer: row.issuer,
            serial: row.serial,
            not_before: row.not_before,
            not_after: row.not_after,
            first_seen_at: row.first_seen_at,
        })
    }
}

/// Finds a certificate.
pub async fn find(db: &Db, thumbprint: &Thumbprint) -> Result<Option<KnownCertificate>, Fault> {
    sqlx::query_as!(
        Row,
        "select thumbprint, client_id, community, der, subject, issuer, serial, not_before, not_after, origin, renews,
                first_seen_at, revoked_at, revocation_reason
           from certificate where thumbprint = $1",
        thumbprint.as_base64url()
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a certificate")?
    .map(KnownCertificate::try_from)
    .transpose()
}

/// Finds certificates of other authorities that have neither ended nor been revoked, by thumbprint.
pub async fn find_seen(
    db: &Db,
    after: Option<&str>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<KnownCertificate>, Fault> {
    sqlx::query_as!(
        Row,
        "select thumbprint, client_id, community, der, subject, issuer, serial, not_before, not_after, origin, renews,
                first_seen_at, revoked_at, revocation_reason
           from certificate
          where origin = 'seen' and revoked_at is null and not_after >= $2 and thumbprint > coalesce($1, '')
          order by thumbprint limit $3",
        after,
        now,
        limit
    )
    .fetch_all(db.pool())
    .await
    .doing("finding certificates")?
    .into_iter()
    .map(KnownCertificate::try_from)
    .collect()
}

/// Finds a certificate and those that it renews, one after the other, as far as another or at most so many.
pub async fn find_line(
    db: &Db,
    (from, to): (&Thumbprint, &Thumbprint),
    most: i32,
) -> Result<Vec<KnownCertificate>, Fault> {
    sqlx::query_as!(
        Row,
        r#"with recursive line as (
               select c.*, 1 as place from certificate c where c.thumbprint = $1
               union all
               select c.*, line.place + 1 from line join certificate c on c.thumbprint = line.renews
                where line.thumbprint <> $2 and line.place < $3)
           select thumbprint as "thumbprint!", client_id as "client_id!", community, der as "der!", subject as "subject!",
                issuer as "issuer!", serial as "serial!", not_before as "not_before!", not_after as "not_after!",
                origin as "origin!", renews, first_seen_at as "first_seen_at!", revoked_at, revocation_reason
           from line order by place"#,
        from.as_base64url(),
        to.as_base64url(),
        most
    )
    .fetch_all(db.pool())
    .await
    .doing("finding what a certificate renews")?
    .into_iter()
    .map(KnownCertificate::try_from)
    .collect()
}

/// Finds the certificates that were issued to a client and had not expired at a time, the newest first.
pub async fn find_of_client(
    db: &Db,
    client: &ClientId,
    expired: Timestamp,
    most: i64,
) -> Result<Vec<KnownCertificate>, Fault> {
    sqlx::query_as!(
        Row,
        "select thumbprint, client_id, community, der, subject, issuer, serial, not_before, not_after, origin, renews,
                first_seen_at, revoked_at, revocation_reason
           from certificate where client_id = $1 and origin = 'issued' and not_after >= $2
          order by first_seen_at desc, thumbprint limit $3",
        client.as_str(),
        expired,
        most
    )
    .fetch_all(db.pool())
    .await
    .doing("finding the certificates of a client")?
    .into_iter()
    .map(KnownCertificate::try_from)
    .collect()
}

/// Finds the certificates of active clients that were issued here and should be renewed: a third of their life is left at
/// most, and nothing has taken their place. Those that end first come first.
pub async fn find_due(db: &Db, now: Timestamp, most: i64) -> Result<Vec<KnownCertificate>, Fault> {
    sqlx::query_as!(
        Row,
        "select c.thumbprint, c.client_id, c.community, c.der, c.subject, c.issuer, c.serial, c.not_before, c.not_after,
                c.origin, c.renews, c.first_seen_at, c.revoked_at, c.revocation_reason
           from certificate c
          where c.origin = 'issued' and c.revoked_at is null and c.not_after > $1
            and c.not_after - (c.not_after - c.not_before) / 3 <= $1
            and not exists (select from certificate n where n.renews = c.thumbprint and n.revoked_at is null)
            and exists (select from client where client.client_id = c.client_id and client.status = 'active')
          order by c.not_after, c.thumbprint limit $2",
        now,
        most
    )
    .fetch_all(db.pool())
    .await
    .doing("finding certificates to renew")?
    .into_iter()
    .map(KnownCertificate::try_from)
    .collect()
}

/// Finds the certificates that were issued in the place of one, the newest first.
pub async fn find_renewals(db: &Db, renewed: &Thumbprint) -> Result<Vec<KnownCertificate>, Fault> {
    sqlx::query_as!(
        Row,
        "select thumbprint, client_id, community, der, subject, issuer, serial, not_before, not_after, origin, renews,
                first_seen_at, revoked_at, revocation_reason
           from certificate where renews = $1 and origin = 'issued' order by first_seen_at desc, thumbprint",
        renewed.as_base64url()
    )
    .fetch_all(db.pool())
    .await
    .doing("finding what took the place of a certificate")?
    .into_iter()
    .map(KnownCertificate::try_from)
    .collect()
}

/// How many certificates of a client were renewed since a time.
pub async fn count_renewed(tx: &mut Tx, client: &ClientId, since: Timestamp) -> Result<i64, Fault> {
    sqlx::query_scalar!(
        r#"select count(*) as "many!" from certificate
            where client_id = $1 and origin = 'issued' and renews is not null and first_seen_at > $2"#,
        client.as_str(),
        since
    )
    .fetch_one(tx.connection())
    .await
    .doing("counting renewals")
}

/// Whether a certificate has been revoked, or the authority of this server that has issued it; until the end of the
/// transaction, nobody revokes it.
pub async fn is_revoked_locked(tx: &mut Tx, thumbprint: &Thumbprint) -> Result<bool, Fault> {
    let found = sqlx::query_scalar!(
        r#"select c.revoked_at is not null or a.revoked_at is not null as "revoked!"
             from certificate c left join authority a on a.subject = c.issuer and c.origin = 'issued'
            where c.thumbprint = $1 for share of c"#,
        thumbprint.as_base64url()
    );
    let found = found.fetch_optional(tx.connection()).await.doing("looking for a revoked certificate")?;
    // What is not known vouches for nothing.
    Ok(found.unwrap_or(true))
}

/// Whether a certificate was revoked, or the authority of this server that has issued it.
pub async fn is_revoked(db: &Db, thumbprint: &str) -> Result<bool, Fault> {
    let found = sqlx::query_scalar!(
        r#"select exists (select from certificate c
                            left join authority a on a.subject = c.issuer and c.origin = 'issued'
                           where c.thumbprint = $1
                             and (c.revoked_at is not null or a.revoked_at is not null)) as "revoked!""#,
        thumbprint
    );
    found.fetch_one(db.pool()).await.doing("looking for a revoked certificate")
}

/// Whether one of these certificates was revoked, by their thumbprints, or the authority of this server that has issued it.
pub async fn is_any_revoked(db: &Db, thumbprints: &[String]) -> Result<bool, Fault> {
    let found = sqlx::query_scalar!(
        r#"select exists (select from certificate c
                            left join authority a on a.subject = c.issuer and c.origin = 'issued'
                           where c.thumbprint = any($1)
                             and (c.revoked_at is not null or a.revoked_at is not null)) as "revoked!""#,
        thumbprints
    );
    found.fetch_one(db.pool()).await.doing("looking for revoked certificates")
}

/// How many of these certificates are known, by their thumbprints.
pub async fn count(db: &Db, thumbprints: &[String]) -> Result<i64, Fault> {
    let found = sqlx::query_scalar!(
        r#"select count(*) as "many!" from certificate where thumbprint = any($1)"#,
        thumbprints
    );
    found.fetch_one(db.pool()).await.doing("counting certificates")
}

/// Notes a certificate; one that is known already stays as it is, but that one which was only registered is from then
/// on whose it was shown or issued to be.
pub async fn note(tx: &mut Tx, known: &KnownCertificate) -> Result<u64, Fault> {
    let noted = sqlx::query!(
        "with taken as (update certificate set client_id = $2, community = $3, origin = $10, first_seen_at = $12
                          where thumbprint = $1 and origin = 'registered' and $10 <> 'registered')
         insert into certificate (thumbprint, client_id, community, der, subject, issuer, serial, not_before,
                                  not_after, origin, renews, first_seen_at, key_thumbprint)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict (thumbprint) do nothing",
        known.thumbprint.as_base64url(),
        known.client.as_str(),
        known.community,
        known.der,
        known.subject,
        known.issuer,
        known.serial,
        known.not_before,
        known.not_after,
        known.origin.as_str(),
        known.renews.map(|renewed| renewed.as_base64url()),
        known.first_seen_at,
        known.key_thumbprint()
    );
    Ok(noted.execute(tx.connection()).await.doing("noting a certificate")?.rows_affected())
}

/// Keeps with which certificate its holder had proved who they are when they asked for another.
pub async fn mark_asked_with(tx: &mut Tx, thumbprint: &Thumbprint, shown: &str) -> Result<(), Fault> {
    sqlx::query!(
        "update certificate set asked_with = $2 where thumbprint = $1",
        thumbprint.as_base64url(),
        shown
    )
    .execute(tx.connection())
    .await
    .doing("keeping what a certificate was asked for with")?;
    Ok(())
}

/// Removes the certificates of a client that stood in its registration alone, but for these.
pub async fn purge_registered(tx: &mut Tx, client: &ClientId, but: &[String]) -> Result<(), Fault> {
    sqlx::query!(
        "delete from certificate
          where client_id = $1 and origin = 'registered' and revoked_at is null and thumbprint <> all($2)",
        client.as_str(),
        but
    )
    .execute(tx.connection())
    .await
    .doing("removing certificates that are registered no more")?;
    Ok(())
}

/// Marks a certificate as revoked; one that was revoked before stays as it is.
pub async fn mark_revoked(
    tx: &mut Tx,
    thumbprint: &Thumbprint,
    at: Timestamp,
    reason: &str,
) -> Result<u64, Fault> {
    let marked = sqlx::query!(
        "update certificate set revoked_at = $2, revocation_reason = $3 where thumbprint = $1 and revoked_at is null",
        thumbprint.as_base64url(),
        at,
        reason
    );
    Ok(marked.execute(tx.connection()).await.doing("revoking a certificate")?.rows_affected())
}

/// Replaces the reason of a certificate that was revoked for another, which it had; when it was revoked stays.
pub async fn mark_reason(
    tx: &mut Tx,
    thumbprint: &Thumbprint,
    (before, reason): (&str, &str),
) -> Result<u64, Fault> {
    let marked = sqlx::query!(
        "update certificate set revocation_reason = $3 where thumbprint = $1 and revocation_reason = $2",
        thumbprint.as_base64url(),
        before,
        reason
    );
    Ok(marked.execute(tx.connection()).await.doing("replacing the reason of a revocation")?.rows_affected())
}

/// Finds when and why a certificate was revoked, or the authority of this server that has issued it; until the end of
/// the transaction, nobody changes that.
pub async fn find_revocation_locked(
    tx: &mut Tx,
    thumbprint: &Thumbprint,
) -> Result<Option<(Timestamp, String)>, Fault> {
    let found = sqlx::query!(
        "select coalesce(c.revoked_at, a.revoked_at) as revoked_at,
                coalesce(c.revocation_reason, case a.revocation_reason when 'keyCompromise' then 'cACompromise'
                                                                       else a.revocation_reason end) as revocation_reason
           from certificate c left join authority a on a.subject = c.issuer and c.origin = 'issued'
          where c.thumbprint = $1 for update of c",
        thumbprint.as_base64url()
    );
    let found = found.fetch_optional(tx.connection()).await.doing("looking for a revoked certificate")?;
    Ok(found.and_then(|row| row.revoked_at.zip(row.revocation_reason)))
}

/// Marks, as revoked, those that were issued in the place of a certificate or to whoever showed it, to whoever showed
/// these, and so on. One that was revoked before stays as it is, but that a stolen key is told of it too, whatever was
/// told before. The answer is the issuer of each.
pub async fn mark_followers_revoked(
    tx: &mut Tx,
    thumbprint: &Thumbprint,
    at: Timestamp,
    reason: &str,
) -> Result<Vec<String>, Fault> {
    sqlx::query_scalar!(
        "with recursive follower as (
             select thumbprint from certificate where renews = $1 or asked_with = $1
             union
             select c.thumbprint from follower f
               join certificate c on c.renews = f.thumbprint or c.asked_with = f.thumbprint)
         update certificate set revoked_at = coalesce(revoked_at, $2), revocation_reason = $3
          where thumbprint in (select thumbprint from follower)
            and (revoked_at is null or ($3 = 'keyCompromise' and revocation_reason <> $3))
         returning issuer",
        thumbprint.as_base64url(),
        at,
        reason
    )
    .fetch_all(tx.connection())
    .await
    .doing("revoking what came of a certificate")
}

/// Removes certificates of other authorities that ended before a time and were not revoked, and any that ended before
/// another, at most so many.
pub async fn purge(tx: &mut Tx, (seen, any): (Timestamp, Timestamp), most: i64) -> Result<u64, Fault> {
    let purged = sqlx::query!(
        "delete from certificate where thumbprint in
             (select thumbprint from certificate
               where not_after < $1 and (not_after < $2 or (origin <> 'issued' and revoked_at is null))
               limit $3 for update skip locked)",
        seen,
        any,
        most
    )
    .execute(tx.connection())
    .await
    .doing("purging certificates")?;
    Ok(purged.rows_affected())
}
