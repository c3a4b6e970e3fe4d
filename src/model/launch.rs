//! A launch: what an EHR hands over to an app through the browser (SMART App Launch 2.2, EHR launch).

use serde::{Deserialize, Serialize};
use time::Duration;
use uuid::Uuid;

use crate::moment::Timestamp;
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::protocol::ids::ClientId;
use crate::protocol::launch_context::LaunchContext;

/// How a handle begins, so that scanners of code and logs know it.
pub const PREFIX: &str = "hlh_";
/// How long a used or expired handle is remembered, so that its second use is known for one.
pub const MEMORY: Duration = Duration::hours(24);

/// A launch as it stands in the database.
#[derive(Clone, Debug)]
pub struct Launch {
    /// SHA-256 of the handle.
    pub digest: [u8; 32],
    /// The EHR that launched.
    pub ehr: ClientId,
    /// The app that alone may show the handle.
    pub client: ClientId,
    /// The FHIR server that it is for.
    pub audience: String,
    /// What the app is told.
    pub handover: Handover,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when it is no good.
    pub expires_at: Timestamp,
    /// When it was shown.
    pub used_at: Option<Timestamp>,
    /// Whether the EHR has not been stopped since.
    pub does_ehr_stand: bool,
}

/// What of a launch goes on with an authorization request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// The launch.
    pub id: Uuid,
    /// The EHR, by its `client_id`.
    pub ehr: String,
    /// The person who alone may go on with it.
    pub subject: Uuid,
    /// What was open in the EHR.
    pub context: LaunchContext,
}

impl Launch {
    /// Decides whether an app may take over a launch. Until it may, the launch stays as it was.
    pub fn take(&self, client: &ClientId, audience: &str, now: Timestamp) -> Result<(), Refusal> {
        if self.client != *client {
            return Err(not_valid("launch_of_another_client").detail(format!("of {}", self.client)));
        }
        if self.audience != audience {
            return Err(not_valid("launch_for_another_resource"));
        }
        if !self.does_ehr_stand {
            return Err(not_valid("launch_of_a_stopped_ehr"));
        }
        if self.used_at.is_some() {
            return Err(not_valid("launch_used"));
        }
        if now >= self.expires_at {
            return Err(not_valid("launch_expired"));
        }
        Ok(())
    }
}

/// The refusal of a handle, whatever is wrong with it: the same words for all.
#[must_use]
pub const fn not_valid(reason: &'static str) -> Refusal {
    Refusal::new(
        ErrorCode::InvalidRequest,
        "the launch is not valid: open the app again from the EHR",
        Reason::new(reason),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_timestamp(1_800_000_000 + seconds).unwrap()
    }

    fn launch() -> Launch {
        Launch {
            digest: [1; 32],
            ehr: ClientId::parse("ehr").unwrap(),
            client: ClientId::parse("app").unwrap(),
            audience: "https://fhir.example".to_owned(),
            handover: Handover {
                id: Uuid::nil(),
                ehr: "ehr".to_owned(),
                subject: Uuid::nil(),
                context: LaunchContext::default(),
            },
            does_ehr_stand: true,
            created_at: at(0),
            expires_at: at(300),
            used_at: None,
        }
    }

    fn reason(launch: &Launch, client: &str, audience: &str, now: i64) -> Option<&'static str> {
        let taken = launch.take(&ClientId::parse(client).unwrap(), audience, at(now));
        taken.err().map(|refusal| refusal.reason().code())
    }

    #[test]
    fn s02_s03_s05_a_launch_is_for_its_app_its_server_and_its_time_and_for_once() {
        let fhir = "https://fhir.example";
        assert_eq!(reason(&launch(), "app", fhir, 299), None);
        assert_eq!(reason(&launch(), "other", fhir, 1), Some("launch_of_another_client"));
        assert_eq!(reason(&launch(), "app", "https://fhir.example/", 1), Some("launch_for_another_resource"));
        assert_eq!(reason(&launch(), "app", fhir, 300), Some("launch_expired"));
        let used = Launch { used_at: Some(at(1)), ..launch() };
        assert_eq!(reason(&used, "app", fhir, 2), Some("launch_used"));
        let stopped = Launch { does_ehr_stand: false, ..launch() };
        assert_eq!(reason(&stopped, "app", fhir, 2), Some("launch_of_a_stopped_ehr"));
    }
}
