//! The table `family`.

use std::collections::HashMap;

use serde_json::Value;
use time::Duration;
use uuid::Uuid;

use crate::model::binding::Binding;
use crate::model::delegation::{Delegation, SignIn, Voucher};
use crate::model::family::{Family, Surroundings};
use crate::model::session::Session;
use crate::model::standing::Standing;
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::ClientId;
use crate::scope::set::ScopeSet;

use super::launch::{context, rest};
use super::standing::Columns;
use super::{Db, Tx, meaningless};

/// A family with what it is judged by.
#[derive(Debug)]
pub struct Found {
    /// The family.
    pub family: Family,
    /// The person as they stand now.
    pub person: Standing,
    /// The session in which it began, if it has not been purged.
    session: Option<Session>,
    /// The present epoch.
    epoch: i64,
}

impl Found {
    /// What the family is judged by at a time, where sessions may rest for so long.
    #[must_use]
    pub fn surroundings(&self, idle: Duration, now: Timestamp) -> Surroundings {
        Surroundings {
            person: self.person.clone(),
            is_session_open: self.session.as_ref().is_some_and(|session| session.is_open(idle, now)),
            epoch: self.epoch,
        }
    }
}

struct Row {
    family_id: Uuid,
    grant_id: Uuid,
    client_id: String,
    subject: Uuid,
    session_id: Uuid,
    consent_id: Uuid,
    scope: String,
    audience: String,
    patient: Option<String>,
    context: Value,
    particulars: Value,
    vouched_by: String,
    methods: Vec<String>,
    authenticated_at: Timestamp,
    binding: Option<Value>,
    generation: i64,
    rotated_at: Option<Timestamp>,
    created_at: Timestamp,
    expires_at: Timestamp,
    ends_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    organization: String,
    roles: Vec<String>,
    fhir_user: Option<String>,
    status: String,
    not_before: Timestamp,
    version: i64,
    acts_for: Option<String>,
    used_at: Option<Timestamp>,
    session_ends_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    begun_in: i64,
    epoch: i64,
}

impl TryFrom<Row> for Found {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let key = row.grant_id.to_string();
        let wrong = |column| meaningless("family", column, &key);
        let person = Standing::try_from(Columns {
            subject: row.subject,
            organization: row.organization,
            roles: row.roles,
            fhir_user: row.fhir_user,
            status: row.status,
            not_before: row.not_before,
            version: row.version,
            acts_for: row.acts_for,
        })?;
        let session = row.used_at.zip(row.session_ends_at).map(|(used_at, ends_at)| Session {
            id: row.session_id,
            subject: row.subject,
            methods: row.methods.clone(),
            authenticated_at: row.authenticated_at,
            used_at,
            ends_at,
            ended_at: row.ended_at,
        });
        let delegation = Delegation {
            client: ClientId::parse(&row.client_id).ok_or_else(|| wrong("client_id"))?,
            subject: row.subject,
            consent: row.consent_id,
            scope: ScopeSet::parse(&row.scope).map_err(|_| wrong("scope"))?,
            audience: row.audience,
            context: context(&row.context, row.patient).ok_or_else(|| wrong("context"))?,
            voucher: Voucher::parse(&row.vouched_by).ok_or_else(|| wrong("vouched_by"))?,
            sign_in: SignIn { session: row.session_id, methods: row.methods, at: row.authenticated_at },
            particulars: serde_json::from_value(row.particulars).map_err(|_| wrong("particulars"))?,
        };
        let binding = row
            .binding
            .map(|binding| Binding::parse(&binding).ok_or_else(|| wrong("binding")))
            .transpose()?;
        let family = Family {
            id: row.family_id,
            epoch: row.begun_in,
            grant: row.grant_id,
            delegation,
            binding,
            generation: row.generation,
            rotated_at: row.rotated_at,
            created_at: row.created_at,
            expires_at: row.expires_at,
            ends_at: row.ends_at,
            revoked_at: row.revoked_at,
        };
        Ok(Self { family, person, session, epoch: row.epoch })
    }
}

