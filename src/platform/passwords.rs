//! Hashing passwords: argon2id, a bounded number at once, and never on a thread that serves requests.

use std::sync::Arc;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::protocol::error::{Doing, ErrorCode, Failure, Fault, Reason, Refusal};
use crate::protocol::secret::Secret;

use super::entropy::Entropy;

/// The memory of one hash in KiB, its passes and its lanes (OWASP's first choice for argon2id).
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes and verifies passwords. Clones share the bounds.
#[derive(Clone)]
pub struct PasswordHasher {
    entropy: Entropy,
    argon2: Argon2<'static>,
    /// Who is inside: those whose hash runs, and those who wait.
    places: Arc<Semaphore>,
    /// Whose hash runs.
    turns: Arc<Semaphore>,
    /// A hash of no password, with the parameters of all.
    nobody: Arc<str>,
}

/// A place among those whose hash runs or who wait.
#[derive(Debug)]
pub struct Place(OwnedSemaphorePermit);

/// Why a password was not hashed.
#[derive(Debug)]
pub enum HashError {
    /// As many wait as may wait: come again later.
    Busy,
    /// We could not.
    Fault(Fault),
}

impl From<Fault> for HashError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<HashError> for Failure {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => {
                let told = "too many passwords are being looked at: try again in a moment";
                Refusal::new(ErrorCode::TooManyAttempts, told, Reason::new("password_hashing_busy")).into()
            }
            HashError::Fault(fault) => fault.into(),
        }
    }
}

impl PasswordHasher {
    /// A hasher that runs at most so many hashes at once, while at most so many more wait.
    pub fn new(permits: usize, waiting: usize, entropy: Entropy) -> Result<Self, Fault> {
        let params = Params::new(MEMORY, PASSES, LANES, None).doing("choosing how passwords are hashed")?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = hash_of_nobody(&argon2, &entropy)?;
        let most = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Ok(Self {
            entropy,
            argon2,
            places: most(permits.saturating_add(waiting)),
            turns: most(permits),
            nobody: nobody.into(),
        })
    }

    /// A place among those whose hash runs or who wait, taken before anything is counted; there is none when
    /// too many are inside.
    pub fn enter(&self) -> Result<Place, HashError> {
        self.places.clone().try_acquire_owned().map(Place).map_err(|_| HashError::Busy)
    }

    /// Hashes a password; the answer is in PHC form.
    pub async fn hash(&self, password: Secret) -> Result<String, HashError> {
        let place = self.enter()?;
        let salt: [u8; 16] = self.entropy.bytes().doing("making a salt")?;
        let argon2 = self.argon2.clone();
        self.in_turn(place, move || {
            let text = normalized(&password);
            let hash = argon2.hash_password_with_salt(text.as_bytes(), &salt).doing("hashing a password")?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether a password is the one of a stored hash. Where there is no hash, since there is no such
    /// account, it takes as long to answer no.
    pub async fn verify(
        &self,
        place: Place,
        password: Secret,
        stored: Option<String>,
    ) -> Result<bool, HashError> {
        let stored = Zeroizing::new(stored.unwrap_or_else(|| self.nobody.as_ref().to_owned()));
        let argon2 = self.argon2.clone();
        self.in_turn(place, move || {
            let doing = "verifying a password";
            let hash = PasswordHash::new(&stored).doing(doing)?;
            match argon2.verify_password(normalized(&password).as_bytes(), &hash) {
                Ok(()) => Ok(true),
                Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(Fault::new(doing, error)),
            }
        })
        .await
    }

    /// Runs work on a thread of its own once it is its turn. The work holds its turn itself: a caller
    /// who goes away does not let another in while the work still runs.
    async fn in_turn<T: Send + 'static>(
        &self,
        Place(place): Place,
        work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, HashError> {
        let turn = self.turns.clone().acquire_owned().await.doing("waiting to hash a password")?;
        let held: (OwnedSemaphorePermit, OwnedSemaphorePermit) = (turn, place);
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(held);
            done
        });
        Ok(done.await.doing("hashing a password")??)
    }
}

/// The same characters in one form, however they were typed (NIST SP 800-63B-4, 3.1.1.2).
fn normalized(password: &Secret) -> Zeroizing<String> {
    Zeroizing::new(password.expose().nfkc().collect())
}

/// What stands in for the hash of an account that does not exist: an output that was drawn, not made.
fn hash_of_nobody(argon2: &Argon2<'_>, entropy: &Entropy) -> Result<String, Fault> {
    let doing = "making the hash of nobody";
    let (salt, output): ([u8; 16], [u8; 32]) = (entropy.bytes().doing(doing)?, entropy.bytes().doing(doing)?);
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: argon2.params().try_into().doing(doing)?,
        salt: Some(Salt::new(&salt).doing(doing)?),
        hash: Some(Output::new(&output).doing(doing)?),
    };
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn hasher(permits: usize, waiting: usize) -> PasswordHasher {
        PasswordHasher::new(permits, waiting, Entropy::seeded(1)).unwrap()
    }

