//! What a person answers a device, and its redemption: each a compare-and-set.

use uuid::Uuid;

use crate::model::attempts::Attempts;
use crate::model::delegation::Delegation;
use crate::model::device_code::{self, NewDeviceCode};
use crate::model::family::Family;
use crate::model::interaction::Interaction;
use crate::model::standing::Standing;
use crate::moment::Timestamp;
use crate::protocol::error::{ErrorCode, Fault, Reason, Refusal};
use crate::protocol::ids::ClientId;
use crate::store::{self, Tx};

use super::Written;
use super::browser::{self, over, withdrawn};

/// A device that was answered before, in another window, or not in time.
const fn answered() -> Refusal {
    let told = "This device was answered before, or took too long. Start again on the device.";
    Refusal::new(ErrorCode::Forged, told, Reason::new("device_answered"))
}

/// What somebody answers a device.
#[derive(Debug)]
pub struct Answering {
    /// The interaction and the session.
    pub at: (Uuid, Uuid),
    /// The digest of the device code.
    pub device: [u8; 32],
    /// What was agreed to; nothing when it was refused.
    pub delegation: Option<Box<Delegation>>,
}

impl Answering {
    pub(super) async fn write(&self, tx: &mut Tx, now: Timestamp) -> Result<Written, Fault> {
        let Self { at: (interaction, session), device, delegation } = self;
        if let Some(delegation) = delegation
            // Locked: a withdrawal is seen here, or waits and then sees what was answered.
            && !store::consent::lock_standing(tx, delegation.consent).await?
        {
            return Ok(Written::Refused(withdrawn()));
        }
        // Locked: of two answers the second finds that it is one too many.
        if !store::device_code::lock_pending(tx, device, now).await? {
            return Ok(Written::Refused(answered()));
        }
        if !store::interaction::mark_finished(tx, *interaction, *session, now).await? {
            return Ok(Written::Refused(over()));
        }
        match delegation {
            Some(delegation) => store::device_code::mark_approved(tx, device, delegation, now).await?,
            None => store::device_code::mark_denied(tx, device, now).await?,
        }
        Ok(Written::Recorded)
    }
}

/// Keeps the code that a device asks with, where not too many wait. Anybody can ask, and what is recorded is kept: who
/// asked stands with the code, and is recorded once somebody enters it or answers.
pub(super) async fn begin(tx: &mut Tx, code: &NewDeviceCode) -> Result<Written, Fault> {
    let is_kept = store::device_code::insert(tx, code).await?;
    Ok(if is_kept { Written::Unrecorded } else { Written::Refused(device_code::too_many_wait()) })
}

/// Begins what a code leads to that a person has entered, and forgets what they entered wrongly before.
pub(super) async fn enter(
    tx: &mut Tx,
    interaction: &Interaction,
    counts: &[Attempts],
    now: Timestamp,
) -> Result<Written, Fault> {
    let begun = browser::begin(tx, interaction, now).await?;
    if let Written::Refused(_) = begun {
        return Ok(begun);
    }
    let mut counts = counts.to_vec();
    store::attempts::lock(tx, &mut counts).await?;
    let counts: Vec<Attempts> = counts.into_iter().map(Attempts::succeeded).collect();
    store::attempts::update(tx, &counts).await?;
    Ok(match begun {
        Written::Recorded | Written::Unrecorded => Written::Recorded,
        Written::AccountHeld | Written::Refused(_) => begun,
    })
}

/// The redemption of a device code.
#[derive(Debug)]
pub struct RedeemingDevice {
    /// The digest of the device code.
    pub digest: [u8; 32],
    /// The client that shows it.
    pub client: ClientId,
    /// How the person stood when it was decided.
    pub person: Standing,
    /// The family that begins.
    pub family: Family,
}

impl RedeemingDevice {
    pub(super) async fn write(&self, tx: &mut Tx, now: Timestamp) -> Result<Written, Fault> {
        let Self { digest, client, person, family } = self;
        store::device_code::hold(tx, digest).await?;
        let mut won = store::device_code::mark_redeemed(tx, digest, (family.id, person.version), now).await?;
        if !won {
            let Some(found) = store::device_code::lock(tx, digest).await? else {
                return Ok(Written::Refused(device_code::not_valid("device_code_unknown")));
            };
            let stands = match found.poll((client, family.binding.as_ref()), now) {
                Ok(approval) => approval.person.clone(),
                Err(refusal) => return Ok(Written::Refused(refusal)),
            };
            // The person's record changed, but in nothing that the decision rests on.
            won = stands.is_as(person)
                && store::device_code::mark_redeemed(tx, digest, (family.id, stands.version), now).await?;
        }
        if !won {
            return Ok(Written::Refused(device_code::not_valid("person_changed")));
        }
        store::family::insert(tx, family).await?;
        Ok(Written::Recorded)
    }
}