/// Finds a family, with what it is judged by.
pub async fn find(db: &Db, id: Uuid) -> Result<Option<Found>, Fault> {
    sqlx::query_as!(
        Row,
        r#"select f.family_id, f.grant_id, f.client_id, f.subject, f.session_id, f.consent_id, f.scope, f.audience, f.patient, f.context, f.particulars, f.vouched_by,
                f.methods, f.authenticated_at, f.binding, f.generation, f.rotated_at, f.created_at, f.expires_at, f.ends_at,
                f.revoked_at, p.organization, p.roles, p.fhir_user, p.status, p.not_before, p.version, r.patient as "acts_for?",
                s.used_at as "used_at?", s.ends_at as "session_ends_at?", s.ended_at as "ended_at?", f.epoch as begun_in, e.number as epoch
           from family f join person p using (subject) cross join epoch e
                left join session s on s.session_id = f.session_id and s.epoch = e.number
                left join relationship r on r.subject = f.subject and r.audience = f.audience and r.patient = f.patient
          where f.family_id = $1"#,
        id
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a family")?
    .map(Found::try_from)
    .transpose()
}

/// Finds the family of an access token, with what it is judged by.
pub async fn find_by_grant(db: &Db, grant: Uuid) -> Result<Option<Found>, Fault> {
    sqlx::query_as!(
        Row,
        r#"select f.family_id, f.grant_id, f.client_id, f.subject, f.session_id, f.consent_id, f.scope, f.audience, f.patient, f.context, f.particulars, f.vouched_by,
                f.methods, f.authenticated_at, f.binding, f.generation, f.rotated_at, f.created_at, f.expires_at, f.ends_at,
                f.revoked_at, p.organization, p.roles, p.fhir_user, p.status, p.not_before, p.version, r.patient as "acts_for?",
                s.used_at as "used_at?", s.ends_at as "session_ends_at?", s.ended_at as "ended_at?", f.epoch as begun_in, e.number as epoch
           from family f join person p using (subject) cross join epoch e
                left join session s on s.session_id = f.session_id and s.epoch = e.number
                left join relationship r on r.subject = f.subject and r.audience = f.audience and r.patient = f.patient
          where f.grant_id = $1"#,
        grant
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a family")?
    .map(Found::try_from)
    .transpose()
}

/// Finds the families of a person that were neither revoked nor have expired, with what they are judged by. Of more
/// than so many the newest of each client come first.
pub async fn find_of_person(db: &Db, subject: Uuid, now: Timestamp, most: i64) -> Result<Vec<Found>, Fault> {
    sqlx::query_as!(
        Row,
        r#"select f.family_id, f.grant_id, f.client_id, f.subject, f.session_id, f.consent_id, f.scope, f.audience, f.patient, f.context, f.particulars, f.vouched_by,
                f.methods, f.authenticated_at, f.binding, f.generation, f.rotated_at, f.created_at, f.expires_at, f.ends_at,
                f.revoked_at, p.organization, p.roles, p.fhir_user, p.status, p.not_before, p.version, r.patient as "acts_for?",
                s.used_at as "used_at?", s.ends_at as "session_ends_at?", s.ended_at as "ended_at?", f.epoch as begun_in, e.number as epoch
           from family f join person p using (subject) cross join epoch e
                left join session s on s.session_id = f.session_id and s.epoch = e.number
                left join relationship r on r.subject = f.subject and r.audience = f.audience and r.patient = f.patient
          where f.subject = $1 and f.revoked_at is null and f.expires_at > $2
          order by row_number() over (partition by f.client_id order by f.created_at desc), f.created_at desc limit $3"#,
        subject,
        now,
        most
    )
    .fetch_all(db.pool())
    .await
    .doing("finding the families of a person")?
    .into_iter()
    .map(Found::try_from)
    .collect()
}

/// When each of these families of a person was used last, by the grant's identifier.
pub async fn find_last_uses(
    db: &Db,
    subject: Uuid,
    grants: &[Uuid],
) -> Result<HashMap<Uuid, Timestamp>, Fault> {
    let rows = sqlx::query!(
        r#"select grant_id, greatest(used_at, rotated_at, created_at) as "at!"
             from family where subject = $1 and grant_id = any($2)"#,
        subject,
        grants
    )
    .fetch_all(db.pool())
    .await
    .doing("finding when families were used")?;
    Ok(rows.into_iter().map(|row| (row.grant_id, row.at)).collect())
}

/// Finds a family as it stands now and locks it, with what it is judged by.
pub async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<Found>, Fault> {
    sqlx::query_as!(
        Row,
        r#"select f.family_id, f.grant_id, f.client_id, f.subject, f.session_id, f.consent_id, f.scope, f.audience, f.patient, f.context, f.particulars, f.vouched_by,
                f.methods, f.authenticated_at, f.binding, f.generation, f.rotated_at, f.created_at, f.expires_at, f.ends_at,
                f.revoked_at, p.organization, p.roles, p.fhir_user, p.status, p.not_before, p.version, r.patient as "acts_for?",
                s.used_at as "used_at?", s.ends_at as "session_ends_at?", s.ended_at as "ended_at?", f.epoch as begun_in, e.number as epoch
           from family f join person p using (subject) cross join epoch e
                left join session s on s.session_id = f.session_id and s.epoch = e.number
                left join relationship r on r.subject = f.subject and r.audience = f.audience and r.patient = f.patient
          where f.family_id = $1 for update of f"#,
        id
    )
    .fetch_optional(tx.connection())
    .await
    .doing("locking a family")?
    .map(Found::try_from)
    .transpose()
}

/// Inserts a family that begins.
pub async fn insert(tx: &mut Tx, family: &Family) -> Result<(), Fault> {
    let Delegation { client, subject, consent, scope, audience, context, voucher, sign_in, particulars } =
        &family.delegation;
    sqlx::query!(
        "insert into family (family_id, grant_id, client_id, subject, session_id, consent_id, scope, audience, patient,
                methods, authenticated_at, binding, created_at, used_at, expires_at, ends_at, epoch, context, vouched_by, particulars)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15, $16, $17, $18, $19)",
        family.id,
        family.grant,
        client.as_str(),
        subject,
        sign_in.session,
        consent,
        scope.to_string(),
        audience,
        context.patient.as_deref(),
        &sign_in.methods,
        sign_in.at,
        family.binding.as_ref().map(Binding::confirmation),
        family.created_at,
        family.expires_at,
        family.ends_at,
        family.epoch,
        rest(context),
        voucher.as_str(),
        serde_json::to_value(particulars).doing("writing particulars")?
    )
    .execute(tx.connection())
    .await
    .doing("inserting a family")?;
    Ok(())
}

