//! The JWKS document (RFC 7517, 5): the next key ahead of its use, the last until its tokens are gone.

use serde_json::{Value, json};

use crate::moment::Timestamp;

use super::keyring::KeyRing;
use super::rotation::Schedule;

/// The public keys at a time.
#[must_use]
pub fn jwks(ring: &KeyRing, now: Timestamp) -> Value {
    json!({ "keys": ring.published(now) })
}

/// For how many seconds they may be cached. A key that another process announced right after this one looked signs
/// after [`Schedule::lead`] at the earliest: nothing may be kept beyond that. So a process that cannot read the keys
/// promises less and less.
#[must_use]
pub fn max_age(ring: &KeyRing, schedule: Schedule, now: Timestamp) -> i64 {
    let until_something_new_signs = schedule.lead().whole_seconds().saturating_sub(ring.age(now));
    until_something_new_signs.clamp(0, schedule.cache.whole_seconds())
}
