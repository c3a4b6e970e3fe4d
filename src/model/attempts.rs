//! Attempts to sign in: counted before the password is looked at, so that many at once count too
//! (NIST SP 800-63B, throttling).

use time::Duration;

use crate::moment::Timestamp;
use crate::protocol::error::{ErrorCode, Reason, Refusal};

/// How many failures in a row of one account from one place cost no wait.
const FREE: u32 = 3;
/// The longest wait between two attempts.
const LONGEST: Duration = Duration::minutes(15);
/// How many failures in a row an account may have from places that it does not know, and from one device that it
/// does.
pub const MOST_OF_ACCOUNT: i64 = 100;
/// How many failures a network may have within [`WINDOW`], over all accounts.
pub const MOST_OF_NETWORK: i64 = 100;
/// The window of a network.
pub const WINDOW: Duration = Duration::minutes(10);

/// What a count is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// One account from one network.
    Place,
    /// One account from one device that it knows.
    Device,
    /// One account from all places that it does not know.
    Account,
    /// One network, over all accounts.
    Network,
}

impl Of {
    /// The word in rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Place => "place",
            Self::Device => "device",
            Self::Account => "account",
            Self::Network => "network",
        }
    }
}

/// One count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// What it is of.
    pub of: Of,
    /// The digest of what it is of.
    pub key: [u8; 32],
    /// The failures.
    pub failures: i64,
    /// Until when no attempt counts.
    pub blocked_until: Timestamp,
    /// The last attempt.
    pub last_at: Timestamp,
}

impl Attempts {
    /// No attempt yet.
    #[must_use]
    pub const fn none(of: Of, key: [u8; 32]) -> Self {
        let never = Timestamp::UNIX_EPOCH;
        Self { of, key, failures: 0, blocked_until: never, last_at: never }
    }

    /// The count with one more attempt, which has failed until it is known to have succeeded; or the time
    /// to wait for, when there may be none now.
    pub fn reserve(self, now: Timestamp) -> Result<Self, Timestamp> {
        if now < self.blocked_until {
            return Err(self.blocked_until);
        }
        let blocked_until = match self.of {
            Of::Account | Of::Device if self.failures >= MOST_OF_ACCOUNT => return Err(now + LONGEST),
            Of::Place | Of::Device => now + delay(self.failures + 1),
            Of::Account => self.blocked_until,
            Of::Network if now >= self.last_at + WINDOW => {
                return Ok(Self { failures: 1, last_at: now, ..self });
            }
            Of::Network if self.failures >= MOST_OF_NETWORK => return Err(self.last_at + WINDOW),
            // The window begins with its first attempt.
            Of::Network => return Ok(Self { failures: self.failures + 1, ..self }),
        };
        Ok(Self { failures: self.failures + 1, blocked_until, last_at: now, ..self })
    }

    /// Whether an account takes no more attempts after this one.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.of == Of::Account && self.failures == MOST_OF_ACCOUNT
    }

    /// The count after the attempt has succeeded.
    #[must_use]
    pub fn succeeded(self) -> Self {
        match self.of {
            Of::Place | Of::Device | Of::Account => {
                Self { failures: 0, blocked_until: Timestamp::UNIX_EPOCH, ..self }
            }
            Of::Network => Self { failures: (self.failures - 1).max(0), ..self },
        }
    }
}

/// The refusal of an attempt that comes too soon.
#[must_use]
pub fn too_soon(until: Timestamp) -> Refusal {
    let told = "too many attempts to sign in: wait a little, then try again";
    Refusal::new(ErrorCode::TooManyAttempts, told, Reason::new("sign_in_throttled"))
        .detail(format!("until {until}"))
}

/// The refusal of the code of a device that is entered too soon.
#[must_use]
pub fn too_many_codes(until: Timestamp) -> Refusal {
    let told = "too many codes that are not known: wait a little, then try again";
    Refusal::new(ErrorCode::TooManyAttempts, told, Reason::new("user_code_throttled"))
        .detail(format!("until {until}"))
}

/// How long to wait after so many failures: nothing at first, then twice as long each time.
fn delay(failures: i64) -> Duration {
    let beyond = u32::try_from(failures).unwrap_or(u32::MAX).saturating_sub(FREE);
    let seconds = if beyond == 0 { 0 } else { 1_i64 << (beyond - 1).min(20) };
    Duration::seconds(seconds).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_timestamp(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn l04_the_wait_grows_and_has_an_end() {
        let waits: Vec<i64> = (1..=15).map(|failures| delay(failures).whole_seconds()).collect();
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(delay(i64::MAX), LONGEST);
    }

    #[test]
    fn l05_attempts_at_the_same_time_are_counted_one_by_one() {
        let mut place = Attempts::none(Of::Place, [0; 32]);
        let mut reached = 0;
        for _ in 0..500 {
            match place.clone().reserve(at(0)) {
                Ok(next) => (place, reached) = (next, reached + 1),
                Err(until) => assert_eq!(until, at(1)),
            }
        }
        assert_eq!(reached, 4);
        assert!(place.clone().reserve(at(1)).is_ok());
        assert!(place.succeeded().reserve(at(0)).is_ok());
    }

    #[test]
    fn l04_an_account_takes_a_hundred_failures_from_unknown_places_and_from_a_device() {
        let mut device = Attempts::none(Of::Device, [0; 32]);
        for failure in 0..MOST_OF_ACCOUNT {
            device = device.reserve(at(failure * 1_000)).unwrap();
        }
        assert!(device.reserve(at(1_000_000)).is_err());
        let mut account = Attempts::none(Of::Account, [0; 32]);
        for _ in 0..MOST_OF_ACCOUNT {
            account = account.reserve(at(0)).unwrap();
        }
        assert!(account.clone().reserve(at(1_000_000)).is_err());
        assert!(account.succeeded().reserve(at(0)).is_ok());
    }

    #[test]
    fn l07_a_network_that_tries_many_accounts_waits_for_its_window_to_end() {
        let mut network = Attempts::none(Of::Network, [0; 32]);
        for _ in 0..MOST_OF_NETWORK {
            network = network.reserve(at(0)).unwrap();
        }
        assert_eq!(network.clone().reserve(at(599)).unwrap_err(), at(600));
        assert_eq!(network.reserve(at(600)).unwrap().failures, 1);
    }
}
