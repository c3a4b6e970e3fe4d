//! Signing in settles twice: an attempt is counted before the password is looked at, then the outcome.

use uuid::Uuid;

use crate::model::attempts::Attempts;
use crate::model::session::Session;
use crate::moment::Timestamp;
use crate::protocol::error::{ErrorCode, Fault, Reason, Refusal};
use crate::store::{self, Tx};

use crate::ledger::ending;

use super::Written;
use super::browser::over;

/// A session that begins.
#[derive(Debug)]
pub struct SigningIn {
    /// The interaction for which, when an app sent the person.
    pub interaction: Option<Uuid>,
    /// The session.
    pub session: Session,
    /// The digest of its cookie.
    pub digest: [u8; 32],
    /// The session that this browser had before; it ends.
    pub replaces: Option<Uuid>,
    /// The counts in which the attempt was reserved.
    pub counts: Vec<Attempts>,
    /// The version of the person whose password was right.
    pub person_version: i64,
}

/// Counts an attempt, or refuses it.
pub(super) async fn reserve(
    tx: &mut Tx,
    mut counts: Vec<Attempts>,
    too_soon: fn(Timestamp) -> Refusal,
    now: Timestamp,
) -> Result<Written, Fault> {
    store::attempts::lock(tx, &mut counts).await?;
    let reserved: Result<Vec<Attempts>, Timestamp> =
        counts.into_iter().map(|count| count.reserve(now)).collect();
    match reserved {
        Ok(counts) => {
            store::attempts::update(tx, &counts).await?;
            let held = counts.iter().any(Attempts::is_last);
            Ok(if held { Written::AccountHeld } else { Written::Unrecorded })
        }
        Err(until) => Ok(Written::Refused(too_soon(until))),
    }
}

impl SigningIn {
    pub(super) async fn write(&self, tx: &mut Tx, now: Timestamp) -> Result<Written, Fault> {
        let Self { interaction, session, digest, replaces, counts, person_version } = self;
        // Locked: whoever changes the person at this moment is waited for, and no other comes before the commit.
        if !store::person::lock_active_in(tx, session.subject, *person_version).await? {
            let told = "the username or the password is not right";
            return Ok(Written::Refused(Refusal::new(
                ErrorCode::AccessDenied,
                told,
                Reason::new("person_changed"),
            )));
        }
        if let Some(interaction) = interaction
            && !store::interaction::mark_signed_in(tx, *interaction, session.id, now).await?
        {
            return Ok(Written::Refused(over()));
        }
        let continues = match replaces {
            Some(before) => ending::give_way(tx, *before, session.subject, now).await?,
            None => None,
        };
        store::session::insert(tx, digest, (session, continues)).await?;
        let mut counts = counts.clone();
        store::attempts::lock(tx, &mut counts).await?;
        let counts: Vec<Attempts> = counts.into_iter().map(Attempts::succeeded).collect();
        store::attempts::update(tx, &counts).await?;
        Ok(Written::Recorded)
    }
}

/// Ends a session, or every one of its person.
pub(super) async fn end(
    tx: &mut Tx,
    (session, everywhere): (Uuid, Option<Uuid>),
    now: Timestamp,
) -> Result<Written, Fault> {
    match everywhere {
        Some(subject) => ending::end_all(tx, subject, now).await?,
        None => ending::end(tx, session, now).await?,
    }
    Ok(Written::Recorded)
}
