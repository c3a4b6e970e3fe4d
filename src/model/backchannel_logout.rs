//! Telling a client that a session has ended in which it had tokens (OpenID Connect Back-Channel Logout, 2).

use time::Duration;
use uuid::Uuid;

use crate::moment::Timestamp;
use crate::protocol::ids::ClientId;

/// How long after each failure the next attempt is made; after the last of them there is none.
const DELAYS: [Duration; 5] = [
    Duration::seconds(10),
    Duration::minutes(1),
    Duration::minutes(10),
    Duration::hours(1),
    Duration::hours(6),
];

/// How long an attempt may take before another process takes it for lost.
pub const LEASE: Duration = Duration::seconds(30);
/// How long a notice is remembered.
pub const MEMORY: Duration = Duration::days(30);

/// A notice that is to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutNotice {
    /// The session that has ended.
    pub session: Uuid,
    /// Who is told.
    pub client: ClientId,
    /// Whose session it was.
    pub subject: Uuid,
    /// Which attempt this is, from 1.
    pub attempt: i32,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The client answered with a status.
    Status(u16),
    /// It could not be reached, or not in time.
    Unreachable(&'static str),
    /// It was not asked: there was no place for it.
    Unasked(&'static str),
    /// It may not be asked.
    Barred(&'static str),
    /// It is there no more, or does not want to be told any more.
    Gone(&'static str),
}

/// What follows from an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The client knows.
    Delivered,
    /// Another attempt is made.
    Again(Timestamp),
    /// None was made; it is made as soon as may be.
    Untried,
    /// The client has refused the notice, and would again (Back-Channel Logout, 2.8), or wants none.
    Refused,
    /// No further attempt would help, or there have been enough: somebody should look at it.
    GivenUp,
}

impl LogoutNotice {
    /// Decides what follows from an answer that came at a time.
    #[must_use]
    pub fn judge(&self, answer: Answer, now: Timestamp) -> Outcome {
        match answer {
            // Some frameworks say 204 where there is no body (Back-Channel Logout, 2.8).
            Answer::Status(200..=299) => Outcome::Delivered,
            Answer::Status(400) | Answer::Gone(_) => Outcome::Refused,
            Answer::Status(408 | 429 | 500..=599) | Answer::Unreachable(_) => self.again(now),
            Answer::Unasked(_) => Outcome::Untried,
            Answer::Status(_) | Answer::Barred(_) => Outcome::GivenUp,
        }
    }

    fn again(&self, now: Timestamp) -> Outcome {
        let failed = usize::try_from(self.attempt).unwrap_or_default();
        let delay = failed.checked_sub(1).and_then(|before| DELAYS.get(before));
        delay.map_or(Outcome::GivenUp, |delay| Outcome::Again(now + *delay))
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::Unreachable(why) | Self::Unasked(why) | Self::Barred(why) | Self::Gone(why) => {
                f.write_str(why)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn notice(attempt: i32) -> LogoutNotice {
        let client = ClientId::parse("app").unwrap();
        LogoutNotice { session: Uuid::nil(), client, subject: Uuid::nil(), attempt }
    }

    #[test]
    fn lo_02_what_may_pass_is_tried_again_later_and_later_and_then_no_more() {
        let delays =
            [10, 60, 600, 3_600, 21_600].map(|seconds| Outcome::Again(NOW + Duration::seconds(seconds)));
        for answer in [
            Answer::Status(500),
            Answer::Status(503),
            Answer::Status(429),
            Answer::Status(408),
            Answer::Unreachable("no"),
        ] {
            for (attempt, expected) in (1..).zip(delays) {
                assert_eq!(notice(attempt).judge(answer, NOW), expected, "{answer:?}");
            }
            assert_eq!(notice(6).judge(answer, NOW), Outcome::GivenUp);
            assert_eq!(notice(i32::MAX).judge(answer, NOW), Outcome::GivenUp);
        }
    }

    #[test]
    fn lo_02_what_would_not_change_is_not_tried_again() {
        let rows = [
            (Answer::Status(200), Outcome::Delivered),
            (Answer::Status(204), Outcome::Delivered),
            (Answer::Status(400), Outcome::Refused),
            (Answer::Status(302), Outcome::GivenUp),
            (Answer::Status(401), Outcome::GivenUp),
            (Answer::Status(404), Outcome::GivenUp),
            (Answer::Status(501), Outcome::Again(NOW + Duration::seconds(10))),
            (Answer::Barred("the host is not public"), Outcome::GivenUp),
            (Answer::Gone("the client is gone"), Outcome::Refused),
            (Answer::Unasked("no place"), Outcome::Untried),
        ];
        for (answer, expected) in rows {
            assert_eq!(notice(1).judge(answer, NOW), expected, "{answer:?}");
        }
        assert_eq!(
            notice(6).judge(Answer::Unasked("no place"), NOW),
            Outcome::Untried,
            "not the last either"
        );
    }
}
