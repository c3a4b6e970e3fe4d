//! Client secrets: 256 random bits made by the server, stored as keyed digests.

use aws_lc_rs::hmac;

use crate::moment::Timestamp;
use crate::platform::entropy::Entropy;
use crate::protocol::error::{Doing, Fault};
use crate::protocol::ids::ClientId;
use crate::protocol::secret::{Secret, same_bytes};
use crate::store::client_secret::NewSecret;

/// Digests secrets under a key from outside the database. A secret of 256 random bits needs no slow
/// hash; the key keeps a copy of the database from being of any use.
pub struct SecretDigester {
    key: hmac::Key,
}

impl SecretDigester {
    /// A digester with a key of 32 bytes.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// The digest of a client's secret.
    #[must_use]
    pub fn digest(&self, client: &ClientId, secret: &Secret) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(client.as_str().as_bytes());
        context.update(&[0]);
        context.update(secret.expose().as_bytes());
        let mut digest = [0; 32];
        for (to, from) in digest.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        digest
    }

    /// Whether a secret is one of those stored, in a time that does not depend on which.
    #[must_use]
    pub fn matches(&self, client: &ClientId, secret: &Secret, stored: &[Vec<u8>]) -> bool {
        let digest = self.digest(client, secret);
        stored.iter().fold(false, |found, one| same_bytes(&digest, one) | found)
    }

    /// Makes a new secret: what is shown once, and what is stored.
    pub fn make(
        &self,
        client: &ClientId,
        entropy: &Entropy,
        now: Timestamp,
    ) -> Result<(Secret, NewSecret), Fault> {
        let secret = Secret::new(entropy.token().doing("making a client secret")?);
        let id = entropy.id(now).doing("making a client secret")?;
        let digest = self.digest(client, &secret);
        Ok((secret, NewSecret { id, digest, created_at: now }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sm_cs_03_a_secret_matches_its_own_client_alone() {
        let digester = SecretDigester::new(&[1; 32]);
        let (a, b) = (ClientId::parse("a").unwrap(), ClientId::parse("b").unwrap());
        let now = Timestamp::UNIX_EPOCH;
        let (secret, stored) = digester.make(&a, &Entropy::seeded(3), now).unwrap();
        let stored = [stored.digest.to_vec()];
        assert!(digester.matches(&a, &secret, &stored));
        assert!(!digester.matches(&b, &secret, &stored));
        assert!(!digester.matches(&a, &Secret::new("other".into()), &stored));
        assert!(!SecretDigester::new(&[2; 32]).matches(&a, &secret, &stored));
        assert!(secret.expose().len() >= 43, "256 bits");
    }
}
