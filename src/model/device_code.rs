//! A device code (RFC 8628): what a device without a browser asks with until a person has answered elsewhere.

use std::net::IpAddr;

use time::Duration;
use uuid::Uuid;

use crate::moment::Timestamp;
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::error::{Consequence, ErrorCode, Reason, Refusal};
use crate::protocol::ids::ClientId;

use super::binding::Binding;
use super::delegation::Delegation;
use super::standing::Standing;

/// The `grant_type` of a device (RFC 8628, 3.4).
pub const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// How long a person may take.
pub const LIFE: Duration = Duration::minutes(10);
/// How many seconds a device waits between two questions (RFC 8628, 3.2).
pub const INTERVAL: i64 = 5;
/// How many seconds more it waits each time it was too fast (RFC 8628, 3.5).
const SLOWER: i64 = 5;
/// The longest interval: from there on, whoever is too fast changes nothing any more.
const LONGEST_INTERVAL: i64 = 60;
/// How much sooner a question may arrive than it was sent: the way here does not always take as long.
const EARLY: Duration = Duration::seconds(1);

/// How long a code that nobody has answered is kept after its end, so that its device is told that it has expired.
pub const UNANSWERED: Duration = Duration::minutes(10);
/// How many codes of one client may wait for an answer.
pub const MOST_OF_CLIENT: i64 = 1_000;
/// How many codes may wait for an answer that one network has asked for, in the name of clients that prove nothing.
pub const MOST_OF_NETWORK: i64 = 100;

/// A device code, as it stands in the database.
#[derive(Clone, Debug)]
pub struct DeviceCode {
    /// SHA-256 of the code itself.
    pub digest: [u8; 32],
    /// The client that asks.
    pub client: ClientId,
    /// How it has asked so far.
    pub polling: Polling,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// From where it was asked for.
    pub asked_from: Option<IpAddr>,
    /// From when it is no good.
    pub expires_at: Timestamp,
    /// What has become of it.
    pub state: DeviceState,
}

/// A device code to be kept.
#[derive(Clone, Debug)]
pub struct NewDeviceCode {
    /// SHA-256 of the code itself.
    pub digest: [u8; 32],
    /// What the code that the person enters is known by.
    pub user_code: [u8; 32],
    /// Who asks.
    pub asker: Asker,
    /// What it asks for.
    pub request: AuthorizationRequest,
    /// When it was issued.
    pub issued_at: Timestamp,
}

/// Who asks for a device code.
#[derive(Clone, Debug)]
pub struct Asker {
    /// The client.
    pub client: ClientId,
    /// The address of the peer.
    pub address: Option<IpAddr>,
    /// Its network, where the client has proved nothing: anybody can ask in its name.
    pub network: Option<IpAddr>,
}

/// What a code that a person has entered leads to.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// SHA-256 of the device code.
    pub digest: [u8; 32],
    /// The client that asks.
    pub client: ClientId,
    /// What it asks for.
    pub request: AuthorizationRequest,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// From where it was asked for.
    pub asked_from: Option<IpAddr>,
    /// From when it is no good.
    pub expires_at: Timestamp,
}

/// What has become of a device code.
#[derive(Clone, Debug)]
pub enum DeviceState {
    /// Nobody has answered.
    Pending,
    /// A person has agreed.
    Approved(Box<Approval>),
    /// A person has refused, or taken back what they agreed to.
    Denied,
    /// It has been redeemed.
    Redeemed {
        /// The tokens that came of it.
        family: Uuid,
        /// The key that they are bound to, of a client that proves nothing else.
        binding: Option<Binding>,
    },
}

/// What a person has agreed to, and how they stand now.
#[derive(Clone, Debug)]
pub struct Approval {
    /// What it stands for.
    pub delegation: Delegation,
    /// How often the database had been restored when the session began.
    pub epoch: i64,
    /// How the person stands now.
    pub person: Standing,
    /// When the session in which it was agreed was ended, and with it the last of those that took its place.
    pub session_ended_at: Option<Timestamp>,
}

/// How a device asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polling {
    /// How many seconds it has to wait between two questions.
    pub interval: i64,
    /// When it asked last.
    pub last_at: Option<Timestamp>,
}

