//! The JWKS document (RFC 7517, 5): the next key ahead of its use, the last until its tokens are gone.

use serde_json::{Value, json};

use crate::moment::Timestamp;

use super::keyring::KeyRing;

/// How long a JWKS may be cached, in seconds; announcements are longer, withdrawals take so long.
pub const MAX_AGE: u32 = 300;

/// The public keys at a time.
#[must_use]
pub fn jwks(ring: &KeyRing, now: Timestamp) -> Value {
    json!({ "keys": ring.published(now) })
}
