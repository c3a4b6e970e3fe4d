//! Searching the audit trail.

use uuid::Uuid;

use crate::ledger::{Done, Work};
use crate::model::audit_event::{AuditEvent, Search};
use crate::model::page::Page;
use crate::moment::Timestamp;
use crate::protocol::error::Failure;
use crate::store;

use super::Administration;
use super::actor::Caller;

impl Administration {
    /// Finds a page of records, the newest first; that somebody looked is recorded too.
    pub async fn search_audit(
        &self,
        caller: &Caller,
        search: &Search,
        page: &Page<(Timestamp, Uuid)>,
    ) -> Result<Vec<AuditEvent>, Failure> {
        let found = store::audit_event::find_page(&self.db, search, page).await?;
        let mut event = self.event(caller, "audit.search")?;
        event.patient.clone_from(&search.patient);
        event.detail = Some(format!("{} records", found.len()));
        self.ledger
            .transact(event, |_, _| -> Work<'_, ()> { Box::pin(async { Ok(Done::Changed(())) }) })
            .await?;
        Ok(found)
    }
}