impl Polling {
    /// The interval from this question on, and whether it came too soon.
    fn next(self, now: Timestamp) -> (i64, bool) {
        let due = self.last_at.map(|last| last + Duration::seconds(self.interval));
        match due {
            Some(due) if now + EARLY < due => ((self.interval + SLOWER).min(LONGEST_INTERVAL), true),
            Some(_) | None => (self.interval, false),
        }
    }
}

impl DeviceCode {
    /// Decides on a question of a device, which proves a key or none. The device code proves whose question it is, so
    /// that a replay ends what came of it; another client changes nothing, nor does anybody without the key of the
    /// tokens. An answer that was lost is not given again: the device code alone is no proof of who asks for it.
    pub fn poll(
        &self,
        (client, key): (&ClientId, Option<&Binding>),
        now: Timestamp,
    ) -> Result<&Approval, Refusal> {
        if *client != self.client {
            return Err(not_valid("device_code_of_another_client").detail(format!("of {}", self.client)));
        }
        match &self.state {
            DeviceState::Redeemed { binding, .. } if binding.is_some() && binding.as_ref() != key => {
                Err(not_valid("device_code_replayed_without_key"))
            }
            DeviceState::Redeemed { family, .. } => {
                Err(not_valid("device_code_replayed").leaving(Consequence::RevokeFamily(*family)))
            }
            _ if now >= self.expires_at => Err(expired()),
            DeviceState::Pending => Err(self.wait(now)),
            DeviceState::Denied => Err(denied()),
            DeviceState::Approved(approval) if approval.session_ended_at.is_some() => {
                Err(not_valid("session_ended"))
            }
            DeviceState::Approved(approval) => match approval.person.objection(&approval.delegation) {
                Some(why) => Err(not_valid(why)),
                None => Ok(approval),
            },
        }
    }

    /// When and from where it was asked for.
    #[must_use]
    pub fn asked(&self) -> String {
        asked(self.issued_at, self.asked_from)
    }

    /// The word to come again, and what is kept of the question.
    fn wait(&self, now: Timestamp) -> Refusal {
        let (interval, is_too_soon) = self.polling.next(now);
        let refusal = if is_too_soon { slow_down() } else { pending() };
        if is_too_soon && interval == self.polling.interval {
            return refusal;
        }
        refusal.leaving(Consequence::NotePoll { code: self.digest, interval })
    }
}

impl Wanted {
    /// When and from where it was asked for.
    #[must_use]
    pub fn asked(&self) -> String {
        asked(self.issued_at, self.asked_from)
    }
}

/// What the records of the answer say of the device: that it asked has no record of its own.
fn asked(at: Timestamp, from: Option<IpAddr>) -> String {
    match from {
        Some(address) => format!("asked for at {at} from {address}"),
        None => format!("asked for at {at}"),
    }
}

/// The refusal of another code while too many wait for an answer.
#[must_use]
pub const fn too_many_wait() -> Refusal {
    let told = "too many devices wait for an answer: try again later";
    Refusal::new(ErrorCode::TooManyAttempts, told, Reason::new("too_many_devices_wait"))
}

/// The refusal of a device code, whatever is wrong with it: the same words for all.
#[must_use]
pub const fn not_valid(reason: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidGrant, "the device code is not valid", Reason::new(reason))
}

/// The person has refused (RFC 8628, 3.5).
const fn denied() -> Refusal {
    Refusal::new(ErrorCode::AccessDenied, "access was not given", Reason::new("device_denied"))
}

/// Nobody has answered in time (RFC 8628, 3.5).
const fn expired() -> Refusal {
    let told = "the device code has expired: ask for another";
    Refusal::new(ErrorCode::ExpiredToken, told, Reason::new("device_code_expired"))
}

/// Nobody has answered yet (RFC 8628, 3.5).
const fn pending() -> Refusal {
    let told = "nobody has answered yet: ask again after the interval";
    Refusal::new(ErrorCode::AuthorizationPending, told, Reason::new("device_pending"))
}

/// The device asks too fast (RFC 8628, 3.5).
const fn slow_down() -> Refusal {
    let told = "asked too soon: from now on wait five seconds more between two questions";
    Refusal::new(ErrorCode::SlowDown, told, Reason::new("device_too_fast"))
}

#[cfg(test)]
mod tests;
