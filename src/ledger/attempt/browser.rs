//! What a browser's way through an authorization request changes.

use uuid::Uuid;

use crate::model::code::Code;
use crate::model::consent::Consent;
use crate::model::interaction::{Choice, Interaction};
use crate::model::launch;
use crate::moment::Timestamp;
use crate::protocol::error::{ErrorCode, Fault, Reason, Refusal};
use crate::protocol::ids::ClientId;
use crate::store::{self, Tx};

use super::Written;

/// The refusal of a step that was taken before, or that belongs to an interaction that is over.
pub(super) const fn over() -> Refusal {
    let told = "This step was taken before, or took too long. Go back to the app and begin again.";
    Refusal::new(ErrorCode::Forged, told, Reason::new("interaction_over"))
}

/// The refusal of a code for what the person has taken back meanwhile.
pub(super) const fn withdrawn() -> Refusal {
    let reason = Reason::new("consent_withdrawn");
    Refusal::new(ErrorCode::AccessDenied, "access was not given", reason)
}

pub(super) async fn begin(tx: &mut Tx, interaction: &Interaction, now: Timestamp) -> Result<Written, Fault> {
    if let Some(handover) = &interaction.launch
        && !store::launch::mark_used(tx, handover.id, now).await?
    {
        // Another request has shown the handle meanwhile.
        return Ok(Written::Refused(launch::not_valid("launch_used")));
    }
    store::interaction::insert(tx, interaction).await?;
    if let Some(session) = interaction.session() {
        store::session::mark_used(tx, session, now).await?;
    }
    Ok(Written::Unrecorded)
}

pub(super) async fn choose(
    tx: &mut Tx,
    (interaction, session): (Uuid, Uuid),
    choice: &Choice,
    now: Timestamp,
) -> Result<Written, Fault> {
    if !store::interaction::mark_chosen(tx, (interaction, session), choice, now).await? {
        return Ok(Written::Refused(over()));
    }
    store::session::mark_used(tx, session, now).await?;
    Ok(Written::Recorded)
}

pub(super) async fn decide(
    tx: &mut Tx,
    (interaction, session): (Uuid, Uuid),
    (consent, choice): (Option<&Consent>, Option<&Choice>),
    now: Timestamp,
) -> Result<Written, Fault> {
    let is_first = match consent {
        Some(consent) => {
            store::interaction::mark_allowed(tx, (interaction, session), (consent.id, choice), now).await?
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
    (interaction, pushed): (Uuid, Option<Uuid>),
    (code, consent): (&Code, Option<&Consent>),
    now: Timestamp,
) -> Result<Written, Fault> {
    let session = code.delegation.sign_in.session;
    match consent {
        // A withdrawal that is under way is waited for, and this decision is one after it.
        Some(consent) => store::person::lock(tx, consent.subject).await?,
        // Locked: a withdrawal is seen here, or waits and then sees the code.
        None if !store::consent::lock_standing(tx, code.delegation.consent).await? => {
            return Ok(Written::Refused(withdrawn()));
        }
        None => {}
    }
    // Of two ways that began with one pushed request, one gets a code (RFC 9126, 7.3).
    if let Some(pushed) = pushed
        && !store::pushed_request::lock_unused(tx, pushed).await?
    {
        return Ok(Written::Refused(over()));
    }
    if !store::interaction::mark_finished(tx, interaction, session, now).await? {
        return Ok(Written::Refused(over()));
    }
    if let Some(pushed) = pushed {
        store::pushed_request::mark_used(tx, pushed, now).await?;
    }
    if let Some(consent) = consent {
        store::consent::insert(tx, consent).await?;
    }
    store::code::insert(tx, code).await?;
    Ok(Written::Recorded)
}

/// Ends all that a person has let a client do. Each statement sees what the one before has waited for: codes
/// that were being issued while the consents were locked, and families of codes that were being redeemed.
pub(super) async fn withdraw(
    tx: &mut Tx,
    of: (Uuid, &ClientId),
    session: Uuid,
    now: Timestamp,
) -> Result<Written, Fault> {
    store::person::lock(tx, of.0).await?;
    let consents = store::consent::mark_all_withdrawn(tx, of, now).await?;
    let codes = store::code::revoke_all(tx, of, now).await?;
    let devices = store::device_code::revoke_all(tx, of, now).await?;
    let families = store::family::revoke_all(tx, of, now).await?;
    store::session::mark_used(tx, session, now).await?;
    Ok(if consents + codes + devices + families > 0 { Written::Recorded } else { Written::Unrecorded })
}
