//! What a security officer should look at.

use uuid::Uuid;

use crate::ledger::{Done, Work};
use crate::model::alert::Alert;
use crate::model::page::Page;
use crate::protocol::error::{Failure, Fault};
use crate::store;

use super::Administration;
use super::actor::Caller;

impl Administration {
    /// Finds a page of alerts, the newest first.
    pub async fn list_alerts(&self, page: &Page<Uuid>) -> Result<Vec<Alert>, Fault> {
        store::alert::find_page(&self.db, page).await
    }

    /// Notes that the database was put back from a backup: every session, code and token in a person's name of
    /// before is dead, since some may have been spent or ended after the backup was made. The answer is the new
    /// epoch.
    pub async fn declare_restored(&self, caller: &Caller) -> Result<i64, Failure> {
        let event = self.event(caller, "database.restore")?;
        self.ledger
            .transact(event, |tx, event| -> Work<'_, i64> {
                Box::pin(async move {
                    let epoch = store::epoch::raise(tx).await?;
                    event.detail = Some(format!(
                        "epoch {epoch}: sessions, codes and people's tokens of before are dead"
                    ));
                    Ok(Done::Changed(epoch))
                })
            })
            .await
    }
}
