//! What the tables `certificate` and `certificate_warning` say of the ends of certificates.

use time::Duration;

use crate::model::watched_certificate::{Kind, Place, Wanted, WatchedCertificate};
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx};

struct Row {
    thumbprint: String,
    client_id: String,
    community: Option<String>,
    subject: String,
    issuer: String,
    not_before: Timestamp,
    not_after: Timestamp,
    renews: Option<String>,
    revoked_at: Option<Timestamp>,
}

impl From<Row> for WatchedCertificate {
    fn from(row: Row) -> Self {
        Self {
            kind: Kind::Client,
            subject: row.subject,
            issuer: row.issuer,
            thumbprint: row.thumbprint,
            not_before: row.not_before,
            not_after: row.not_after,
            client: Some(row.client_id),
            community: row.community,
            renews: row.renews,
            revoked_at: row.revoked_at,
            label: None,
            ahead: Duration::ZERO,
        }
    }
}

/// A client's certificate whose end is near.
pub struct Ending {
    /// The certificate.
    pub certificate: WatchedCertificate,
    /// Whether its client is active and has no certificate that ends later: of those that were shown or issued, since
    /// one that stands in the registration replaces none, and none replaces it.
    pub matters: bool,
}

/// Finds clients' certificates in the order of their ends.
pub async fn find_page(
    db: &Db,
    wanted: &Wanted,
    after: Option<&Place>,
    limit: i64,
) -> Result<Vec<WatchedCertificate>, Fault> {
    let end = after.and_then(|place| Timestamp::from_unix_timestamp(place.not_after).ok());
    let thumbprint = after.map_or("", |place| place.thumbprint.as_str());
    let itself = after.is_some_and(|place| Kind::Client.as_str() > place.purpose.as_str());
    let found = sqlx::query_as!(
        Row,
        r#"select thumbprint, client_id, community, subject, issuer, not_before, not_after, renews, revoked_at
             from certificate
            where ($1::timestamptz is null or not_after < $1) and ($2::text is null or client_id = $2)
              and ($3::timestamptz is null or not_after > $3
                   or (not_after = $3 and (thumbprint collate "C" > $4 or (thumbprint = $4 and $5))))
            order by not_after, thumbprint collate "C" limit $6"#,
        wanted.before,
        wanted.client,
        end,
        thumbprint,
        itself,
        limit
    );
    let found = found.fetch_all(db.pool()).await.doing("finding certificates by their ends")?;
    Ok(found.into_iter().map(WatchedCertificate::from).collect())
}

/// Finds when the first certificate ends that is neither revoked nor replaced.
pub async fn find_first_end(db: &Db, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    sqlx::query_scalar!(
        "select c.not_after from certificate c
          where c.not_after > $1 and c.revoked_at is null
            and not exists (select from certificate n where n.client_id = c.client_id and n.revoked_at is null
                                                        and n.not_after > c.not_after
                                                        and c.origin <> 'registered' and n.origin <> 'registered')
            and exists (select from client where client.client_id = c.client_id and client.status = 'active')
          order by c.not_after limit 1",
        now
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding the certificate that ends first")
}

/// Finds clients' certificates that end within a time and were last told of for one of these thresholds.
pub async fn find_ending(
    db: &Db,
    (from, until): (Timestamp, Timestamp),
    told: &[i16],
    limit: i64,
) -> Result<Vec<Ending>, Fault> {
    let found = sqlx::query!(
        r#"select c.thumbprint, c.client_id, c.community, c.subject, c.issuer, c.not_before, c.not_after, c.renews,
                  (exists (select from client where client.client_id = c.client_id and client.status = 'active')
                   and not exists (select from certificate n where n.client_id = c.client_id
                                      and n.revoked_at is null and n.not_after > c.not_after
                                      and c.origin <> 'registered' and n.origin <> 'registered')) as "matters!"
             from certificate c
            where c.warned_days = any($3) and c.revoked_at is null and c.not_after > $1 and c.not_after <= $2
            order by c.not_after limit $4"#,
        from,
        until,
        told,
        limit
    );
    let found = found.fetch_all(db.pool()).await.doing("finding certificates that end soon")?;
    let read = found.into_iter().map(|row| Ending {
        matters: row.matters,
        certificate: WatchedCertificate::from(Row {
            thumbprint: row.thumbprint,
            client_id: row.client_id,
            community: row.community,
            subject: row.subject,
            issuer: row.issuer,
            not_before: row.not_before,
            not_after: row.not_after,
            renews: row.renews,
            revoked_at: None,
        }),
    });
    Ok(read.collect())
}

/// Notes a threshold of clients' certificates; the answer is of how many it was not noted before.
pub async fn mark_warned(tx: &mut Tx, thumbprints: &[String], days: i16) -> Result<u64, Fault> {
    let marked = sqlx::query!(
        "update certificate set warned_days = $2
          where thumbprint = any($1) and warned_days > $2 and revoked_at is null",
        thumbprints,
        days
    );
    Ok(marked.execute(tx.connection()).await.doing("noting that certificates end")?.rows_affected())
}

/// Finds the thresholds that were told of other certificates.
pub async fn find_warnings(db: &Db, thumbprints: &[String]) -> Result<Vec<(String, i16)>, Fault> {
    let found = sqlx::query!(
        "select thumbprint, days from certificate_warning where thumbprint = any($1)",
        thumbprints
    );
    let found = found.fetch_all(db.pool()).await.doing("finding warnings of certificates")?;
    Ok(found.into_iter().map(|row| (row.thumbprint, row.days)).collect())
}

/// Notes a threshold of another certificate; the answer tells whether it was not noted before.
pub async fn insert_warning(tx: &mut Tx, thumbprint: &str, days: i16, at: Timestamp) -> Result<bool, Fault> {
    let noted = sqlx::query!(
        "insert into certificate_warning (thumbprint, days, at) values ($1, $2, $3)
             on conflict (thumbprint) do update set days = excluded.days, at = excluded.at
                  where certificate_warning.days > excluded.days",
        thumbprint,
        days,
        at
    );
    Ok(noted.execute(tx.connection()).await.doing("noting that a certificate ends")?.rows_affected() == 1)
}
