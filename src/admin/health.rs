//! Whether this process can serve, and what it holds.

use crate::keys::keyring::KeyRing;
use crate::platform::clock::MOST_DRIFT;
use crate::store;

use super::Administration;

/// How many database connections the process holds for reading.
#[derive(Clone, Copy, Debug)]
pub struct Readers {
    /// All of them.
    pub open: u32,
    /// Those that nobody uses.
    pub idle: u32,
}

impl Administration {
    /// Why the process cannot serve; empty when it can.
    pub async fn obstacles(&self, keys: &KeyRing) -> Vec<&'static str> {
        let mut reasons = Vec::new();
        match store::migrate::is_current(&self.db).await {
            Ok(true) => {}
            Ok(false) => reasons.push("the schema is not up to date: run hilum migrate"),
            Err(fault) => {
                tracing::warn!(%fault, "not ready");
                reasons.push("the database does not answer");
            }
        }
        if self.clock.drift() > MOST_DRIFT {
            reasons.push("this machine's clock differs from the database's by more than 30 seconds");
        }
        if !keys.is_ready(self.clock.now()) {
            reasons.push("there is no active signing key");
        }
        reasons
    }

    /// The connections for reading.
    #[must_use]
    pub fn readers(&self) -> Readers {
        let (open, idle) = self.db.connections();
        Readers { open, idle: u32::try_from(idle).unwrap_or(u32::MAX) }
    }
}
