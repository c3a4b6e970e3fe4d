//! Signing keys: listed, replaced.

use crate::keys::rotation::{self, Replacement};
use crate::model::signing_key::SigningKeyRecord;
use crate::protocol::error::{Failure, Fault};
use crate::store;

use super::Administration;
use super::actor::Caller;

impl Administration {
    /// Finds every key, the newest first.
    pub async fn list_keys(&self) -> Result<Vec<SigningKeyRecord>, Fault> {
        Ok(store::signing_key::find_all(&self.db).await?.into_iter().map(|key| key.record).collect())
    }

    /// Replaces the signing keys; the answer names the new ones.
    pub async fn rotate_keys(&self, caller: &Caller, how: Replacement) -> Result<Vec<String>, Failure> {
        let mut event = self.event(caller, "keys.rotate")?;
        event.detail = Some(
            match how {
                Replacement::Announced => "announced",
                Replacement::AtOnce => "at once, the old keys withdrawn",
            }
            .to_owned(),
        );
        rotation::replace(&self.ledger, self.sealer.clone(), event, self.schedule, how).await
    }
}
