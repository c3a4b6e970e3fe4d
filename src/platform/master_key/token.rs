//! A master key in the token of a hardware security module: an AES key that never leaves it.

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::platform::hsm::{Hsm, HsmError, KeyId};
use crate::protocol::error::{Doing, Fault};

use super::{DATA_KEY, MasterKey, MasterKeyId};

const WRAPPING: &str = "wrapping a data key in the HSM";
const OPENING: &str = "opening a data key in the HSM";

/// A master key in a token, known by its label. A wrapped data key is the identifier of the key in
/// hexadecimal, a colon, and what the token made of it by AES-256-GCM.
pub struct TokenKey {
    hsm: Hsm,
    label: String,
}

impl TokenKey {
    /// The key with a label; that the token can be used is made sure of.
    pub async fn begin(hsm: Hsm, label: String) -> Result<Self, Fault> {
        hsm.greet().await.map_err(|error| error.fault("opening the master key in the HSM"))?;
        Ok(Self { hsm, label })
    }

    /// Asks the token on a thread that may wait.
    async fn ask<T: Send + 'static>(
        &self,
        doing: &'static str,
        ask: impl FnOnce(&Hsm) -> Result<T, HsmError> + Send + 'static,
    ) -> Result<T, Fault> {
        let hsm = self.hsm.clone();
        let asked = tokio::task::spawn_blocking(move || ask(&hsm)).await.doing(doing)?;
        asked.map_err(|error| error.fault(doing))
    }
}

#[async_trait]
impl MasterKey for TokenKey {
    fn id(&self) -> MasterKeyId {
        MasterKeyId::of("token", &self.label)
    }

    async fn wrap(&self, data_key: &[u8; DATA_KEY], place: &str) -> Result<Vec<u8>, Fault> {
        let (label, place) = (self.label.clone(), place.to_owned());
        let data_key = Zeroizing::new(*data_key);
        self.ask(WRAPPING, move |hsm| {
            let id = hsm.data_key(&label)?;
            let text = hsm.encrypt(&id, place.as_bytes(), data_key.as_slice())?;
            Ok([id.to_string().as_bytes(), b":", &text].concat())
        })
        .await
    }

    async fn open(&self, wrapped: &[u8], place: &str) -> Result<Zeroizing<[u8; DATA_KEY]>, Fault> {
        let at = wrapped.iter().position(|byte| *byte == b':');
        let (id, text) = at.and_then(|at| wrapped.split_at_checked(at)).unwrap_or((wrapped, &[]));
        let id =
            KeyId::parse(std::str::from_utf8(id).doing(OPENING)?).map_err(|error| error.fault(OPENING))?;
        let (text, place) = (text.get(1..).unwrap_or_default().to_vec(), place.to_owned());
        let key = self.ask(OPENING, move |hsm| hsm.decrypt(&id, place.as_bytes(), &text)).await?;
        Ok(Zeroizing::new(key.as_slice().try_into().doing(OPENING)?))
    }
}
