//! Sealing under one key that this process has, without an envelope.

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::platform::entropy::Entropy;
use crate::protocol::error::{Doing, Fault};

use super::Place;

/// Seals and opens under one key: for what lives minutes, and for the text inside of envelopes.
pub struct KeySealer {
    key: LessSafeKey,
    entropy: Entropy,
}

impl KeySealer {
    /// A sealer with a key of 32 bytes.
    pub fn new(key: &[u8; 32], entropy: Entropy) -> Result<Self, Fault> {
        let key = UnboundKey::new(&AES_256_GCM, key).doing("making the sealing key")?;
        Ok(Self { key: LessSafeKey::new(key), entropy })
    }

    /// Seals a value for its place: a random nonce, then the sealed text with its tag.
    pub fn seal(&self, place: Place<'_>, value: &[u8]) -> Result<Vec<u8>, Fault> {
        let nonce: [u8; NONCE_LEN] = self.entropy.bytes().doing("making a nonce")?;
        // In place and without growing, so that no copy of the value is left behind.
        let mut sealed = value.to_vec();
        let at = Nonce::assume_unique_for_key(nonce);
        let tag = self.key.seal_in_place_separate_tag(at, place.associated(), &mut sealed);
        let tag = tag.doing("sealing a value")?;
        Ok([nonce.as_slice(), &sealed, tag.as_ref()].concat())
    }

    /// Opens a value in its place. A fault means another key, another place, or a changed value.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let doing = "opening a sealed value";
        let (nonce, text) =
            sealed.split_at_checked(NONCE_LEN).ok_or_else(|| Fault::new(doing, "it is too short"))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).doing(doing)?;
        let mut text = Zeroizing::new(text.to_vec());
        let length = self.key.open_in_place(nonce, place.associated(), &mut text).doing(doing)?.len();
        text.truncate(length);
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o06_a_sealed_value_opens_in_its_place_under_its_key_alone() {
        let sealer = KeySealer::new(&[7; 32], Entropy::seeded(1)).unwrap();
        let place = Place { table: "signing_key", column: "sealed_private_key", row: "k1" };
        let text = sealer.seal(place, b"private").unwrap();
        assert!(!text.windows(7).any(|window| window == b"private"));
        assert_eq!(sealer.open(place, &text).unwrap().as_slice(), b"private");

        assert!(sealer.open(Place { row: "k2", ..place }, &text).is_err());
        assert!(KeySealer::new(&[8; 32], Entropy::seeded(1)).unwrap().open(place, &text).is_err());
        let mut changed = text.clone();
        changed[NONCE_LEN] ^= 1;
        assert!(sealer.open(place, &changed).is_err());
        assert!(sealer.open(place, &[]).is_err());
    }
}
