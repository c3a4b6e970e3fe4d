//! The table `authorization_code`.

use serde_json::Value;
use uuid::Uuid;

use crate::model::code::{Code, CodeState, MOST_WRONG_VERIFIERS};
use crate::model::delegation::{Delegation, SignIn, Voucher};
use crate::model::standing::Standing;
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::ClientId;
use crate::protocol::pkce::Challenge;
use crate::protocol::redirect_uri::Callback;
use crate::scope::set::ScopeSet;

use super::launch::{context, rest};
use super::standing::Columns;
use super::{Db, Tx, meaningless};

/// A code with what it is judged by.
#[derive(Debug)]
pub struct Found {
    /// The code.
    pub code: Code,
    /// How its person stands now.
    pub person: Standing,
    /// How often the database had been restored when its session began; it has not been since.
    pub epoch: i64,
}

struct Row {
    digest: Vec<u8>,
    epoch: i64,
    client_id: String,
    subject: Uuid,
    session_id: Uuid,
    consent_id: Uuid,
    callback: String,
    challenge: String,
    scope: String,
    audience: String,
    patient: Option<String>,
    context: Value,
    particulars: Value,
    vouched_by: String,
    nonce: Option<String>,
    methods: Vec<String>,
    authenticated_at: Timestamp,
    issued_at: Timestamp,
    expires_at: Timestamp,
    revoked_at: Option<Timestamp>,
    family_id: Option<Uuid>,
    organization: String,
    roles: Vec<String>,
    fhir_user: Option<String>,
    status: String,
    not_before: Timestamp,
    version: i64,
    acts_for: Option<String>,
    ended_at: Option<Timestamp>,
}

impl TryFrom<Row> for Found {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let wrong = |column| meaningless("authorization_code", column, "a code");
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
        let state = match (row.revoked_at, row.family_id) {
            (None, None) => CodeState::Fresh,
            (None, Some(family)) => CodeState::Redeemed { family },
            (Some(_), None) => CodeState::Revoked,
            (Some(_), Some(_)) => return Err(wrong("revoked_at")),
        };
        let code = Code {
            digest: row.digest.try_into().map_err(|_| wrong("digest"))?,
            delegation,
            callback: Callback::stored(row.callback),
            challenge: Challenge::from_stored(&row.challenge).ok_or_else(|| wrong("challenge"))?,
            nonce: row.nonce,
            issued_at: row.issued_at,
            expires_at: row.expires_at,
            session_ended_at: row.ended_at,
            state,
        };
        Ok(Self { code, person, epoch: row.epoch })
    }
}

/// Finds a code by its digest, and how its person stands.
pub async fn find(db: &Db, digest: &[u8; 32]) -> Result<Option<Found>, Fault> {
    sqlx::query_as!(
        Row,
        "select c.digest, c.epoch, c.client_id, c.subject, c.session_id, c.consent_id, c.callback, c.challenge, c.scope, c.audience,
                c.patient, c.context, c.particulars, c.vouched_by, c.nonce, c.methods, c.authenticated_at, c.issued_at, c.expires_at, c.revoked_at, c.family_id,
                p.organization, p.roles, p.fhir_user, p.status, p.not_before, p.version, r.patient as \"acts_for?\",
                s.ended_at as \"ended_at?\"
           from authorization_code c join person p using (subject) left join session s using (session_id)
                left join relationship r on r.subject = c.subject and r.audience = c.audience and r.patient = c.patient
          where c.digest = $1 and c.epoch = (select number from epoch)",
        digest.as_slice()
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding a code")?
    .map(Found::try_from)
    .transpose()
}

/// Finds a code as it stands now and locks it, with how its person stands.
pub async fn lock(tx: &mut Tx, digest: &[u8; 32]) -> Result<Option<Found>, Fault> {
    sqlx::query_as!(
        Row,
        "select c.digest, c.epoch, c.client_id, c.subject, c.session_id, c.consent_id, c.callback, c.challenge, c.scope, c.audience,
                c.patient, c.context, c.particulars, c.vouched_by, c.nonce, c.methods, c.authenticated_at, c.issued_at, c.expires_at, c.revoked_at, c.family_id,
                p.organization, p.roles, p.fhir_user, p.status, p.not_before, p.version, r.patient as \"acts_for?\",
                s.ended_at as \"ended_at?\"
           from authorization_code c join person p using (subject) left join session s using (session_id)
                left join relationship r on r.subject = c.subject and r.audience = c.audience and r.patient = c.patient
          where c.digest = $1 and c.epoch = (select number from epoch) for update of c",
        digest.as_slice()
    )
    .fetch_optional(tx.connection())
    .await
    .doing("locking a code")?
    .map(Found::try_from)
    .transpose()
}

/// Inserts a code, of the epoch of its session.
pub async fn insert(tx: &mut Tx, code: &Code) -> Result<(), Fault> {
    let Delegation { client, subject, consent, scope, audience, context, voucher, sign_in, particulars } =
        &code.delegation;
    sqlx::query!(
        "insert into authorization_code (digest, client_id, subject, session_id, consent_id, callback, challenge, scope,
                audience, patient, nonce, methods, authenticated_at, issued_at, expires_at, context, vouched_by, particulars, epoch)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, epoch from session where session_id = $4",
        code.digest.as_slice(),
        client.as_str(),
        subject,
        sign_in.session,
        consent,
        code.callback.as_str(),
        code.challenge.as_str(),
        scope.to_string(),
        audience,
        context.patient.as_deref(),
        code.nonce,
        &sign_in.methods,
        sign_in.at,
        code.issued_at,
        code.expires_at,
        rest(context),
        voucher.as_str(),
        serde_json::to_value(particulars).doing("writing particulars")?
    )
    .execute(tx.connection())
    .await
    .doing("inserting a code")?;
    Ok(())
}

