//! A hardware security module by PKCS#11: keys that are made in a token, used in it, and never leave it.
//!
//! Nothing here waits longer than it was told to: each session has a thread of its own (`pool.rs`), on which a
//! library may hang, and whoever waits for it is answered with [`HsmError::Silent`]. What was lost (a session, the
//! token, the connection) is opened anew by itself (`module.rs`).

mod certificates;
mod error;
mod keys;
mod module;
mod pool;
mod secret_keys;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use zeroize::Zeroizing;

use super::entropy::Entropy;
use crate::config::hsm::Hsm as Rules;
use crate::jose::algorithm::Algorithm;
use pool::Pool;

pub use certificates::{Shown, TokenCertificate};
pub use error::HsmError;

/// How long a key pair may take to be made: RSA takes seconds where the hardware is small.
const MAKING: Duration = Duration::from_mins(1);
/// How long the certificates of a token may take to be read: there may be many, and nobody waits for them urgently.
const READING: Duration = Duration::from_secs(10);

/// The token of a hardware security module. Clones share its sessions; nothing is opened before it is needed.
#[derive(Clone)]
pub struct Hsm {
    pool: Arc<Pool>,
    entropy: Entropy,
    patience: Duration,
    sessions: usize,
}

/// The identifier of a key in a token (`CKA_ID`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Vec<u8>);

/// A key pair on the way to whoever asked for it. Where they have gone meanwhile, it is removed again.
struct Made {
    hsm: Hsm,
    id: Option<KeyId>,
    public: Value,
}

impl Hsm {
    /// The token of a configuration.
    #[must_use]
    pub fn new(rules: &Rules, entropy: Entropy) -> Self {
        Self { pool: Arc::new(Pool::new(rules)), entropy, patience: rules.timeout, sessions: rules.sessions }
    }

    /// Whether the token answers and takes the PIN, at the start, when the library has to begin.
    pub async fn greet(&self) -> Result<(), HsmError> {
        self.pool.ask(MAKING, keys::greet).await
    }

    /// The same for whoever has a thread to wait with.
    pub fn greet_here(&self) -> Result<(), HsmError> {
        self.pool.ask_here(MAKING, keys::greet)
    }

    /// Whether the token answers.
    pub async fn probe(&self) -> Result<(), HsmError> {
        self.pool.ask(self.patience, keys::greet).await
    }

    /// Whether every session waits inside of the library, and has for so long that no answer will come.
    #[must_use]
    pub fn hangs(&self) -> bool {
        self.pool.hangs(MAKING.max(self.patience * 10))
    }

    /// How many operations those may have under way who must not keep others waiting: half of the sessions, and one at least.
    #[must_use]
    pub fn share(&self) -> usize {
        share(self.sessions)
    }

    /// The certificates that stand in the token.
    pub async fn certificates(&self) -> Result<Shown, HsmError> {
        self.pool.ask(READING.max(self.patience), certificates::all).await
    }