    async fn verify(
        hasher: &PasswordHasher,
        password: Secret,
        stored: Option<String>,
    ) -> Result<bool, HashError> {
        hasher.verify(hasher.enter()?, password, stored).await
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_verifies_against_its_hash_alone() {
        let hasher = hasher(2, 2);
        let stored = hasher.hash(secret("correct horse")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(verify(&hasher, secret("correct horse"), Some(stored.clone())).await.unwrap());
        for wrong in ["", "correct", "correct horse ", "correct horse\0", "Correct horse"] {
            assert!(!verify(&hasher, secret(wrong), Some(stored.clone())).await.unwrap(), "{wrong:?}");
        }
        assert_ne!(stored, hasher.hash(secret("correct horse")).await.unwrap());
        for broken in ["", "plain", "$argon2id$v=19$m=1,t=0,p=1$AAAA$AAAA"] {
            let answer = verify(&hasher, secret("x"), Some(broken.to_owned())).await;
            assert!(matches!(answer, Err(HashError::Fault(_))), "{broken}");
        }
    }

    #[tokio::test]
    async fn l02_nobody_has_a_hash_with_the_parameters_of_everybody() {
        let hasher = hasher(1, 0);
        let stored = hasher.hash(secret("x")).await.unwrap();
        let shape = |phc: &str| {
            let parts: Vec<String> = phc.split('$').map(str::to_owned).collect();
            (parts[..4].to_vec(), parts[4..].iter().map(String::len).collect::<Vec<_>>())
        };
        assert_eq!(shape(&stored), shape(&hasher.nobody));
        assert!(!verify(&hasher, secret("x"), None).await.unwrap());
    }

    #[tokio::test]
    async fn l13_the_normal_forms_of_a_password_are_one_password_and_nul_does_not_end_it() {
        let hasher = hasher(1, 0);
        let stored = hasher.hash(secret("caf\u{e9} \u{ff11}\u{2460} pass")).await.unwrap();
        assert!(verify(&hasher, secret("cafe\u{301} 11 pass"), Some(stored)).await.unwrap());
        let stored = hasher.hash(secret("before\0after")).await.unwrap();
        assert!(!verify(&hasher, secret("before\0other"), Some(stored)).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_still_verifies() {
        let params = Params::new(1024, 1, 2, Some(24)).unwrap();
        let other = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let stored = other.hash_password_with_salt(b"as before", &[7; 12]).unwrap().to_string();
        let hasher = hasher(1, 0);
        assert!(verify(&hasher, secret("as before"), Some(stored.clone())).await.unwrap());
        assert!(!verify(&hasher, secret("as after"), Some(stored)).await.unwrap());
    }

    #[tokio::test]
    async fn h08_no_more_than_the_bounds_are_inside_and_the_rest_are_told_at_once() {
        let hasher = hasher(1, 1);
        let (let_go, held) = mpsc::channel::<()>();
        let running = tokio::spawn({
            let hasher = hasher.clone();
            async move { hasher.in_turn(hasher.enter().unwrap(), move || Ok(held.recv().is_ok())).await }
        });
        while hasher.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let waiting = tokio::spawn({
            let hasher = hasher.clone();
            async move { verify(&hasher, secret("x"), None).await }
        });
        while hasher.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(hasher.hash(secret("x")).await, Err(HashError::Busy)));
        assert!(matches!(verify(&hasher, secret("x"), None).await, Err(HashError::Busy)));
        let_go.send(()).unwrap();
        assert!(running.await.unwrap().unwrap());
        assert!(!waiting.await.unwrap().unwrap());
        assert!(hasher.hash(secret("x")).await.is_ok());
    }

    #[tokio::test]
    async fn h08_whoever_goes_away_lets_nobody_in_while_the_hash_still_runs() {
        let hasher = hasher(1, 0);
        let (let_go, held) = mpsc::channel::<()>();
        let running = tokio::spawn({
            let hasher = hasher.clone();
            async move { hasher.in_turn(hasher.enter().unwrap(), move || Ok(held.recv().is_ok())).await }
        });
        while hasher.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        assert!(matches!(hasher.hash(secret("x")).await, Err(HashError::Busy)));
        let_go.send(()).unwrap();
        while hasher.places.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(hasher.hash(secret("x")).await.is_ok());
    }
}