/// Locks a code and then its session, in the order of a withdrawal: whoever ends the session at this moment is
/// waited for and seen, or waits and then sees the family, of whose client it is told. A session without a row has
/// nobody to wait for.
pub async fn hold(tx: &mut Tx, digest: &[u8; 32]) -> Result<(), Fault> {
    sqlx::query_scalar!(
        "with held as materialized (select session_id from authorization_code where digest = $1 for update)
         select s.session_id from held join session s using (session_id) for share of s",
        digest.as_slice()
    )
    .fetch_optional(tx.connection())
    .await
    .doing("holding a code")?;
    Ok(())
}

/// Redeems a code that is still fresh, in a session that has not been ended, for a person who stands as they did
/// when it was decided; the answer tells whether it was this request that did. The code is held.
pub async fn mark_redeemed(
    tx: &mut Tx,
    digest: &[u8; 32],
    (family, person_version): (Uuid, i64),
    now: Timestamp,
) -> Result<bool, Fault> {
    let redeemed = sqlx::query!(
        "update authorization_code c set redeemed_at = $3, family_id = $2
          where c.digest = $1 and c.redeemed_at is null and c.revoked_at is null and c.expires_at > $3
            and c.epoch = (select number from epoch)
            and exists (select from person p where p.subject = c.subject and p.version = $4)
            and not exists (select from session s where s.session_id = c.session_id and s.ended_at is not null)",
        digest.as_slice(),
        family,
        now,
        person_version
    )
    .execute(tx.connection())
    .await
    .doing("redeeming a code")?;
    Ok(redeemed.rows_affected() == 1)
}

/// Revokes every code of a person for a client that was not redeemed; the answer is how many.
pub async fn revoke_all(
    tx: &mut Tx,
    (subject, client): (Uuid, &ClientId),
    now: Timestamp,
) -> Result<u64, Fault> {
    let revoked = sqlx::query!(
        "update authorization_code set revoked_at = $3
          where subject = $1 and client_id = $2 and redeemed_at is null and revoked_at is null",
        subject,
        client.as_str(),
        now
    )
    .execute(tx.connection())
    .await
    .doing("revoking codes")?;
    Ok(revoked.rows_affected())
}

/// Counts a wrong verifier of a fresh code; the last one that it takes revokes it.
pub async fn count_wrong_verifier(tx: &mut Tx, digest: &[u8; 32], now: Timestamp) -> Result<(), Fault> {
    sqlx::query!(
        "update authorization_code
            set wrong_verifiers = wrong_verifiers + 1,
                revoked_at = case when wrong_verifiers + 1 >= $3 then $2::timestamptz end
          where digest = $1 and redeemed_at is null and revoked_at is null",
        digest.as_slice(),
        now,
        MOST_WRONG_VERIFIERS
    )
    .execute(tx.connection())
    .await
    .doing("counting a wrong verifier")?;
    Ok(())
}

/// Removes codes that expired before a time, at most so many.
pub async fn purge(tx: &mut Tx, before: Timestamp, most: i64) -> Result<u64, Fault> {
    let purged = sqlx::query!(
        "delete from authorization_code where digest in
             (select digest from authorization_code where expires_at < $1 limit $2 for update skip locked)",
        before,
        most
    )
    .execute(tx.connection())
    .await
    .doing("purging codes")?;
    Ok(purged.rows_affected())
}
