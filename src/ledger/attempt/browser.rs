//! What a browser's way through an authorization request changes.

use uuid::Uuid;

use crate::model::code::Code;
use crate::model::consent::Consent;
use crate::model::interaction::Interaction;
use crate::moment::Timestamp;
use crate::protocol::error::{ErrorCode, Fault, Reason, Refusal};
use crate::store::{self, Tx};

use super::Written;

/// The refusal of a step that was taken before, or that belongs to an interaction that is over.
pub(super) const fn over() -> Refusal {
    let told = "This step was taken before, or took too long. Go back to the app and begin again.";
    Refusal::new(ErrorCode::Forged, told, Reason::new("interaction_over"))
}

pub(super) async fn begin(tx: &mut Tx, interaction: &Interaction, now: Timestamp) -> Result<Written, Fault> {
    store::interaction::insert(tx, interaction).await?;
    if let Some(session) = interaction.session() {
        store::session::mark_used(tx, session, now).await?;
    }
    Ok(Written::Unrecorded)
}

pub(super) async fn decide(
    tx: &mut Tx,
    (interaction, session): (Uuid, Uuid),
    consent: Option<&Consent>,
    now: Timestamp,
) -> Result<Written, Fault> {
    let is_first = match consent {
        Some(consent) => {
            store::interaction::mark_allowed(tx, (interaction, session), consent.id, now).await?
        }
        None => store::interaction::mark_denied(tx, interaction, session, now).await?,
    };
    if !is_first {
        return Ok(Written::Refused(over()));
    }
    if let Some(consent) = consent {
        store::consent::insert(tx, consent).await?;
    }
    store::session::mark_used(tx, session, now).await?;
    Ok(Written::Recorded)
}

pub(super) async fn issue(
    tx: &mut Tx,
    interaction: Uuid,
    code: &Code,
    now: Timestamp,
) -> Result<Written, Fault> {
    let session = code.delegation.sign_in.session;
    if !store::interaction::mark_finished(tx, interaction, session, now).await? {
        return Ok(Written::Refused(over()));
    }
    store::code::insert(tx, code).await?;
    Ok(Written::Recorded)
}