    /// Makes a key pair that cannot leave the token, and has it show that it works. The answer is its identifier and
    /// its public half, a JWK without `kid`.
    pub async fn generate(&self, algorithm: Algorithm, label: String) -> Result<(KeyId, Value), HsmError> {
        let (hsm, id) = (self.clone(), self.new_id()?);
        let making = move |seat: &mut pool::Seat<'_>| {
            let public = keys::generate(seat, algorithm, &id, &label)?;
            Ok(Made { hsm: hsm.clone(), id: Some(id.clone()), public })
        };
        let mut made = self.pool.ask(MAKING, making).await?;
        let id = made.id.take().ok_or(HsmError::Silent)?;
        Ok((id, made.public.take()))
    }

    /// The public half of a key pair.
    pub async fn public_jwk(&self, algorithm: Algorithm, id: &KeyId) -> Result<Value, HsmError> {
        let id = id.clone();
        self.pool.ask(self.patience, move |seat| keys::public_jwk(seat, algorithm, &id)).await
    }

    /// Signs a message; the signature is as JWS wants it (RFC 7518, 3).
    pub async fn sign(
        &self,
        algorithm: Algorithm,
        id: &KeyId,
        message: Vec<u8>,
    ) -> Result<Vec<u8>, HsmError> {
        let id = id.clone();
        self.pool.ask(self.patience, move |seat| keys::sign(seat, algorithm, &id, &message)).await
    }

    /// The same for whoever has a thread to wait with.
    pub fn sign_here(&self, algorithm: Algorithm, id: &KeyId, message: Vec<u8>) -> Result<Vec<u8>, HsmError> {
        let id = id.clone();
        self.pool.ask_here(self.patience, move |seat| keys::sign(seat, algorithm, &id, &message))
    }

    /// Has a key pair removed, at some time.
    pub fn forget(&self, id: &KeyId) -> Result<(), HsmError> {
        let id = id.clone();
        self.pool.tell(MAKING, move |seat| keys::destroy(seat, &id))
    }

    /// The secret key with a label, made where there is none. Should two processes make one at once, each keeps its
    /// own: what is encrypted has to be stored with the key's identifier.
    pub fn data_key(&self, label: &str) -> Result<KeyId, HsmError> {
        let (id, label) = (self.new_id()?, label.to_owned());
        self.pool.ask_here(MAKING, move |seat| {
            if let Some(known) = secret_keys::labelled(seat, &label)?.into_iter().next() {
                return Ok(known);
            }
            secret_keys::generate(seat, &id, &label).map(|()| id.clone())
        })
    }

    /// Encrypts under a secret key with AES-256-GCM: a nonce, then the text with its tag. Holds the calling thread.
    pub fn encrypt(&self, key: &KeyId, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, HsmError> {
        let nonce = self.entropy.bytes().map_err(|_| HsmError::Unsupported("without random bytes"))?;
        let (key, aad, plaintext) = (key.clone(), aad.to_vec(), Zeroizing::new(plaintext.to_vec()));
        let encrypt =
            move |seat: &mut pool::Seat<'_>| secret_keys::encrypt(seat, &key, (nonce, &aad), &plaintext);
        self.pool.ask_here(self.patience, encrypt)
    }

    /// Decrypts what [`Hsm::encrypt`] gave. Holds the calling thread.
    pub fn decrypt(
        &self,
        key: &KeyId,
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, HsmError> {
        let (key, aad, ciphertext) = (key.clone(), aad.to_vec(), ciphertext.to_vec());
        let decrypt = move |seat: &mut pool::Seat<'_>| {
            secret_keys::decrypt(seat, &key, &aad, &ciphertext).map(Zeroizing::new)
        };
        self.pool.ask_here(self.patience, decrypt)
    }

    fn new_id(&self) -> Result<KeyId, HsmError> {
        let bytes: [u8; 16] =
            self.entropy.bytes().map_err(|_| HsmError::Unsupported("without random bytes"))?;
        Ok(KeyId(bytes.to_vec()))
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(id) = self.id.take()
            && let Err(error) = self.hsm.forget(&id)
        {
            tracing::warn!(%error, %id, "a key that nobody waited for stays in the HSM");
        }
    }
}

impl fmt::Debug for Hsm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hsm(..)")
    }
}

impl KeyId {
    /// Reads an identifier in hexadecimal.
    pub fn parse(text: &str) -> Result<Self, HsmError> {
        let digits = text.as_bytes();
        if digits.is_empty() || !digits.len().is_multiple_of(2) || digits.len() > 512 {
            return Err(HsmError::NotAnId);
        }
        let byte = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).ok().filter(|_| pair.iter().all(u8::is_ascii_hexdigit))?;
            u8::from_str_radix(pair, 16).ok()
        };
        let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
        bytes.map(Self).ok_or(HsmError::NotAnId)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

const fn share(sessions: usize) -> usize {
    if sessions < 2 { 1 } else { sessions / 2 }
}

#[cfg(test)]
mod tests {
    #[test]
    fn strangers_have_half_of_the_sessions_at_most() {
        for (sessions, share) in [(1, 1), (2, 1), (3, 1), (4, 2), (8, 4), (256, 128)] {
            assert_eq!(super::share(sessions), share, "{sessions}");
        }
    }
}
