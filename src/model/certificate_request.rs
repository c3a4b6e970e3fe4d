//! A request for a client's certificate, and what was decided of it. Who asks and who decides are two.

use uuid::Uuid;

use crate::moment::Timestamp;
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::protocol::ids::ClientId;

/// A request for a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRequest {
    /// Its identifier.
    pub id: Uuid,
    /// For which client.
    pub client: ClientId,
    /// PKCS #10 in DER, whose signature was verified.
    pub csr: Vec<u8>,
    /// Who asked, such as `client:ID` or `terminal:ACCOUNT`.
    pub requested_by: String,
    /// When.
    pub requested_at: Timestamp,
    /// Until when it can be decided.
    pub expires_at: Timestamp,
    /// What was decided.
    pub decision: Option<Decision>,
    /// The thumbprint of the certificate by which the client proved who it is, where it asked by one.
    pub asked_with: Option<String>,
}

/// What was decided of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// By whom.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The thumbprint of the certificate that was issued; none when the request was denied.
    pub thumbprint: Option<String>,
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// Nobody has decided yet.
    Pending,
    /// A certificate was issued.
    Approved,
    /// There will be none.
    Denied,
    /// Nobody decided in time.
    Expired,
}

impl RequestState {
    /// The word in answers; of rows, all but `expired`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
        }
    }
}

/// How many people it takes to issue a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eyes {
    /// One, who may approve what they asked for.
    Two,
    /// One who asks and another who approves.
    Four,
}

impl CertificateRequest {
    /// Where it stands at a time.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> RequestState {
        match &self.decision {
            Some(Decision { thumbprint: Some(_), .. }) => RequestState::Approved,
            Some(Decision { thumbprint: None, .. }) => RequestState::Denied,
            None if now < self.expires_at => RequestState::Pending,
            None => RequestState::Expired,
        }
    }

    /// Whether somebody may approve it now.
    pub fn approvable(&self, by: &str, eyes: Eyes, now: Timestamp) -> Result<(), Refusal> {
        self.deniable(now)?;
        if eyes == Eyes::Four && by == self.requested_by {
            let told = "whoever asked for a certificate cannot approve it: another administrator has to";
            return Err(Refusal::new(ErrorCode::FourEyes, told, Reason::new("four_eyes")));
        }
        Ok(())
    }

    /// Whether it can be denied now, by whoever asked too.
    pub fn deniable(&self, now: Timestamp) -> Result<(), Refusal> {
        let (told, reason) = match self.state(now) {
            RequestState::Pending => return Ok(()),
            RequestState::Approved => ("the request has been approved already", "request_approved"),
            RequestState::Denied => ("the request has been denied already", "request_denied"),
            RequestState::Expired => ("the request has expired: ask again", "request_expired"),
        };
        Err(Refusal::new(ErrorCode::Conflict, told, Reason::new(reason)))
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const START: Timestamp = datetime!(2026-11-22 12:00 UTC);

    fn request(decision: Option<Decision>) -> CertificateRequest {
        CertificateRequest {
            id: Uuid::nil(),
            client: ClientId::parse("c").unwrap(),
            csr: Vec::new(),
            requested_by: "client:a".into(),
            requested_at: START,
            expires_at: START + Duration::days(7),
            decision,
            asked_with: None,
        }
    }

    #[test]
    fn m06_whoever_asked_does_not_approve_and_what_is_decided_stays_so() {
        let decided = |thumbprint: Option<&str>| Decision {
            by: "client:b".into(),
            at: START,
            thumbprint: thumbprint.map(str::to_owned),
        };
        let late = START + Duration::days(7);
        let rows = [
            (None, "client:b", Eyes::Four, START, "approved"),
            (None, "client:a", Eyes::Four, START, "four_eyes"),
            (None, "client:a", Eyes::Two, START, "approved"),
            (None, "client:b", Eyes::Four, late, "request_expired"),
            (Some(decided(Some("x"))), "client:b", Eyes::Four, START, "request_approved"),
            (Some(decided(Some("x"))), "client:b", Eyes::Four, late, "request_approved"),
            (Some(decided(None)), "client:b", Eyes::Four, START, "request_denied"),
        ];
        for (decision, by, eyes, now, expected) in rows {
            let came = request(decision.clone()).approvable(by, eyes, now);
            let came = came.map_or_else(|refusal| refusal.reason().code(), |()| "approved");
            assert_eq!(came, expected, "{decision:?} {by} {now}");
        }
        assert!(request(None).deniable(START).is_ok());
    }
}