/// A family as it was when its use was decided on, and what it is bound to from then on.
#[derive(Debug)]
pub struct Moving {
    /// The family.
    pub id: Uuid,
    /// The number of its newest refresh token.
    pub generation: i64,
    /// The version of its person's record.
    pub person_version: i64,
    /// What it was bound to, as a `cnf` claim.
    pub bound: Option<Value>,
    /// What it is bound to from now on.
    pub bind: Option<Value>,
}

/// Moves a family on from one generation to the next, for a person who stands as they did when it was
/// decided; the answer tells whether it was this request that did. No certificate takes the place of another once it is
/// revoked, or the other was for more than having been replaced.
pub async fn mark_rotated(
    tx: &mut Tx,
    moving: &Moving,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<bool, Fault> {
    let rotated = sqlx::query!(
        "update family f set generation = generation + 1, rotated_at = $4, used_at = greatest(f.used_at, $4), expires_at = $3,
                binding = $7
          where f.family_id = $1 and f.generation = $2 and f.revoked_at is null and f.expires_at > $4
            and exists (select from person p where p.subject = f.subject and p.version = $5)
            and f.binding is not distinct from $6
            and not exists (select from certificate c where $6::jsonb <> $7::jsonb and c.revoked_at is not null
                               and (c.thumbprint = $7::jsonb ->> 'x5t#S256' or c.thumbprint = $6::jsonb ->> 'x5t#S256' and c.revocation_reason <> 'superseded'))",
        moving.id,
        moving.generation,
        expires_at,
        now,
        moving.person_version,
        moving.bound,
        moving.bind
    )
    .execute(tx.connection())
    .await
    .doing("rotating a family")?;
    Ok(rotated.rows_affected() == 1)
}

/// Notes the use of a refresh token that stays good, for a person who stands as they did when it was decided; the
/// answer tells whether it was noted. Of certificates the same is true as in [`mark_rotated`].
pub async fn mark_kept(
    tx: &mut Tx,
    moving: &Moving,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<bool, Fault> {
    let kept = sqlx::query!(
        "update family f set used_at = greatest(f.used_at, $4), expires_at = $3, binding = $7
          where f.family_id = $1 and f.generation = $2 and f.revoked_at is null and f.expires_at > $4
            and exists (select from person p where p.subject = f.subject and p.version = $5)
            and f.binding is not distinct from $6
            and not exists (select from certificate c where $6::jsonb <> $7::jsonb and c.revoked_at is not null
                               and (c.thumbprint = $7::jsonb ->> 'x5t#S256' or c.thumbprint = $6::jsonb ->> 'x5t#S256' and c.revocation_reason <> 'superseded'))",
        moving.id,
        moving.generation,
        expires_at,
        now,
        moving.person_version,
        moving.bound,
        moving.bind
    )
    .execute(tx.connection())
    .await
    .doing("keeping a family")?;
    Ok(kept.rows_affected() == 1)
}

/// Revokes a family; the answer tells whether it was alive until now.
pub async fn mark_revoked(tx: &mut Tx, id: Uuid, now: Timestamp) -> Result<bool, Fault> {
    let revoked = sqlx::query!(
        "update family set revoked_at = $2 where family_id = $1 and revoked_at is null",
        id,
        now
    )
    .execute(tx.connection())
    .await
    .doing("revoking a family")?;
    Ok(revoked.rows_affected() == 1)
}

/// Revokes every family of a person for a client; the answer is how many were alive until now.
pub async fn revoke_all(
    tx: &mut Tx,
    (subject, client): (Uuid, &ClientId),
    now: Timestamp,
) -> Result<u64, Fault> {
    let revoked = sqlx::query!(
        "update family set revoked_at = $3 where subject = $1 and client_id = $2 and revoked_at is null",
        subject,
        client.as_str(),
        now
    )
    .execute(tx.connection())
    .await
    .doing("revoking the families of a person")?;
    Ok(revoked.rows_affected())
}

/// Removes families that expired before a time, at most so many.
pub async fn purge(tx: &mut Tx, before: Timestamp, most: i64) -> Result<u64, Fault> {
    let purged = sqlx::query!(
        "delete from family where family_id in
             (select family_id from family where expires_at < $1 limit $2 for update skip locked)",
        before,
        most
    )
    .execute(tx.connection())
    .await
    .doing("purging families")?;
    Ok(purged.rows_affected())
}
