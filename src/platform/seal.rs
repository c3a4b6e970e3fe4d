//! Sealing what must be read back, in envelopes: each value under a random data key of its own
//! (AES-256-GCM), the data key wrapped under the master key, and both tied to the table, column and row
//! in which they stand.
//!
//! A sealed value is: eight bytes that say what it is, the name of the master key (8), the length of the
//! wrapped data key (2, big-endian), the wrapped data key, a nonce (12), the text with its tag.

mod direct;

use aws_lc_rs::aead::Aad;
use zeroize::Zeroizing;

use crate::config::key_material::KeyMaterial;
use crate::protocol::error::{Doing, Fault};

use super::entropy::Entropy;
use super::master_key::{DATA_KEY, LONGEST_WRAPPED, MasterKeyId, MasterKeys};

pub use direct::KeySealer;

/// What an envelope begins with. Former releases began with a random nonce.
const MARK: [u8; 8] = *b"HILUMSE\x01";
const OPENING: &str = "opening a sealed value";

/// The purpose for which former releases derived the one key that sealed everything, and for which the key of
/// what lives minutes is derived from the root: where the root is that of a former release, both are one, and
/// what it has just sealed is opened.
pub const PURPOSE: &str = "seal";

/// Seals and opens under the master keys.
pub struct Sealer {
    masters: MasterKeys,
    /// What former releases sealed: by the key itself, each master key that is in memory.
    before: Vec<(KeyMaterial, KeySealer)>,
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

    /// What a wrapped data key is tied to. A master key elsewhere may show it to people.
    fn name(&self) -> String {
        [self.table, self.column, self.row].join("/")
    }
}

/// A value in its envelope.
struct Envelope<'a> {
    master: MasterKeyId,
    wrapped: &'a [u8],
    text: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Parses a sealed value; `None` for one of a former release.
    fn parse(sealed: &'a [u8]) -> Option<Self> {
        let (master, rest) = sealed.strip_prefix(&MARK)?.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (wrapped, text) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        Some(Self { master: MasterKeyId::new(*master), wrapped, text })
    }

    fn write(&self) -> Result<Vec<u8>, Fault> {
        let doing = "wrapping a data key";
        if self.wrapped.len() > LONGEST_WRAPPED {
            return Err(Fault::new(doing, "the wrapped key is too long"));
        }
        let length = u16::try_from(self.wrapped.len()).doing(doing)?.to_be_bytes();
        Ok([MARK.as_slice(), self.master.bytes(), &length, self.wrapped, self.text].concat())
    }
}

impl Sealer {
    /// A sealer under master keys.
    pub fn new(masters: MasterKeys, entropy: Entropy) -> Result<Self, Fault> {
        let materials = masters.all().filter_map(|key| key.material().cloned());
        let before: Result<Vec<_>, Fault> = materials
            .map(|material| {
                let key = Zeroizing::new(material.derive(PURPOSE));
                let sealer = KeySealer::new(&key, entropy.clone())?;
                Ok((material, sealer))
            })
            .collect();
        Ok(Self { before: before?, masters, entropy })
    }

    /// The master key that seals.
    #[must_use]
    pub fn current(&self) -> MasterKeyId {
        self.masters.current.id()
    }

    /// Seals a value for its place, under a data key of its own.
    pub async fn seal(&self, place: Place<'_>, value: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut data_key = Zeroizing::new([0; DATA_KEY]);
        self.entropy.fill(data_key.as_mut_slice()).doing("making a data key")?;
        let text = KeySealer::new(&data_key, self.entropy.clone())?.seal(place, value)?;
        self.wrapped(place, &data_key, &text).await
    }

