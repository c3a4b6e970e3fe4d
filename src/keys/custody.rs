//! Where private keys are kept, and the one way to sign with them: sealed in the database and opened in memory, or in
//! the token of a hardware security module, which they never leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::jose::algorithm::Algorithm;
use crate::jose::signing::SigningKey;
use crate::model::signing_key::Kept;
use crate::platform::hsm::{Hsm, HsmError, KeyId};
use crate::platform::seal::{Place, Sealer};
use crate::protocol::error::{Doing, Fault};

/// A private key, wherever it is.
#[derive(Debug)]
pub enum PrivateKey {
    /// In the memory of this process.
    Software(SigningKey),
    /// In a hardware security module.
    Hsm(TokenKey),
}

/// A key in the token of a hardware security module.
#[derive(Debug)]
pub struct TokenKey {
    hsm: Hsm,
    id: KeyId,
    algorithm: Algorithm,
    /// The public half, without a name.
    public: Value,
    /// Whether something names it. What nothing names is removed from the token when it is dropped.
    kept: AtomicBool,
}

/// Makes private keys and opens those that were made. Clones share it.
#[derive(Clone)]
pub struct Custody {
    sealer: Arc<Sealer>,
    hsm: Option<Hsm>,
}

impl PrivateKey {
    /// The algorithm it signs with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Software(key) => key.algorithm(),
            Self::Hsm(key) => key.algorithm,
        }
    }

    /// The public key as a JWK.
    #[must_use]
    pub fn public_jwk(&self, kid: &str) -> Value {
        match self {
            Self::Software(key) => key.public_jwk(kid),
            Self::Hsm(key) => key.public_jwk(kid),
        }
    }

    /// What named it was never stored: in a token it is removed again. Said of a key only where that is certain.
    pub fn give_up(&self) {
        if let Self::Hsm(key) = self {
            key.kept.store(false, Ordering::Relaxed);
        }
    }

    /// Signs bytes where it may take its time; the signature is as JWS wants it (RFC 7518, 3).
    pub fn sign_bytes(&self, message: &[u8]) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Software(key) => key.sign_bytes(message).doing("signing"),
            Self::Hsm(TokenKey { hsm, id, algorithm, .. }) => {
                hsm.sign_here(*algorithm, id, message.to_vec()).map_err(|error| error.fault(BY_HSM))
            }
        }
    }

    /// Signs bytes without holding up anybody else.
    pub async fn sign(self: &Arc<Self>, message: &[u8]) -> Result<Vec<u8>, Fault> {
        match self.as_ref() {
            Self::Software(key) => key.sign_bytes(message).doing("signing"),
            Self::Hsm(TokenKey { hsm, id, algorithm, .. }) => {
                let signed = hsm.sign(*algorithm, id, message.to_vec()).await;
                signed.map_err(|error| error.fault(BY_HSM))
            }
        }
    }
}

impl TokenKey {
    fn public_jwk(&self, kid: &str) -> Value {
        let mut jwk = self.public.clone();
        if let Some(members) = jwk.as_object_mut() {
            let named = [("alg", self.algorithm.as_str()), ("use", "sig"), ("kid", kid)];
            members.extend(named.map(|(name, value)| (name.to_owned(), value.into())));
        }
        jwk
    }
}

impl Drop for TokenKey {
    fn drop(&mut self) {
        if !*self.kept.get_mut()
            && let Err(error) = self.hsm.forget(&self.id)
        {
            tracing::warn!(%error, id = %self.id, "a key that nothing names stays in the HSM");
        }
    }
}

impl Custody {
    /// Keeps new keys in the token where there is one, and sealed otherwise. What is sealed is opened either way.
    #[must_use]
    pub fn new(sealer: Arc<Sealer>, hsm: Option<Hsm>) -> Self {
        Self { sealer, hsm }
    }

    /// The hardware security module, where there is one.
    #[must_use]
    pub const fn hsm(&self) -> Option<&Hsm> {
        self.hsm.as_ref()
    }

