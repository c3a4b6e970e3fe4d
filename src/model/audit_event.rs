//! One record of the audit trail: who, what, when, from where, why (45 CFR 164.312(b)).

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use uuid::Uuid;

use crate::moment::Timestamp;
use crate::protocol::error::Refusal;

use super::client::Client;
use super::standing::Standing;

/// From where a request came.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The address of the TLS peer; absent for a command at a terminal.
    pub peer: Option<IpAddr>,
    /// The thumbprint of the client certificate shown.
    pub certificate: Option<String>,
    /// The identifier of the request, which the client gets too.
    pub request: Uuid,
    /// The process that answered: host and process id.
    pub process: Arc<str>,
}

impl Origin {
    /// The network of the peer: 24 bits of IPv4, 64 bits of IPv6.
    #[must_use]
    pub fn network(&self) -> Option<IpAddr> {
        self.peer.map(|peer| match peer.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                IpAddr::from([a, b, c, 0])
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        })
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Granted,
    /// It was not.
    Refused,
}

impl Outcome {
    /// The word in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Refused => "refused",
        }
    }

    /// Reads the word of a record.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "granted" => Some(Self::Granted),
            "refused" => Some(Self::Refused),
            _ => None,
        }
    }
}

/// One record of the audit trail.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    /// The record's identifier, the same as its entry's.
    pub id: Uuid,
    /// When, in UTC by the database's time.
    pub at: Timestamp,
    /// What was asked, such as `token.issue`.
    pub action: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was refused: a fixed code.
    pub reason: Option<String>,
    /// The particulars of the reason.
    pub detail: Option<String>,
    /// How many equal refusals this record stands for.
    pub occurrences: i64,
    /// The client that asked; for a refusal of credentials, the client that was named.
    pub client: Option<String>,
    /// The client's organization.
    pub client_organization: Option<String>,
    /// The person.
    pub person: Option<String>,
    /// The person's organization.
    pub person_organization: Option<String>,
    /// Which patient.
    pub patient: Option<String>,
    /// What an administrator changed.
    pub target: Option<String>,
    /// The scopes asked for.
    pub scopes_asked: Option<String>,
    /// The scopes granted.
    pub scopes_granted: Option<String>,
    /// The resource server.
    pub audience: Option<String>,
    /// The token's `jti`.
    pub token: Option<Uuid>,
    /// Why it was asked: a code of HL7 PurposeOfUse.
    pub purpose_of_use: Option<String>,
    /// The `grant_type`.
    pub grant_type: Option<String>,
    /// The policy or rule that decided.
    pub rule: Option<String>,
    /// From where.
    pub origin: Origin,
}

impl AuditEvent {
    /// A record that has begun: it says nothing yet of who asked.
    #[must_use]
    pub fn begin(id: Uuid, at: Timestamp, action: &str, origin: Origin) -> Self {
        Self {
            id,
            at,
            action: action.to_owned(),
            outcome: Outcome::Granted,
            reason: None,
            detail: None,
            occurrences: 1,
            client: None,
            client_organization: None,
            person: None,
            person_organization: None,
            patient: None,
            target: None,
            scopes_asked: None,
            scopes_granted: None,
            audience: None,
            token: None,
            purpose_of_use: None,
            grant_type: None,
            rule: None,
            origin,
        }
    }

    /// Notes the client and for whom it acts.
    pub fn name_client(&mut self, client: &Client) {
        self.client = Some(client.id.to_string());
        self.client_organization = Some(client.metadata.organization.clone());
        self.purpose_of_use.clone_from(&client.metadata.purpose_of_use);
    }

    /// Notes the person and for whom they act.
    pub fn name_person(&mut self, person: &Standing) {
        self.person = Some(person.subject.to_string());
        self.person_organization = Some(person.organization.clone());
    }

    /// The record of the same request, refused: nothing was granted and no token exists.
    #[must_use]
    pub fn refused(mut self, refusal: &Refusal) -> Self {
        self.outcome = Outcome::Refused;
        self.reason = Some(refusal.reason().code().to_owned());
        if let Some(detail) = refusal.reason().detail() {
            self.detail = Some(detail.chars().take(500).collect());
        }
        if self.action == "token.issue" {
            self.scopes_granted = None;
            self.token = None;
        }
        self
    }
}

/// What a search of the audit trail asks for; what is absent is not asked.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// This client.
    pub client: Option<String>,
    /// This person.
    pub person: Option<String>,
    /// This patient.
    pub patient: Option<String>,
    /// This action.
    pub action: Option<String>,
    /// This outcome.
    pub outcome: Option<Outcome>,
}
