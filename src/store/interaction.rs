//! The table `interaction`: authorization requests on their way. Each step is taken once: a
//! compare-and-set whose answer tells whether it was taken now.

use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::model::interaction::{Choice, Destination, Interaction, Progress, Waiting};
use crate::moment::Timestamp;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::ClientId;
use crate::protocol::redirect_uri::Callback;

use super::{Db, Tx, meaningless};

struct Row {
    interaction_id: Uuid,
    browser: Vec<u8>,
    client_id: String,
    callback: Option<String>,
    device: Option<Vec<u8>>,
    sealed_user_code: Option<Vec<u8>>,
    request: Value,
    launch: Option<Value>,
    choice: Option<Value>,
    session_id: Option<Uuid>,
    consent_id: Option<Uuid>,
    denied_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl TryFrom<Row> for Interaction {
    type Error = Fault;

    fn try_from(row: Row) -> Result<Self, Fault> {
        let key = row.interaction_id.to_string();
        let wrong = |column| meaningless("interaction", column, &key);
        let progress = match (row.session_id, row.consent_id, row.denied_at, row.finished_at) {
            (_, _, _, Some(_)) => Progress::Finished,
            (None, None, None, None) => Progress::Begun,
            (Some(session), None, None, None) => Progress::SignedIn { session },
            (Some(session), Some(consent), None, None) => Progress::Allowed { session, consent },
            (Some(session), None, Some(_), None) => Progress::Denied { session },
            (None, ..) | (Some(_), Some(_), Some(_), _) => return Err(wrong("session_id")),
        };
        Ok(Self {
            id: row.interaction_id,
            browser: row.browser.try_into().map_err(|_| wrong("browser"))?,
            client: ClientId::parse(&row.client_id).ok_or_else(|| wrong("client_id"))?,
            destination: destination(row.callback, row.device, row.sealed_user_code)
                .ok_or_else(|| wrong("callback"))?,
            request: serde_json::from_value(row.request).map_err(|_| wrong("request"))?,
            launch: read(row.launch).map_err(|_| wrong("launch"))?,
            choice: read(row.choice).map_err(|_| wrong("choice"))?,
            progress,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}

/// Where the answer goes: to a callback or to a device, and nowhere else.
fn destination(
    callback: Option<String>,
    device: Option<Vec<u8>>,
    sealed_user_code: Option<Vec<u8>>,
) -> Option<Destination> {
    match (callback, device, sealed_user_code) {
        (Some(callback), None, None) => Some(Destination::Callback(Callback::stored(callback))),
        (None, Some(digest), Some(sealed_user_code)) => {
            Some(Destination::Device(Waiting { digest: digest.try_into().ok()?, sealed_user_code }))
        }
        (_, _, _) => None,
    }
}

/// Reads what may be absent.
fn read<T: DeserializeOwned>(value: Option<Value>) -> Result<Option<T>, serde_json::Error> {
    value.map(serde_json::from_value).transpose()
}

/// Finds an interaction.
pub async fn find(db: &Db, id: Uuid) -> Result<Option<Interaction>, Fault> {
    sqlx::query_as!(
        Row,
        "select interaction_id, browser, client_id, callback, device, sealed_user_code, request, launch, choice, session_id, consent_id,
                denied_at, finished_at, created_at, expires_at
           from interaction where interaction_id = $1",
        id
    )
    .fetch_optional(db.pool())
    .await
    .doing("finding an interaction")?
    .map(Interaction::try_from)
    .transpose()
}

/// Inserts an interaction that begins, for a person who is signed in already or for nobody yet.
pub async fn insert(tx: &mut Tx, interaction: &Interaction) -> Result<(), Fault> {
    let request = serde_json::to_value(&interaction.request).doing("writing an authorization request")?;
    let launch = interaction.launch.as_ref().map(serde_json::to_value).transpose();
    let launch = launch.doing("writing a launch")?;
    let (callback, device) = match &interaction.destination {
        Destination::Callback(callback) => (Some(callback.as_str()), None),
        Destination::Device(waiting) => (None, Some(waiting)),
    };
    sqlx::query!(
        "insert into interaction (interaction_id, browser, client_id, callback, request, session_id, created_at, expires_at,
                launch, device, sealed_user_code)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        interaction.id,
        interaction.browser.as_slice(),
        interaction.client.as_str(),
        callback,
        request,
        interaction.session(),
        interaction.created_at,
        interaction.expires_at,
        launch,
        device.map(|waiting| waiting.digest.as_slice()),
        device.map(|waiting| waiting.sealed_user_code.as_slice())
    )
    .execute(tx.connection())
    .await
    .doing("inserting an interaction")?;
    Ok(())
}

/// Notes who signed in for it. What was chosen and decided in another session is forgotten.
pub async fn mark_signed_in(tx: &mut Tx, id: Uuid, session: Uuid, now: Timestamp) -> Result<bool, Fault> {
    let marked = sqlx::query!(
        "update interaction set session_id = $2, choice = null, consent_id = null, denied_at = null
          where interaction_id = $1 and finished_at is null and expires_at > $3",
        id,
        session,
        now
    )
    .execute(tx.connection())
    .await
    .doing("signing in for an interaction")?;
    Ok(marked.rows_affected() == 1)
}

/// Notes what the person chose, unless they have decided before.
pub async fn mark_chosen(
    tx: &mut Tx,
    (id, session): (Uuid, Uuid),
    choice: &Choice,
    now: Timestamp,
) -> Result<bool, Fault> {
    let choice = serde_json::to_value(choice).doing("writing a choice")?;
    let marked = sqlx::query!(
        "update interaction set choice = $3
          where interaction_id = $1 and session_id = $2 and consent_id is null and denied_at is null
            and finished_at is null and expires_at > $4",
        id,
        session,
        choice,
        now
    )
    .execute(tx.connection())
    .await
    .doing("choosing for an interaction")?;
    Ok(marked.rows_affected() == 1)
}

/// Notes that the person agreed, unless they have decided before, or chosen something else meanwhile.
pub async fn mark_allowed(
    tx: &mut Tx,
    (id, session): (Uuid, Uuid),
    (consent, choice): (Uuid, Option<&Choice>),
    now: Timestamp,
) -> Result<bool, Fault> {
    let choice = choice.map(serde_json::to_value).transpose().doing("writing a choice")?;
    let marked = sqlx::query!(
        "update interaction set consent_id = $3
          where interaction_id = $1 and session_id = $2 and consent_id is null and denied_at is null
            and finished_at is null and expires_at > $4 and choice is not distinct from $5",
        id,
        session,
        consent,
        now,
        choice
    )
    .execute(tx.connection())
    .await
    .doing("agreeing to an interaction")?;
    Ok(marked.rows_affected() == 1)
}

/// Notes that the person refused, unless they have decided before.
pub async fn mark_denied(tx: &mut Tx, id: Uuid, session: Uuid, now: Timestamp) -> Result<bool, Fault> {
    let marked = sqlx::query!(
        "update interaction set denied_at = $3
          where interaction_id = $1 and session_id = $2 and consent_id is null and denied_at is null
            and finished_at is null and expires_at > $3",
        id,
        session,
        now
    )
    .execute(tx.connection())
    .await
    .doing("refusing an interaction")?;
    Ok(marked.rows_affected() == 1)
}

/// Notes that the answer is sent: once, and only while the session has not been ended.
pub async fn mark_finished(tx: &mut Tx, id: Uuid, session: Uuid, now: Timestamp) -> Result<bool, Fault> {
    let marked = sqlx::query!(
        "update interaction set finished_at = $3
          where interaction_id = $1 and session_id = $2 and finished_at is null and expires_at > $3
            and exists (select from session s where s.session_id = $2 and s.ended_at is null
                               and s.epoch = (select number from epoch))",
        id,
        session,
        now
    )
    .execute(tx.connection())
    .await
    .doing("finishing an interaction")?;
    Ok(marked.rows_affected() == 1)
}

/// Removes interactions that ended before a time, at most so many.
pub async fn purge(tx: &mut Tx, before: Timestamp, most: i64) -> Result<u64, Fault> {
    let purged = sqlx::query!(
        "delete from interaction where interaction_id in
             (select interaction_id from interaction where expires_at < $1 limit $2 for update skip locked)",
        before,
        most
    )
    .execute(tx.connection())
    .await
    .doing("purging interactions")?;
    Ok(purged.rows_affected())
}
