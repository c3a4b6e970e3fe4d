//! Signing keys: listed, replaced, revoked.

use crate::keys::keyring::ALGORITHMS;
use crate::keys::rotation::{self, Replacement, Revocation, Succession};
use crate::ledger::{Done, raise};
use crate::model::signing_key::SigningKeyRecord;
use crate::protocol::error::{Failure, Fault};
use crate::store;
use crate::store::signing_key::StoredKey;

use super::actor::Caller;
use super::{Administration, privilege};

/// The alert about keys whose tokens have died.
const REVOKED: (&str, &str) = ("key_revoked", "every token that the key signed is dead");
/// The same where nobody signs in its place.
const REVOKED_ALONE: (&str, &str) = (
    "key_revoked",
    "every token that the key signed is dead, and no key could be made in its place: nothing is signed until one is",
);

/// A signing key, and where its private half is kept.
#[derive(Clone, Debug)]
pub struct ListedKey {
    /// What is known of it.
    pub record: SigningKeyRecord,
    /// `sealed` (in the database) or `hsm`.
    pub custody: &'static str,
}

impl Administration {
    /// Finds every key, the newest first.
    pub async fn list_keys(&self) -> Result<Vec<ListedKey>, Fault> {
        let found = store::signing_key::find_all(&self.db).await?;
        let listed = |key: StoredKey| ListedKey { custody: key.kept.as_str(), record: key.record };
        Ok(found.into_iter().map(listed).collect())
    }

    /// Replaces the signing keys; the answer names the new ones. In an emergency the old ones are withdrawn even if
    /// not every new one can be made.
    pub async fn rotate_keys(&self, caller: &Caller, how: Replacement) -> Result<Vec<String>, Failure> {
        let mut event = self.event(caller, "keys.rotate")?;
        let detail = match how {
            Replacement::Announced => "announced",
            Replacement::AtOnce => "at once, the old keys withdrawn",
        };
        event.detail = Some(detail.to_owned());
        let (actor, clock) = (caller.actor.clone(), self.clock.clone());
        let (schedule, custody) = (self.schedule, self.custody.clone());
        let fresh = rotation::make_all(&custody, how).await?;
        self.ledger
            .transact(event, move |tx, event| {
                Box::pin(async move {
                    store::signing_key::lock(tx).await?;
                    privilege::still_stands(&actor, tx).await?;
                    // The time once the keys are held: whoever held them before has written a later one.
                    let (fresh, about) = ((&custody, fresh), (clock.now(), "all were replaced at once"));
                    let made = rotation::replace(tx, fresh, (schedule, how), about).await?;
                    event.target = Some(made.join(" "));
                    if how == Replacement::AtOnce {
                        let is_whole = made.len() == ALGORITHMS.len();
                        if !is_whole {
                            event.detail = Some(format!("{detail}; not every new key could be made"));
                        }
                        raise(tx, event, if is_whole { REVOKED } else { REVOKED_ALONE }).await?;
                    }
                    Ok(Done::Changed(made))
                })
            })
            .await
    }

    /// Revokes one key: every token that it signed is dead at its next use. The answer tells who signs from now on.
    /// That no key can be made does not keep it from being revoked.
    pub async fn revoke_key(&self, caller: &Caller, what: Revocation) -> Result<Succession, Failure> {
        let mut event = self.event(caller, "keys.revoke")?;
        event.target = Some(what.kid.clone());
        event.detail = Some(what.reason.clone());
        let (actor, clock, custody) = (caller.actor.clone(), self.clock.clone(), self.custody.clone());
        let fresh = rotation::make_successor(&self.db, &custody, &what.kid, event.at).await?;
        self.ledger
            .transact(event, move |tx, event| {
                Box::pin(async move {
                    store::signing_key::lock(tx).await?;
                    privilege::still_stands(&actor, tx).await?;
                    let succession = rotation::revoke(tx, (&custody, fresh), &what, clock.now()).await?;
                    let alert = match &succession {
                        Succession::Unchanged => REVOKED,
                        Succession::By(kid) => {
                            event.detail = Some(format!("{}; {kid} signs in its place", what.reason));
                            REVOKED
                        }
                        Succession::Nobody => {
                            event.detail =
                                Some(format!("{}; no key could be made in its place", what.reason));
                            REVOKED_ALONE
                        }
                    };
                    raise(tx, event, alert).await?;
                    Ok(Done::Changed(succession))
                })
            })
            .await
    }
}
