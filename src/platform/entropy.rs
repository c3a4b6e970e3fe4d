//! Chance: the one source of tokens and identifiers.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::moment::Timestamp;

/// A source of random bytes.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

type Fill = dyn Fn(&mut [u8]) -> Result<(), EntropyFailed> + Send + Sync;

/// The system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct EntropyFailed;

impl Entropy {
    /// The system's source.
    pub fn system() -> Self {
        Self(Arc::new(system_bytes))
    }

    /// A source that gives the same bytes for the same seed, so that tests can compare whole
    /// answers. Nothing it gives is secret.
    pub fn seeded(seed: u64) -> Self {
        let state = AtomicU64::new(seed);
        Self(Arc::new(move |bytes| {
            for chunk in bytes.chunks_mut(8) {
                for (to, from) in chunk.iter_mut().zip(splitmix64(&state).to_le_bytes()) {
                    *to = from;
                }
            }
            Ok(())
        }))
    }

    /// Fills a buffer.
    pub fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFailed> {
        (self.0)(bytes)
    }

    /// So many bytes.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], EntropyFailed> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// A text that cannot be guessed: 32 bytes in base64url, 43 characters.
    pub fn token(&self) -> Result<String, EntropyFailed> {
        Ok(URL_SAFE_NO_PAD.encode(self.bytes::<32>()?))
    }

    /// An identifier that sorts by its time: a UUID of version 7 (RFC 9562, 5.7).
    pub fn id(&self, now: Timestamp) -> Result<Uuid, EntropyFailed> {
        let milliseconds = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        let random = self.bytes::<10>()?;
        Ok(uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid())
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(..)")
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that randomness comes from")]
fn system_bytes(bytes: &mut [u8]) -> Result<(), EntropyFailed> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| EntropyFailed)
}

/// One step of splitmix64: well spread, and guessed from a single output.
fn splitmix64(state: &AtomicU64) -> u64 {
    const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
    let z = state.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let (one, same, other) = (Entropy::seeded(7), Entropy::seeded(7), Entropy::seeded(8));
        let first = one.token().unwrap();
        assert_eq!(first, same.token().unwrap());
        assert_ne!(first, one.token().unwrap());
        assert_ne!(first, other.token().unwrap());
    }

    #[test]
    fn splitmix64_is_as_published() {
        let state = AtomicU64::new(0);
        assert_eq!(splitmix64(&state), 0xe220_a839_7b1d_cdaf);
        assert_eq!(splitmix64(&state), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn the_system_does_not_repeat_itself() {
        let entropy = Entropy::system();
        let token = entropy.token().unwrap();
        assert_eq!(token.len(), 43);
        assert_ne!(token, entropy.token().unwrap());
    }

    #[test]
    fn identifiers_carry_their_time_and_sort_by_it() {
        let entropy = Entropy::seeded(1);
        let (then, now) = (datetime!(2026-11-22 02:00:00 UTC), datetime!(2026-11-22 02:00:00.001 UTC));
        let id = entropy.id(then).unwrap();
        assert_eq!((id.get_version_num(), id.get_timestamp().unwrap().to_unix().0), (7, 1_795_312_800));
        assert!(id < entropy.id(now).unwrap());
        assert!(entropy.id(datetime!(1969-01-01 00:00:00 UTC)).unwrap() < id);
    }
}
