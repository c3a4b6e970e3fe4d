//! The table `device_code`.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;
use uuid::Uuid;

use crate::model::binding::Binding;
use crate::model::delegation::{Delegation, SignIn, Voucher};
use crate::model::device_code::{
    Approval, Asker, DeviceCode, DeviceState, INTERVAL, LIFE, MOST_OF_CLIENT, MOST_OF_NETWORK, NewDeviceCode,
    Polling, Wanted,
};
use crate::model::standing::Standing;
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::ClientId;
use crate::scope::set::ScopeSet;

use super::launch::{context, rest};
use super::standing::Columns;
use super::{Db, Tx, meaningless};

struct Row {
    digest: Vec<u8>,
    client_id: String,
    interval_seconds: i64,
    polled_at: Option<Timestamp>,
    issued_at: Timestamp,
    asked_from: Option<IpNet>,
    expires_at: Timestamp,
    denied_at: Option<Timestamp>,
    family_id: Option<Uuid>,
    binding: Option<Value>,
    epoch: Option<i64>,
    subject: Option<Uuid>,
    session_id: Option<Uuid>,
    consent_id: Option<Uuid>,
    scope: Option<String>,
    audience: Option<String>,
    patient: Option<String>,
    context: Option<Value>,
    particulars: Option<Value>,
    vouched_by: Option<String>,
    methods: Option<Vec<String>>,
    authenticated_at: Option<Timestamp>,
    organization: Option<String>,
    roles: Option<Vec<String>>,
    fhir_user: Option<String>,
    status: Option<String>,
    not_before: Option<Timestamp>,
    version: Option<i64>,
    acts_for: Option<String>,
    ended_at: Option<Timestamp>,
}

impl TryFrom<Row> for DeviceCode {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let wrong = |column| meaningless("device_code", column, "a device code");
        let client = ClientId::parse(&row.client_id).ok_or_else(|| wrong("client_id"))?;
        let digest = row.digest.clone().try_into().map_err(|_| wrong("digest"))?;
        let polling = Polling { interval: row.interval_seconds, last_at: row.polled_at };
        let (issued_at, expires_at) = (row.issued_at, row.expires_at);
        let asked_from = row.asked_from.map(address);
        let parsed = |binding: &Value| Binding::parse(binding).ok_or_else(|| wrong("binding"));
        let binding = row.binding.as_ref().map(parsed).transpose()?;
        let state = match (row.family_id, row.denied_at, row.subject) {
            (Some(family), None, Some(_)) => DeviceState::Redeemed { family, binding },
            (None, Some(_), _) => DeviceState::Denied,
            (None, None, None) => DeviceState::Pending,
            (None, None, Some(_)) => DeviceState::Approved(Box::new(approval(row, client.clone())?)),
            (Some(_), Some(_), _) | (Some(_), None, None) => return Err(wrong("family_id")),
        };
        Ok(Self { digest, client, polling, issued_at, asked_from, expires_at, state })
    }
}

fn address(network: IpNet) -> IpAddr {
    network.addr()
}

/// What a person has agreed to. A person who was removed is found here no more, and their columns are missing.
fn approval(row: Row, client: ClientId) -> Result<Approval, Fault> {
    let wrong = |column| move || meaningless("device_code", column, "a device code");
    let subject = row.subject.ok_or_else(wrong("subject"))?;
    let person = Standing::try_from(Columns {
        subject,
        organization: row.organization.ok_or_else(wrong("organization"))?,
        roles: row.roles.ok_or_else(wrong("roles"))?,
        fhir_user: row.fhir_user,
        status: row.status.ok_or_else(wrong("status"))?,
        not_before: row.not_before.ok_or_else(wrong("not_before"))?,
        version: row.version.ok_or_else(wrong("version"))?,
        acts_for: row.acts_for,
    })?;
    let scope = row.scope.as_deref().map(ScopeSet::parse).and_then(Result::ok);
    let voucher = row.vouched_by.as_deref().and_then(Voucher::parse);
    let particulars = row.particulars.map(serde_json::from_value).and_then(Result::ok);
    let delegation = Delegation {
        client,
        subject,
        consent: row.consent_id.ok_or_else(wrong("consent_id"))?,
        scope: scope.ok_or_else(wrong("scope"))?,
        audience: row.audience.ok_or_else(wrong("audience"))?,
        context: row.context.and_then(|all| context(&all, row.patient)).ok_or_else(wrong("context"))?,
        voucher: voucher.ok_or_else(wrong("vouched_by"))?,
        sign_in: SignIn {
            session: row.session_id.ok_or_else(wrong("session_id"))?,
            methods: row.methods.ok_or_else(wrong("methods"))?,
            at: row.authenticated_at.ok_or_else(wrong("authenticated_at"))?,
        },
        particulars: particulars.ok_or_else(wrong("particulars"))?,
    };
    let epoch = row.epoch.ok_or_else(wrong("epoch"))?;
    Ok(Approval { delegation, epoch, person, session_ended_at: row.ended_at })
}

