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
        event.detail = Some(format!("{} records of {}", found.len(), asked(search)));
        self.ledger
            .transact(event, |_, _| -> Work<'_, ()> { Box::pin(async { Ok(Done::Changed(())) }) })
            .await?;
        Ok(found)
    }
}

/// What was searched for, in words.
fn asked(search: &Search) -> String {
    let moment = |at: &Option<Timestamp>| at.map(|at| at.to_string());
    let all = [
        ("from", moment(&search.from)),
        ("until", moment(&search.until)),
        ("client", search.client.clone()),
        ("person", search.person.clone()),
        ("action", search.action.clone()),
        ("outcome", search.outcome.map(|outcome| outcome.as_str().to_owned())),
    ];
    let named: Vec<String> =
        all.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?))).collect();
    if named.is_empty() { "all".to_owned() } else { named.join(", ") }
}
