//! A master key in the memory of this process: from a file, or from a variable.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::config::key_material::KeyMaterial;
use crate::platform::entropy::Entropy;
use crate::protocol::error::{Doing, Fault};

use super::{DATA_KEY, MasterKey, MasterKeyId};

/// More than any form of a key needs; the file may turn out to be something else altogether.
const LONGEST_FILE: u64 = 1024;
const READING: &str = "reading the master key";

/// A master key in memory. Data keys are wrapped by AES-256-GCM under a key that is derived from it.
pub struct SoftwareKey {
    material: KeyMaterial,
    id: MasterKeyId,
    wrapping: LessSafeKey,
}

impl SoftwareKey {
    /// Takes a key over.
    pub fn new(material: KeyMaterial) -> Result<Self, Fault> {
        let wrapping = Zeroizing::new(material.derive("wrap data keys"));
        let wrapping = UnboundKey::new(&AES_256_GCM, wrapping.as_slice()).doing("making the wrapping key")?;
        let id = MasterKeyId::beginning(&material.derive("name of the master key"));
        Ok(Self { material, id, wrapping: LessSafeKey::new(wrapping) })
    }

    /// Reads a key from its file.
    pub fn read(path: &Path) -> Result<Self, Fault> {
        let unreadable = |error: std::io::Error| Fault::new(READING, format!("{}: {error}", path.display()));
        let mut content = Zeroizing::new(Vec::with_capacity(2048));
        let file = File::open(path).map_err(unreadable)?;
        file.take(LONGEST_FILE).read_to_end(&mut content).map_err(unreadable)?;
        let material = KeyMaterial::parse(&content).ok_or_else(|| {
            let shown = path.display();
            let wanted = "must hold 32 random bytes: raw, as 64 hexadecimal digits, or as base64";
            Fault::new(READING, format!("{shown} {wanted}"))
        })?;
        Self::new(material)
    }
}

#[async_trait]
impl MasterKey for SoftwareKey {
    fn id(&self) -> MasterKeyId {
        self.id
    }

    async fn wrap(&self, data_key: &[u8; DATA_KEY], place: &str) -> Result<Vec<u8>, Fault> {
        let doing = "wrapping a data key";
        let nonce: [u8; NONCE_LEN] = Entropy::system().bytes().doing(doing)?;
        let mut wrapped = Zeroizing::new(data_key.to_vec());
        // In place and without growing, so that no copy of the key is left behind.
        let at = Nonce::assume_unique_for_key(nonce);
        let aad = Aad::from(place.as_bytes());
        let tag = self.wrapping.seal_in_place_separate_tag(at, aad, &mut wrapped).doing(doing)?;
        Ok([nonce.as_slice(), &wrapped, tag.as_ref()].concat())
    }

    async fn open(&self, wrapped: &[u8], place: &str) -> Result<Zeroizing<[u8; DATA_KEY]>, Fault> {
        let doing = "opening a data key";
        let (nonce, text) =
            wrapped.split_at_checked(NONCE_LEN).ok_or_else(|| Fault::new(doing, "it is too short"))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).doing(doing)?;
        let mut text = Zeroizing::new(text.to_vec());
        let key = self.wrapping.open_in_place(nonce, Aad::from(place.as_bytes()), &mut text).doing(doing)?;
        let key: &[u8] = key;
        Ok(Zeroizing::new(key.try_into().doing(doing)?))
    }

    fn material(&self) -> Option<&KeyMaterial> {
        Some(&self.material)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn o06_a_data_key_opens_in_its_place_under_its_master_key_alone() {
        let key = SoftwareKey::new(KeyMaterial::new([7; 32])).unwrap();
        let wrapped = key.wrap(&[1; DATA_KEY], "a/b/c").await.unwrap();
        assert_eq!(*key.open(&wrapped, "a/b/c").await.unwrap(), [1; DATA_KEY]);
        assert!(key.open(&wrapped, "a/b/d").await.is_err());
        for cut in [0, 11, 12, wrapped.len() - 1] {
            assert!(key.open(&wrapped[..cut], "a/b/c").await.is_err());
        }
        let other = SoftwareKey::new(KeyMaterial::new([8; 32])).unwrap();
        assert!(other.open(&wrapped, "a/b/c").await.is_err());
        assert_ne!(other.id(), key.id());
        assert_eq!(key.id(), SoftwareKey::new(KeyMaterial::new([7; 32])).unwrap().id());
    }
}
