//! Writing access tokens: a signed JWT (RFC 9068), or a random text whose meaning stays here.

use time::Duration;

use crate::jose::thumbprint::sha256;
use crate::keys::keyring::KeyRing;
use crate::ledger::{Attempt, Entry};
use crate::model::access_token::AccessToken;
use crate::model::binding::Binding;
use crate::model::client::Client;
use crate::platform::entropy::Entropy;
use crate::policy::Permit;
use crate::protocol::error::{Doing, Failure, Fault};
use crate::protocol::resource_metadata::TokenFormat;
use crate::protocol::secret::Secret;

/// The `typ` of access tokens (RFC 9068, 2.1).
pub const TYPE: &str = "at+jwt";

/// How an opaque token begins, so that scanners of code and logs know it.
pub const OPAQUE_PREFIX: &str = "hat_";

/// What the client is given (RFC 6749, 5.1).
#[derive(Debug)]
pub struct TokenResponse {
    /// The token.
    pub access_token: Secret,
    /// How long it lives, in seconds.
    pub expires_in: i64,
    /// The scopes that were granted.
    pub scope: String,
}

/// Writes tokens.
#[derive(Clone)]
pub struct Issuer {
    name: String,
    keys: KeyRing,
    entropy: Entropy,
    most_seconds: i64,
}

impl Issuer {
    /// A writer in the name of an issuer; a back-end's tokens live at most so many seconds.
    #[must_use]
    pub const fn new(name: String, keys: KeyRing, entropy: Entropy, most_seconds: i64) -> Self {
        Self { name, keys, entropy, most_seconds }
    }

    /// How long a back-end's tokens may live, in seconds.
    #[must_use]
    pub const fn most_seconds(&self) -> i64 {
        self.most_seconds
    }

    /// Writes the token that a permit allows; it is sent only once the ledger has kept its record.
    pub fn issue(
        &self,
        entry: &mut Entry,
        permit: &Permit,
        client: &Client,
        binding: Option<&Binding>,
    ) -> Result<TokenResponse, Failure> {
        let authorization = permit.authorization();
        let token = AccessToken {
            id: self.entropy.id(entry.now()).doing("naming a token")?,
            issuer: self.name.clone(),
            subject: authorization.subject.as_str().to_owned(),
            client: client.id.clone(),
            audience: authorization.resource.url.clone(),
            scope: permit.scope().clone(),
            issued_at: entry.now(),
            expires_at: entry.now() + Duration::seconds(permit.seconds()),
            binding: binding.cloned(),
        };
        let event = entry.event_mut();
        event.token = Some(token.id);
        event.scopes_granted = Some(token.scope.to_string());
        let scope = token.scope.to_string();
        let access_token = match authorization.resource.token_format {
            TokenFormat::Jwt => {
                let algorithm = authorization.resource.token_signing_alg;
                self.keys.sign(algorithm, TYPE, &token.claims(), entry.now())?
            }
            TokenFormat::Opaque => self.store(entry, token)?,
        };
        Ok(TokenResponse { access_token: Secret::new(access_token), expires_in: permit.seconds(), scope })
    }

    /// Makes an opaque token; its digest and content are the entry's attempt.
    fn store(&self, entry: &mut Entry, token: AccessToken) -> Result<String, Fault> {
        let text = format!("{OPAQUE_PREFIX}{}", self.entropy.token().doing("making a token")?);
        entry.attempt(Attempt::StoreOpaqueToken { digest: sha256(text.as_bytes()), token: Box::new(token) });
        Ok(text)
    }
}
