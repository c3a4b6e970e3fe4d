//! A published revocation list: when it is fetched again.

use time::Duration;

use crate::moment::Timestamp;

/// How long whoever took a list to fetch has for it.
pub const LEASE: Duration = Duration::seconds(60);
/// How many lists are kept at most of one community: more would be the work of an authority that ought not to be
/// trusted, and is not to keep the lists of other communities away.
pub const MOST_OF_COMMUNITY: i64 = 1000;
/// How many lists are kept at most of all communities together.
pub const MOST_LISTS: i64 = 10_000;
/// The shortest pause between two fetches.
const SHORTEST: Duration = Duration::SECOND;
/// As many failures in a row are told to a security officer.
pub const WORTH_AN_ALERT: i32 = 3;
/// The pause doubles so often at most.
const MOST_DOUBLINGS: i32 = 16;

/// A list that this process is to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedList {
    /// Where it is published.
    pub url: String,
    /// How often in a row it could not be fetched.
    pub failures: i32,
}

/// How many lists are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Of the community that names another.
    pub of_community: i64,
    /// Of all.
    pub of_all: i64,
}

impl Room {
    /// Whether there is room for another.
    #[must_use]
    pub const fn is_left(self) -> bool {
        self.of_community < MOST_OF_COMMUNITY && self.of_all < MOST_LISTS
    }
}

/// What is known of a list without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListHead {
    /// Where it is published.
    pub url: String,
    /// The trust community that named it first.
    pub community: String,
    /// The SHA-256 of the list, once there is one.
    pub digest: Option<Vec<u8>>,
    /// How often in a row it could not be fetched since.
    pub failures: i32,
}

/// A list that was fetched, without what it says.
#[derive(Clone, Copy, Debug)]
pub struct FetchedList {
    /// The SHA-256 of the list.
    pub digest: [u8; 32],
    /// Since when it is so.
    pub this_update: Timestamp,
    /// By when the next comes.
    pub next_update: Timestamp,
}

/// When a list that was fetched is fetched again: halfway to its end, and no later than what is known may be old.
#[must_use]
pub fn next_fetch(now: Timestamp, next_update: Timestamp, refresh: Duration) -> Timestamp {
    let half: Duration = (next_update - now) / 2_i32;
    now + half.min(refresh).max(SHORTEST)
}

/// When a list is asked for again that could not be fetched so often in a row: each time after twice the pause.
#[must_use]
pub fn next_try(now: Timestamp, failures: i32, refresh: Duration) -> Timestamp {
    let doubled = 2_i32.pow(u32::try_from(failures.clamp(1, MOST_DOUBLINGS) - 1).unwrap_or_default());
    now + (SHORTEST * doubled).min(refresh).max(SHORTEST)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: Timestamp = datetime!(2026-03-01 12:00 UTC);

    #[test]
    fn f23_a_community_that_names_too_many_lists_takes_no_other_communitys_room() {
        let rows = [
            ((0, 0), true),
            ((999, 9999), true),
            ((1000, 1000), false),
            ((1001, 1001), false),
            ((0, 1000), true),
            ((0, 9999), true),
            ((0, 10_000), false),
        ];
        for ((of_community, of_all), is_left) in rows {
            let room = Room { of_community, of_all };
            assert_eq!(room.is_left(), is_left, "{room:?}");
        }
    }

    #[test]
    fn a_list_is_fetched_ahead_of_need() {
        let rows = [(86_400, 300), (600, 300), (400, 200), (3, 1), (1, 1), (-10, 1)];
        for (left, expected) in rows {
            let at = next_fetch(NOW, NOW + Duration::seconds(left), Duration::minutes(5));
            assert_eq!(
                at - NOW,
                Duration::milliseconds(if left == 3 { 1500 } else { expected * 1000 }),
                "{left}"
            );
        }
    }

    #[test]
    fn pauses_after_failures_grow_up_to_the_interval() {
        let pauses = [1, 2, 3, 9, 10, 1000, i32::MAX]
            .map(|failures| (next_try(NOW, failures, Duration::minutes(5)) - NOW).whole_seconds());
        assert_eq!(pauses, [1, 2, 4, 256, 300, 300, 300]);
    }
}
