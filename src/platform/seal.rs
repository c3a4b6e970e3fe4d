//! Sealing what must be read back: AES-256-GCM under a key from outside the database, tied to the
//! table, column and row that it stands in.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::protocol::error::{Doing, Fault};

use super::entropy::Entropy;

/// Seals and opens under one key.
pub struct Sealer {
    key: LessSafeKey,
    entropy: Entropy,
}

/// Where a sealed value stands; it cannot be opened anywhere else.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's key.
    pub row: &'a str,
}

impl Place<'_> {
    fn associated(&self) -> Aad<Vec<u8>> {
        Aad::from([self.table, self.column, self.row].join("\u{1f}").into_bytes())
    }
}

impl Sealer {
    /// A sealer with a key of 32 bytes.
    pub fn new(key: &[u8; 32], entropy: Entropy) -> Result<Self, Fault> {
        let key = UnboundKey::new(&AES_256_GCM, key).doing("making the sealing key")?;
        Ok(Self { key: LessSafeKey::new(key), entropy })
    }

    /// Seals a value for its place: a random nonce, then the sealed text with its tag.
    pub fn seal(&self, place: Place<'_>, value: &[u8]) -> Result<Vec<u8>, Fault> {
        let nonce: [u8; NONCE_LEN] = self.entropy.bytes().doing("making a nonce")?;
        let mut sealed = value.to_vec();
        let at = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(at, place.associated(), &mut sealed).doing("sealing a value")?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens a value in its place. A fault means another master key, another place, or a changed value.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let doing = "opening a sealed value (is this the master key it was sealed under?)";
        let (nonce, text) =
            sealed.split_at_checked(NONCE_LEN).ok_or_else(|| Fault::new(doing, "too short"))?;
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
        let sealer = Sealer::new(&[7; 32], Entropy::seeded(1)).unwrap();
        let place = Place { table: "signing_key", column: "sealed_private_key", row: "k1" };
        let text = sealer.seal(place, b"private").unwrap();
        assert!(!text.windows(7).any(|window| window == b"private"));
        assert_eq!(sealer.open(place, &text).unwrap().as_slice(), b"private");

        assert!(sealer.open(Place { row: "k2", ..place }, &text).is_err());
        assert!(Sealer::new(&[8; 32], Entropy::seeded(1)).unwrap().open(place, &text).is_err());
        let mut changed = text.clone();
        changed[NONCE_LEN] ^= 1;
        assert!(sealer.open(place, &changed).is_err());
        assert!(sealer.open(place, &[]).is_err());
    }
}
