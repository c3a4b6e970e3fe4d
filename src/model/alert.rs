//! What a security officer should look at.

use uuid::Uuid;

use crate::moment::Timestamp;

use super::audit_event::AuditEvent;

/// What alerts are about.
pub const KINDS: [&str; 10] = [
    "refresh_token_reused",
    "code_replayed",
    "device_code_replayed",
    "account_held",
    "backchannel_logout_failed",
    "key_revoked",
    "certificate_expires",
    "certificate_renewal_due",
    "certificate_revoked",
    "revocation_list_unavailable",
];

/// An alert. Its audit record says the rest.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Its identifier.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// What it is about, such as `refresh_token_reused`.
    pub kind: String,
    /// The audit record.
    pub event: Uuid,
    /// The client.
    pub client: Option<String>,
    /// The person.
    pub person: Option<String>,
    /// What was done about it.
    pub detail: Option<String>,
}

impl Alert {
    /// The alert about what a record tells.
    #[must_use]
    pub fn of(event: &AuditEvent, kind: &str, detail: &str) -> Self {
        Self {
            // One alert for each record, so that its identifier will do.
            id: event.id,
            at: event.at,
            kind: kind.to_owned(),
            event: event.id,
            client: event.client.clone(),
            person: event.person.clone(),
            detail: Some(detail.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_lists_what_alerts_are_about() {
        let (_, told) = include_str!("../../docs/reference.md").split_once("An alert has").unwrap();
        let (_, told) = told.split_once("`kind` (").unwrap();
        let named: Vec<&str> =
            told.split(')').next().unwrap().split(", ").map(|kind| kind.trim_matches('`')).collect();
        assert_eq!(named, KINDS);
    }
}
