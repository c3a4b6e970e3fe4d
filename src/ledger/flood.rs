//! Refusals at flood rate from those who proved nothing are counted, one record for each reason,
//! network and minute, so that the audit trail is not the way to bring the server down.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::model::audit_event::AuditEvent;
use crate::moment::{Timestamp, seconds};
use crate::protocol::error::Refusal;

/// How many pairs of reason and network are told apart within a minute.
const MOST_KEYS: usize = 10_000;
/// How many networks may have all their records of one reason within a minute.
const NETWORKS: u32 = 10;

/// Whether a refusal gets a record of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It does.
    Recorded,
    /// It is counted, and recorded with others when the minute is over.
    Counted,
}

/// What refusals have in common that are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    action: String,
    reason: &'static str,
    network: Option<IpAddr>,
    minute: i64,
}

/// How many there were.
pub(super) struct Count {
    seen: u32,
    counted: i64,
    /// The first refusal that was only counted.
    sample: Option<AuditEvent>,
}

#[derive(Default)]
struct State {
    counts: HashMap<Key, Count>,
    /// How many records a reason got in a minute, over all networks.
    totals: HashMap<(String, &'static str, i64), u32>,
}

/// The counts of the last minutes.
pub(super) struct Flood {
    recorded_per_minute: u32,
    state: Mutex<State>,
}

impl Flood {
    pub(super) fn new(recorded_per_minute: u32) -> Self {
        Self { recorded_per_minute, state: Mutex::default() }
    }

    /// Counts a refusal.
    pub(super) fn observe(&self, event: &AuditEvent, refusal: &Refusal) -> Verdict {
        self.observe_beyond(self.recorded_per_minute, event, refusal)
    }

    /// Counts a refusal that gets no record of its own.
    pub(super) fn count(&self, event: &AuditEvent, refusal: &Refusal) {
        self.observe_beyond(0, event, refusal);
    }

    fn observe_beyond(&self, most: u32, event: &AuditEvent, refusal: &Refusal) -> Verdict {
        let reason = refusal.reason().code();
        let minute = minute(event.at);
        let network = event.origin.network();
        let mut key = Key { action: event.action.clone(), reason, network, minute };
        let mut state = self.lock();
        if state.counts.len() >= MOST_KEYS && !state.counts.contains_key(&key) {
            key.network = None;
        }
        let recorded = state.totals.get(&(event.action.clone(), reason, minute)).copied().unwrap_or(0);
        let count = state.counts.entry(key).or_insert(Count { seen: 0, counted: 0, sample: None });
        count.seen = count.seen.saturating_add(1);
        if count.seen <= most && recorded < most.saturating_mul(NETWORKS) {
            *state.totals.entry((event.action.clone(), reason, minute)).or_insert(0) += 1;
            return Verdict::Recorded;
        }
        count.counted = count.counted.saturating_add(1);
        count.sample.get_or_insert_with(|| event.clone().refused(refusal));
        Verdict::Counted
    }

    /// Gives back what could not be recorded, to be taken again later.
    pub(super) fn give_back(&self, (key, count): (Key, Count)) {
        let mut state = self.lock();
        let known = state.counts.entry(key).or_insert(Count { seen: 0, counted: 0, sample: None });
        known.seen = known.seen.saturating_add(count.seen);
        known.counted = known.counted.saturating_add(count.counted);
        known.sample = known.sample.take().or(count.sample);
    }

    /// Takes one count of a minute that is over, if there is one.
    pub(super) fn take_ended(&self, now: Timestamp) -> Option<(Key, Count)> {
        let mut state = self.lock();
        state.totals.retain(|(_, _, at), _| *at >= minute(now));
        let ended = state.counts.keys().find(|key| key.minute < minute(now)).cloned()?;
        state.counts.remove_entry(&ended)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One record for what was counted: what the refusals have in common. `None` when nothing was.
pub(super) fn record(key: &Key, count: &Count, id: Uuid) -> Option<AuditEvent> {
    let mut event = count.sample.clone()?;
    event.id = id;
    event.occurrences = count.counted;
    event.origin.peer = key.network;
    event.origin.certificate = None;
    event.client = None;
    event.detail = Some("counted: more refusals of this kind than are recorded one by one".to_owned());
    Some(event)
}

fn minute(at: Timestamp) -> i64 {
    seconds(at) / 60
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use time::Duration;

    use super::*;
    use crate::model::audit_event::Origin;

    fn event(peer: [u8; 4], at: Timestamp) -> AuditEvent {
        let process = Arc::from("test");
        let origin =
            Origin { peer: Some(IpAddr::from(peer)), certificate: None, request: Uuid::nil(), process };
        AuditEvent::begin(Uuid::nil(), at, "token.issue", origin)
    }

    #[test]
    fn d8_a_flood_of_refusals_is_one_record_for_reason_network_and_minute() {
        let start = Timestamp::from_unix_timestamp(1_800_000_000).unwrap();
        let flood = Flood::new(2);
        let refusal = Refusal::invalid_client("unknown_client");
        let verdicts: Vec<Verdict> =
            (1..=5).map(|host| flood.observe(&event([10, 0, 0, host], start), &refusal)).collect();
        assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Recorded).count(), 2);
        assert_eq!(
            flood.observe(&event([10, 0, 1, 1], start), &refusal),
            Verdict::Recorded,
            "another network"
        );
        assert!(flood.take_ended(start).is_none(), "the minute is not over");
        let taken = std::iter::from_fn(|| flood.take_ended(start + Duration::minutes(1)));
        let records: Vec<AuditEvent> =
            taken.filter_map(|(key, count)| record(&key, &count, Uuid::nil())).collect();
        assert_eq!(records.iter().map(|record| record.occurrences).collect::<Vec<_>>(), [3]);
        assert_eq!(records[0].origin.peer, Some(IpAddr::from([10, 0, 0, 0])));
        assert!(flood.take_ended(start + Duration::minutes(9)).is_none(), "recorded once");
    }

    #[test]
    fn d8_a_flood_from_many_networks_is_bounded_too() {
        let start = Timestamp::from_unix_timestamp(1_800_000_000).unwrap();
        let flood = Flood::new(2);
        let refusal = Refusal::invalid_client("unknown_client");
        let recorded = (0..200)
            .filter(|net| flood.observe(&event([10, 0, *net, 1], start), &refusal) == Verdict::Recorded)
            .count();
        assert_eq!(recorded, 20);
    }
}
