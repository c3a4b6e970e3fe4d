//! Master keys: what wraps the data keys of sealed values, wherever it is.

mod command;
mod software;
mod token;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::config::key_material::KeyMaterial;
use crate::config::secrets::{MasterKeySource, Secrets};
use crate::jose::thumbprint::sha256;
use crate::platform::hsm::Hsm;
use crate::protocol::error::Fault;

pub use command::CommandKey;
pub use software::SoftwareKey;
pub use token::TokenKey;

/// The length of a data key.
pub const DATA_KEY: usize = 32;

/// The most bytes of a data key once it is wrapped.
pub const LONGEST_WRAPPED: usize = 4096;
const OPENING: &str = "opening the master key";

/// Names a master key in what it has wrapped, and tells nothing else of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MasterKeyId([u8; 8]);

impl MasterKeyId {
    /// Takes over what stands in a sealed value.
    #[must_use]
    pub const fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The name of a key that is known by a text, such as its label.
    fn of(form: &str, name: &str) -> Self {
        Self::beginning(&sha256(format!("{form}\u{1f}{name}").as_bytes()))
    }

    /// The first bytes of what only one key leads to.
    fn beginning(bytes: &[u8; 32]) -> Self {
        Self(bytes.first_chunk().copied().unwrap_or_default())
    }

    /// As it stands in a sealed value.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Wraps data keys, and opens what it has wrapped.
#[async_trait]
pub trait MasterKey: Send + Sync {
    /// Its name in what it has wrapped.
    fn id(&self) -> MasterKeyId;

    /// Wraps a data key for its place; it cannot be opened for another.
    async fn wrap(&self, data_key: &[u8; DATA_KEY], place: &str) -> Result<Vec<u8>, Fault>;

    /// Opens a wrapped data key.
    async fn open(&self, wrapped: &[u8], place: &str) -> Result<Zeroizing<[u8; DATA_KEY]>, Fault>;

    /// Its bytes, where this process has them.
    fn material(&self) -> Option<&KeyMaterial> {
        None
    }
}

/// The master keys of a configuration.
pub struct MasterKeys {
    /// The one that seals.
    pub current: Arc<dyn MasterKey>,
    /// Those that only open.
    pub former: Vec<Arc<dyn MasterKey>>,
}

impl MasterKeys {
    /// Opens those that a configuration names.
    pub async fn open(secrets: &Secrets, hsm: Option<&Hsm>) -> Result<Self, Fault> {
        let mut keys = Vec::new();
        for source in std::iter::once(&secrets.master_key).chain(&secrets.former) {
            keys.push(open(source, hsm).await?);
        }
        let former = keys.split_off(1);
        let current = keys.pop().ok_or_else(|| Fault::new(OPENING, "there is none"))?;
        Ok(Self { current, former })
    }

    /// The one that has wrapped something.
    #[must_use]
    pub fn find(&self, id: MasterKeyId) -> Option<&Arc<dyn MasterKey>> {
        self.all().find(|key| key.id() == id)
    }

    /// Every one of them, the one that seals first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn MasterKey>> {
        std::iter::once(&self.current).chain(&self.former)
    }
}

async fn open(source: &MasterKeySource, hsm: Option<&Hsm>) -> Result<Arc<dyn MasterKey>, Fault> {
    match source {
        MasterKeySource::File(path) => Ok(Arc::new(SoftwareKey::read(path)?)),
        MasterKeySource::Variable(material) => Ok(Arc::new(SoftwareKey::new(material.clone())?)),
        MasterKeySource::Command(words) => Ok(Arc::new(CommandKey::new(words.clone()))),
        MasterKeySource::Token(label) => {
            let hsm = hsm.ok_or_else(|| Fault::new(OPENING, "it is in an HSM, and none is configured"))?;
            Ok(Arc::new(TokenKey::begin(hsm.clone(), label.clone()).await?))
        }
    }
}
