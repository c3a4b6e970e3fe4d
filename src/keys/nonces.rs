//! The nonces of DPoP proofs (RFC 9449, 8 and 9): a stretch of time under an HMAC-SHA-256. Nothing is kept of them,
//! every process knows those of the others, and whoever has no answer of this server yet cannot tell the next.

use aws_lc_rs::hmac;

use crate::jose::base64url;
use crate::moment::{Timestamp, seconds};
use crate::protocol::secret::same_bytes;

/// How long a nonce is the newest, in seconds. It is good for as long again.
pub const WINDOW: i64 = 120;
/// How much of the MAC stands in a nonce, in bytes.
const LENGTH: usize = 16;

/// Makes and recognizes nonces under one key.
pub struct Nonces(hmac::Key);

impl Nonces {
    /// A maker with a key of 32 bytes.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The newest nonce.
    #[must_use]
    pub fn newest(&self, now: Timestamp) -> String {
        self.of(window(now))
    }

    /// Whether a text is the newest nonce, or the one before.
    #[must_use]
    pub fn is_current(&self, text: &str, now: Timestamp) -> bool {
        let present = window(now);
        [present, present - 1].into_iter().any(|each| same_bytes(self.of(each).as_bytes(), text.as_bytes()))
    }

    fn of(&self, window: i64) -> String {
        let mac = hmac::sign(&self.0, &window.to_be_bytes());
        base64url::encode(mac.as_ref().get(..LENGTH).unwrap_or_default())
    }
}

const fn window(now: Timestamp) -> i64 {
    seconds(now).div_euclid(WINDOW)
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    #[test]
    fn dp_03_a_nonce_is_good_now_and_for_one_window_more() {
        let nonces = Nonces::new(&[1; 32]);
        let begin = Timestamp::from_unix_timestamp(1_800_000_000 / WINDOW * WINDOW).unwrap();
        let after = |seconds| begin + Duration::seconds(seconds);
        let nonce = nonces.newest(begin);
        assert_eq!(nonce.len(), 22);
        for (seconds, good) in
            [(-1, false), (0, true), (WINDOW - 1, true), (2 * WINDOW - 1, true), (2 * WINDOW, false)]
        {
            assert_eq!(nonces.is_current(&nonce, after(seconds)), good, "{seconds}");
        }
        assert_ne!(nonces.newest(after(WINDOW)), nonce);
        assert!(!Nonces::new(&[2; 32]).is_current(&nonce, begin));
        for bad in ["", "x", &nonce[1..]] {
            assert!(!nonces.is_current(bad, begin));
        }
    }
}