    /// Makes a key. It has no place before it has a name, so [`Custody::keep`] follows.
    pub async fn generate(&self, algorithm: Algorithm) -> Result<PrivateKey, Fault> {
        let doing = "making a private key";
        if let Some(hsm) = &self.hsm {
            let made = hsm.generate(algorithm, format!("hilum {}", algorithm.as_str())).await;
            let (id, public) = made.map_err(|error| error.fault("making a private key in the HSM"))?;
            let kept = AtomicBool::new(false);
            return Ok(PrivateKey::Hsm(TokenKey { hsm: hsm.clone(), id, algorithm, public, kept }));
        }
        // An RSA key takes its time, in which no other request is held up.
        let making = move || SigningKey::generate(algorithm);
        let made = tokio::task::spawn_blocking(making).await.doing(doing)?.doing(doing)?;
        Ok(PrivateKey::Software(made))
    }

    /// How a key that was just made is kept in its place.
    pub async fn keep(&self, key: &PrivateKey, place: Place<'_>) -> Result<Kept, Fault> {
        match key {
            PrivateKey::Software(key) => {
                let der = key.to_pkcs8().doing("writing a private key")?;
                Ok(Kept::Sealed(self.sealer.seal(place, &der).await?))
            }
            PrivateKey::Hsm(key) => {
                key.kept.store(true, Ordering::Relaxed);
                Ok(Kept::Token(key.id.to_string()))
            }
        }
    }

    /// Opens a key in its place. One in a token is asked for its public half.
    pub async fn open(
        &self,
        algorithm: Algorithm,
        place: Place<'_>,
        kept: &Kept,
    ) -> Result<PrivateKey, Fault> {
        let Kept::Token(id) = kept else {
            return self.open_known((algorithm, place), kept, &Value::Null).await;
        };
        let (hsm, id) = (self.needed_hsm()?, key_id(id)?);
        let public = hsm.public_jwk(algorithm, &id).await;
        let public = public.map_err(|error| error.fault("reading a public key of the HSM"))?;
        self.open_known((algorithm, place), kept, &public).await
    }

    /// Opens a key whose public half is known. Of one in a token nothing is asked: that it cannot be reached shows
    /// when it signs, and keeps nobody from knowing which keys there are.
    pub async fn open_known(
        &self,
        (algorithm, place): (Algorithm, Place<'_>),
        kept: &Kept,
        public: &Value,
    ) -> Result<PrivateKey, Fault> {
        match kept {
            Kept::Sealed(sealed) => {
                let der = self.sealer.open(place, sealed).await?;
                let key = SigningKey::from_pkcs8(algorithm, &der).doing("reading a private key")?;
                Ok(PrivateKey::Software(key))
            }
            Kept::Token(id) => {
                let (hsm, id) = (self.needed_hsm()?.clone(), key_id(id)?);
                let kept = AtomicBool::new(true);
                Ok(PrivateKey::Hsm(TokenKey { hsm, id, algorithm, public: public.clone(), kept }))
            }
        }
    }

    /// Has a key removed from the token that it was kept in. It signs no more, so that nobody waits for it.
    pub fn remove_from_hsm(&self, id: &str) {
        if let Err(error) = self.forget(id) {
            tracing::warn!(%error, id, "a key that has ended stays in the HSM");
        }
    }

    /// Has a new key removed whose row was certainly not stored.
    pub fn give_up(&self, kept: &Kept) {
        if let Kept::Token(id) = kept
            && let Err(error) = self.forget(id)
        {
            tracing::warn!(%error, id, "a key that nothing names stays in the HSM");
        }
    }

    fn forget(&self, id: &str) -> Result<(), HsmError> {
        let Some(hsm) = &self.hsm else { return Ok(()) };
        KeyId::parse(id).and_then(|id| hsm.forget(&id))
    }

    fn needed_hsm(&self) -> Result<&Hsm, Fault> {
        let missing = "it is in a hardware security module, and none is configured ([hsm])";
        self.hsm.as_ref().ok_or_else(|| Fault::new("opening a private key", missing))
    }
}

const BY_HSM: &str = "signing by the HSM";

fn key_id(text: &str) -> Result<KeyId, Fault> {
    KeyId::parse(text).doing("reading the name of a key in the HSM")
}
