//! Redeeming a code and taking the next refresh token: each a compare-and-set. Where it is lost, the same
//! pure function decides again on the locked row, and its refusal brings its consequence.

use time::Duration;
use uuid::Uuid;

use crate::model::binding::Binding;
use crate::model::code::{self, Redemption};
use crate::model::family::{self, Family, Presented, Turn};
use crate::model::standing::Standing;
use crate::model::trusted_issuer;
use crate::moment::Timestamp;
use crate::protocol::error::Fault;
use crate::store::family::Moving;
use crate::store::{self, Tx};

use super::Written;

/// The redemption of a code.
#[derive(Debug)]
pub struct Redeeming {
    /// The digest of the code.
    pub digest: [u8; 32],
    /// What was shown with it.
    pub shown: Redemption,
    /// How the person stood when it was decided.
    pub person: Standing,
    /// The family that begins.
    pub family: Family,
}

impl Redeeming {
    pub(super) async fn write(&self, tx: &mut Tx, now: Timestamp) -> Result<Written, Fault> {
        let Self { digest, shown, person, family } = self;
        store::code::hold(tx, digest).await?;
        let mut won = store::code::mark_redeemed(tx, digest, (family.id, person.version), now).await?;
        if !won {
            let Some(found) = store::code::lock(tx, digest).await? else {
                return Ok(Written::Refused(code::not_valid("code_unknown")));
            };
            if let Err(refusal) = found.code.redeem(shown, &found.person, now) {
                return Ok(Written::Refused(refusal));
            }
            // The person's record changed, but in nothing that the decision rests on.
            won = found.person.is_as(person)
                && store::code::mark_redeemed(tx, digest, (family.id, found.person.version), now).await?;
        }
        if !won {
            return Ok(Written::Refused(code::not_valid("person_changed")));
        }
        store::family::insert(tx, family).await?;
        Ok(Written::Recorded)
    }
}

/// A family that begins on the word of another issuer, within what the person has agreed to.
#[derive(Debug)]
pub struct Beginning {
    /// How the person stood when it was decided.
    pub person: Standing,
    /// The family.
    pub family: Family,
}

impl Beginning {
    /// Locked in the order of a withdrawal: one that is under way is waited for and seen, or waits and then sees
    /// the family.
    pub(super) async fn write(&self, tx: &mut Tx) -> Result<Written, Fault> {
        let Self { person, family } = self;
        if !store::person::lock_active_in(tx, person.subject, person.version).await? {
            return Ok(Written::Refused(trusted_issuer::not_valid("person_changed")));
        }
        if !store::consent::lock_standing(tx, family.delegation.consent).await? {
            return Ok(Written::Refused(trusted_issuer::not_valid("consent_withdrawn")));
        }
        store::family::insert(tx, family).await?;
        Ok(Written::Recorded)
    }
}

/// The next refresh token of a family.
#[derive(Debug)]
pub struct Rotating {
    /// The family.
    pub family: Uuid,
    /// What was shown.
    pub presented: Presented,
    /// What the family was bound to when it was decided, and what it is bound to from now on.
    pub bound: (Option<Binding>, Option<Binding>),
    /// How the person stood when it was decided.
    pub person: Standing,
    /// From when the family is no good unless it is used again.
    pub expires_at: Timestamp,
    /// How long a session may rest.
    pub idle: Duration,
    /// What was decided.
    pub turn: Turn,
}

impl Rotating {
    pub(super) async fn write(&self, tx: &mut Tx, now: Timestamp) -> Result<Written, Fault> {
        let Self { family: id, presented, bound, person, expires_at, idle, turn } = self;
        let from = |person: &Standing, bound: &(Option<Binding>, Option<Binding>)| Moving {
            id: *id,
            generation: presented.generation,
            person_version: person.version,
            bound: bound.0.as_ref().map(Binding::confirmation),
            bind: bound.1.as_ref().map(Binding::confirmation),
        };
        let decided = from(person, bound);
        if *turn == Turn::Rotate && store::family::mark_rotated(tx, &decided, *expires_at, now).await?
            || *turn == Turn::Keep && store::family::mark_kept(tx, &decided, *expires_at, now).await?
        {
            return Ok(Written::Recorded);
        }
        let Some(found) = store::family::lock(tx, *id).await? else {
            return Ok(Written::Refused(family::not_valid("family_unknown")));
        };
        if !found.person.is_as(person) {
            return Ok(Written::Refused(family::not_valid("person_changed")));
        }
        match found.family.turn(presented, &found.surroundings(*idle, now), now) {
            Err(refusal) => Ok(Written::Refused(refusal)),
            // The next token is the same whoever asks for it, so the answer stands.
            Ok(Turn::Repeat) => Ok(Written::Recorded),
            Ok(decided @ (Turn::Rotate | Turn::Keep)) => {
                let bound = (found.family.binding.clone(), found.family.bound_by(presented));
                let from = from(&found.person, &bound);
                let is_written = match decided {
                    Turn::Keep => store::family::mark_kept(tx, &from, *expires_at, now).await?,
                    Turn::Rotate | Turn::Repeat => {
                        store::family::mark_rotated(tx, &from, *expires_at, now).await?
                    }
                };
                Ok(if is_written {
                    Written::Recorded
                } else {
                    Written::Refused(family::not_valid("person_changed"))
                })
            }
        }
    }
}