    /// Opens a value in its place. A fault means another master key, another place, or a changed value.
    pub async fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let Some(envelope) = Envelope::parse(sealed) else {
            return self.open_former(place, sealed).map(|(_, value)| value);
        };
        let data_key = self.data_key(place, &envelope).await?;
        KeySealer::new(&data_key, self.entropy.clone())?.open(place, envelope.text)
    }

    /// The same value under the master key that seals now; `None` when it stands under it already. Of an envelope
    /// only the data key is wrapped anew. That it can be opened is made sure of in any case.
    pub async fn rewrap(&self, place: Place<'_>, sealed: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let Some(envelope) = Envelope::parse(sealed) else {
            let (_, value) = self.open_former(place, sealed)?;
            return self.seal(place, &value).await.map(Some);
        };
        let data_key = self.data_key(place, &envelope).await?;
        KeySealer::new(&data_key, self.entropy.clone())?.open(place, envelope.text)?;
        if envelope.master == self.current() {
            return Ok(None);
        }
        self.wrapped(place, &data_key, envelope.text).await.map(Some)
    }

    /// The master key of a former release under which a value was sealed; `None` when it is in an envelope.
    pub fn former_master(&self, place: Place<'_>, sealed: &[u8]) -> Result<Option<&KeyMaterial>, Fault> {
        match Envelope::parse(sealed) {
            Some(_) => Ok(None),
            None => self.open_former(place, sealed).map(|(material, _)| Some(material)),
        }
    }

    /// The one master key whose bytes this process has; `None` when there are none or several.
    #[must_use]
    pub fn only_material(&self) -> Option<&KeyMaterial> {
        match self.before.as_slice() {
            [(material, _)] => Some(material),
            [] | [_, _, ..] => None,
        }
    }

    async fn data_key(
        &self,
        place: Place<'_>,
        envelope: &Envelope<'_>,
    ) -> Result<Zeroizing<[u8; DATA_KEY]>, Fault> {
        let master = self.masters.find(envelope.master).ok_or_else(|| {
            let says = "is sealed under the master key that is named";
            let hint = "which is none of [secrets]: is this the master key of this database?";
            Fault::new(OPENING, format!("{} {says} {}, {hint}", place.name(), envelope.master))
        })?;
        master.open(envelope.wrapped, &place.name()).await
    }

    async fn wrapped(
        &self,
        place: Place<'_>,
        data_key: &[u8; DATA_KEY],
        text: &[u8],
    ) -> Result<Vec<u8>, Fault> {
        let master = &self.masters.current;
        let wrapped = master.wrap(data_key, &place.name()).await?;
        Envelope { master: master.id(), wrapped: &wrapped, text }.write()
    }

    fn open_former(
        &self,
        place: Place<'_>,
        sealed: &[u8],
    ) -> Result<(&KeyMaterial, Zeroizing<Vec<u8>>), Fault> {
        let opened = self
            .before
            .iter()
            .find_map(|(material, sealer)| Some((material, sealer.open(place, sealed).ok()?)));
        opened.ok_or_else(|| {
            let says = "was sealed by a former release under a master key file that is none of [secrets]";
            Fault::new(OPENING, format!("{} {says}", place.name()))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::platform::master_key::{MasterKey, SoftwareKey};

    const PLACE: Place<'static> = Place { table: "signing_key", column: "sealed_private_key", row: "k1" };

    fn sealer(current: u8, former: &[u8]) -> Sealer {
        let key = |byte: u8| -> Arc<dyn MasterKey> {
            Arc::new(SoftwareKey::new(KeyMaterial::new([byte; 32])).unwrap())
        };
        let masters = MasterKeys { current: key(current), former: former.iter().copied().map(key).collect() };
        Sealer::new(masters, Entropy::seeded(u64::from(current))).unwrap()
    }

    #[tokio::test]
    async fn o06_each_value_has_a_data_key_of_its_own_and_opens_in_its_place_alone() {
        let old = sealer(1, &[]);
        let (one, two) =
            (old.seal(PLACE, b"private").await.unwrap(), old.seal(PLACE, b"private").await.unwrap());
        let parsed = [Envelope::parse(&one).unwrap(), Envelope::parse(&two).unwrap()];
        assert!(parsed[0].wrapped != parsed[1].wrapped && parsed[0].text != parsed[1].text);
        assert!(!one.windows(7).any(|window| window == b"private"));
        assert_eq!(old.open(PLACE, &one).await.unwrap().as_slice(), b"private");
        assert!(old.open(Place { row: "k2", ..PLACE }, &one).await.is_err());
        assert!(old.open(Place { column: "other", ..PLACE }, &one).await.is_err());
        for at in 0..one.len() {
            let mut changed = one.clone();
            changed[at] ^= 1;
            assert!(old.open(PLACE, &changed).await.is_err(), "{at}");
            assert!(old.open(PLACE, &one[..at]).await.is_err(), "{at}");
        }
        let mixed = Envelope { master: parsed[0].master, wrapped: parsed[1].wrapped, text: parsed[0].text };
        assert!(old.open(PLACE, &mixed.write().unwrap()).await.is_err(), "another's data key");
    }

    #[tokio::test]
    async fn o06_rewrapping_changes_the_data_keys_wrapping_and_not_the_text() {
        let (old, both, new) = (sealer(1, &[]), sealer(2, &[1]), sealer(2, &[]));
        let sealed = old.seal(PLACE, b"private").await.unwrap();
        let fault = new.open(PLACE, &sealed).await.unwrap_err().to_string();
        assert!(fault.contains(&old.current().to_string()) && fault.contains("signing_key"), "{fault}");
        assert!(new.rewrap(PLACE, &sealed).await.is_err());
        let rewrapped = both.rewrap(PLACE, &sealed).await.unwrap().unwrap();
        assert_eq!(Envelope::parse(&rewrapped).unwrap().text, Envelope::parse(&sealed).unwrap().text);
        assert_eq!(new.open(PLACE, &rewrapped).await.unwrap().as_slice(), b"private");
        assert!(old.open(PLACE, &rewrapped).await.is_err());
        assert!(both.rewrap(PLACE, &rewrapped).await.unwrap().is_none());
        let mut changed = rewrapped;
        *changed.last_mut().unwrap() ^= 1;
        assert!(
            both.rewrap(PLACE, &changed).await.is_err(),
            "what is broken is told, though nothing is to do"
        );
    }

    #[tokio::test]
    async fn what_a_former_release_sealed_is_opened_and_put_into_an_envelope() {
        let master = KeyMaterial::new([1; 32]);
        let release = KeySealer::new(&master.derive("seal"), Entropy::seeded(9)).unwrap();
        let sealed = release.seal(PLACE, b"private").unwrap();
        let (old, both, new) = (sealer(1, &[]), sealer(2, &[1]), sealer(2, &[]));
        assert_eq!(old.open(PLACE, &sealed).await.unwrap().as_slice(), b"private");
        assert!(new.open(PLACE, &sealed).await.is_err());
        let of_the_release = both.former_master(PLACE, &sealed).unwrap().unwrap();
        assert_eq!(of_the_release.expose(), master.expose());
        let rewrapped = both.rewrap(PLACE, &sealed).await.unwrap().unwrap();
        assert!(both.former_master(PLACE, &rewrapped).unwrap().is_none());
        assert_eq!(new.open(PLACE, &rewrapped).await.unwrap().as_slice(), b"private");
    }
}