/// Finds a device code by its digest, and how the person stands who has answered. What a person has answered who
/// is there no more, or before the database was restored, is nothing.
pub async fn find(db: &Db, digest: &[u8; 32]) -> Result<Option<DeviceCode>, Fault> {
    sqlx::query_as!(
        Row,
        r#"select d.digest, d.client_id, d.interval_seconds, d.polled_at, d.issued_at, d.asked_from, d.expires_at, d.denied_at, d.family_id,
                f.binding as "binding?", d.epoch, d.subject, d.session_id, d.consent_id, d.scope, d.audience, d.patient, d.context, d.particulars,
                d.vouched_by, d.methods, d.authenticated_at, p.organization as "organization?", p.roles as "roles?",
                p.fhir_user as "fhir_user?", p.status as "status?", p.not_before as "not_before?", p.version as "version?",
                r.patient as "acts_for?", (with recursive chain as (
                     select session_id, ended_at from session where session_id = d.session_id
                     union
                     select s.session_id, s.ended_at from chain c join session s on s.continues = c.session_id)
                 select case when bool_and(ended_at is not null) then max(ended_at) end from chain) as "ended_at?"
           from device_code d left join person p using (subject) left join family f on f.family_id = d.family_id
                left join relationship r on r.subject = d.subject and r.audience = d.audience and r.patient = d.patient
          where d.digest = $1 and (d.subject is null or p.subject is not null)
            and (d.epoch is null or d.epoch = (select number from epoch))"#,
        digest.as_slice()
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a device code")?
    .map(DeviceCode::try_from)
    .transpose()
}

/// Finds a device code as it stands now and locks it, with how the person stands who has answered.
pub async fn lock(tx: &mut Tx, digest: &[u8; 32]) -> Result<Option<DeviceCode>, Fault> {
    sqlx::query_as!(
        Row,
        r#"select d.digest, d.client_id, d.interval_seconds, d.polled_at, d.issued_at, d.asked_from, d.expires_at, d.denied_at, d.family_id,
                f.binding as "binding?", d.epoch, d.subject, d.session_id, d.consent_id, d.scope, d.audience, d.patient, d.context, d.particulars,
                d.vouched_by, d.methods, d.authenticated_at, p.organization as "organization?", p.roles as "roles?",
                p.fhir_user as "fhir_user?", p.status as "status?", p.not_before as "not_before?", p.version as "version?",
                r.patient as "acts_for?", (with recursive chain as (
                     select session_id, ended_at from session where session_id = d.session_id
                     union
                     select s.session_id, s.ended_at from chain c join session s on s.continues = c.session_id)
                 select case when bool_and(ended_at is not null) then max(ended_at) end from chain) as "ended_at?"
           from device_code d left join person p using (subject) left join family f on f.family_id = d.family_id
                left join relationship r on r.subject = d.subject and r.audience = d.audience and r.patient = d.patient
          where d.digest = $1 and (d.subject is null or p.subject is not null)
            and (d.epoch is null or d.epoch = (select number from epoch)) for update of d"#,
        digest.as_slice()
    )
    .fetch_optional(tx.connection())
    .await
    .doing("locking a device code")?
    .map(DeviceCode::try_from)
    .transpose()
}

/// Finds what waits for an answer by what the code that a person enters is known by.
pub async fn find_pending(db: &Db, user_code: &[u8; 32], now: Timestamp) -> Result<Option<Wanted>, Fault> {
    let found = sqlx::query!(
        "select digest, client_id, request, issued_at, asked_from, expires_at from device_code
          where user_code = $1 and expires_at > $2 and approved_at is null and denied_at is null",
        user_code.as_slice(),
        now
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a device code by its user code")?;
    let wrong = |column| meaningless("device_code", column, "a device code");
    let Some(row) = found else { return Ok(None) };
    Ok(Some(Wanted {
        digest: row.digest.try_into().map_err(|_| wrong("digest"))?,
        client: ClientId::parse(&row.client_id).ok_or_else(|| wrong("client_id"))?,
        request: serde_json::from_value(row.request).map_err(|_| wrong("request"))?,
        issued_at: row.issued_at,
        asked_from: row.asked_from.map(address),
        expires_at: row.expires_at,
    }))
}

/// Whether a device code still waits for an answer; it is locked.
pub async fn lock_pending(tx: &mut Tx, digest: &[u8; 32], now: Timestamp) -> Result<bool, Fault> {
    let found = sqlx::query_scalar!(
        "select digest from device_code
          where digest = $1 and expires_at > $2 and approved_at is null and denied_at is null for update",
        digest.as_slice(),
        now
    )
    .fetch_optional(tx.connection())
    .await
    .doing("locking a device code")?;
    Ok(found.is_some())
}

/// Whether there is room for another code that waits for an answer: with its client, and with the network of a client
/// that proves nothing.
pub async fn has_room(db: &Db, asker: &Asker, now: Timestamp) -> Result<bool, Fault> {
    sqlx::query_scalar!(
        r#"select not exists (select from device_code where client_id = $1 and expires_at > $3
                                 and approved_at is null and denied_at is null offset $4)
              and not exists (select from device_code where network = $2 and expires_at > $3
                                 and approved_at is null and denied_at is null offset $5) as "room!""#,
        asker.client.as_str(),
        asker.network.map(IpNet::from),
        now,
        MOST_OF_CLIENT - 1,
        MOST_OF_NETWORK - 1
    )
    .fetch_one(db.pool())
    .await
    .doing("counting device codes")
}

/// Inserts a device code; the answer tells whether there was room for it.
pub async fn insert(tx: &mut Tx, code: &NewDeviceCode) -> Result<bool, Fault> {
    let inserted = sqlx::query!(
        "insert into device_code (digest, user_code, client_id, request, interval_seconds, issued_at, expires_at, asked_from, network)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9
          where not exists (select from device_code where client_id = $3 and expires_at > $6
                               and approved_at is null and denied_at is null offset $10)
            and not exists (select from device_code where network = $9 and expires_at > $6
                               and approved_at is null and denied_at is null offset $11)",
        code.digest.as_slice(),
        code.user_code.as_slice(),
        code.asker.client.as_str(),
        serde_json::to_value(&code.request).doing("writing an authorization request")?,
        INTERVAL,
        code.issued_at,
        code.issued_at + LIFE,
        code.asker.address.map(IpNet::from),
        code.asker.network.map(IpNet::from),
        MOST_OF_CLIENT - 1,
        MOST_OF_NETWORK - 1
    )
    .execute(tx.connection())
    .await
    .doing("inserting a device code")?;
    Ok(inserted.rows_affected() == 1)
}

/// Keeps when a device asked, and how long it waits from then on.
pub async fn note_poll(tx: &mut Tx, digest: &[u8; 32], interval: i64, now: Timestamp) -> Result<(), Fault> {
    sqlx::query!(
        "update device_code set polled_at = $3, interval_seconds = $2 where digest = $1",
        digest.as_slice(),
        interval,
        now
    )
    .execute(tx.connection())
    .await
    .doing("noting the question of a device")?;
    Ok(())
}

/// Notes what a person agreed to, in the epoch of their session, of a device code that was found waiting.
pub async fn mark_approved(
    tx: &mut Tx,
    digest: &[u8; 32],
    delegation: &Delegation,
    now: Timestamp,
) -> Result<(), Fault> {
    let Delegation { client: _, subject, consent, scope, audience, context, voucher, sign_in, particulars } =
        delegation;
    sqlx::query!(
        "update device_code d
            set approved_at = $2, epoch = s.epoch, subject = $3, session_id = $4, consent_id = $5, scope = $6, audience = $7,
                patient = $8, context = $9, particulars = $10, vouched_by = $11, methods = $12, authenticated_at = $13
           from session s where d.digest = $1 and s.session_id = $4",
        digest.as_slice(),
        now,
        subject,
        sign_in.session,
        consent,
        scope.to_string(),
        audience,
        context.patient.as_deref(),
        rest(context),
        serde_json::to_value(particulars).doing("writing particulars")?,
        voucher.as_str(),
        &sign_in.methods,
        sign_in.at
    )
    .execute(tx.connection())
    .await
    .doing("approving a device code")?;
    Ok(())
}

/// Notes that a person refused, of a device code that was found waiting.
pub async fn mark_denied(tx: &mut Tx, digest: &[u8; 32], now: Timestamp) -> Result<(), Fault> {
    sqlx::query!("update device_code set denied_at = $2 where digest = $1", digest.as_slice(), now)
        .execute(tx.connection())
        .await
        .doing("refusing a device code")?;
    Ok(())
}

/// Locks a device code and then its session, in the order of a withdrawal: whoever ends the session at this moment is
/// waited for and seen, or waits and then sees the family, of whose client it is told. A session without a row has
/// nobody to wait for.
pub async fn hold(tx: &mut Tx, digest: &[u8; 32]) -> Result<(), Fault> {
    sqlx::query_scalar!(
        "with held as materialized (select session_id from device_code where digest = $1 for update)
         select s.session_id from held join session s using (session_id) for share of s",
        digest.as_slice()
    )
    .fetch_optional(tx.connection())
    .await
    .doing("holding a device code")?;
    Ok(())
}

/// Redeems a device code that was approved, in a session that has not been ended, or goes on in another, for a person who
/// stands as they did when it was decided; the answer tells whether it was this request that did. The code is held.
pub async fn mark_redeemed(
    tx: &mut Tx,
    digest: &[u8; 32],
    (family, person_version): (Uuid, i64),
    now: Timestamp,
) -> Result<bool, Fault> {
    let redeemed = sqlx::query!(
        "update device_code d set redeemed_at = $3, family_id = $2
          where d.digest = $1 and d.approved_at is not null and d.denied_at is null and d.redeemed_at is null
            and d.expires_at > $3 and d.epoch = (select number from epoch)
            and exists (select from person p where p.subject = d.subject and p.version = $4)
            and coalesce((with recursive chain as (
                              select session_id, ended_at from session where session_id = d.session_id
                              union
                              select s.session_id, s.ended_at from chain c join session s on s.continues = c.session_id)
                          select bool_or(ended_at is null) from chain), true)",
        digest.as_slice(),
        family,
        now,
        person_version
    )
    .execute(tx.connection())
    .await
    .doing("redeeming a device code")?;
    Ok(redeemed.rows_affected() == 1)
}

/// Takes back what a person has agreed to for devices of a client that have not redeemed it; the answer is how many.
pub async fn revoke_all(
    tx: &mut Tx,
    (subject, client): (Uuid, &ClientId),
    now: Timestamp,
) -> Result<u64, Fault> {
    let revoked = sqlx::query!(
        "update device_code set denied_at = $3
          where subject = $1 and client_id = $2 and redeemed_at is null and denied_at is null",
        subject,
        client.as_str(),
        now
    )
    .execute(tx.connection())
    .await
    .doing("revoking device codes")?;
    Ok(revoked.rows_affected())
}

/// Removes device codes that expired before a time, those that nobody has answered sooner, at most so many.
pub async fn purge(
    tx: &mut Tx,
    (unanswered, answered): (Timestamp, Timestamp),
    most: i64,
) -> Result<u64, Fault> {
    let purged = sqlx::query!(
        "delete from device_code where digest in
             (select digest from device_code
               where expires_at < $1 and (approved_at is null and denied_at is null or expires_at < $2)
               limit $3 for update skip locked)",
        unanswered,
        answered,
        most
    )
    .execute(tx.connection())
    .await
    .doing("purging device codes")?;
    Ok(purged.rows_affected())
}
