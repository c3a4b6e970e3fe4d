//! Reading a token back: what it says, and whether it is still alive.

use std::sync::Arc;

use async_trait::async_trait;
use time::Duration;
use uuid::Uuid;

use crate::grants::LivingTokens;
use crate::grants::details::living;
use crate::jose::jws::UnverifiedJws;
use crate::jose::thumbprint::sha256;
use crate::keys::keyring::{KeyRing, Look};
use crate::model::access_token::{AccessToken, TYPE};
use crate::model::binding::Binding;
use crate::model::client::{Client, THIS_SERVER};
use crate::model::delegation::Delegation;
use crate::model::resource::Resource;
use crate::model::standing::Standing;
use crate::moment::Timestamp;
use crate::pki::thumbprint::Thumbprint;
use crate::protocol::error::Fault;
use crate::protocol::ids::ClientId;
use crate::sender::dpop::ProofRules;
use crate::store::family::Found;
use crate::store::{self, Db};

use super::issuer::OPAQUE_PREFIX;

/// Reads tokens of this server.
#[derive(Clone)]
pub struct AccessTokens {
    db: Db,
    keys: KeyRing,
    issuer: String,
    idle: Duration,
    proofs: Arc<ProofRules>,
}

/// A token that is alive, and the client it was issued to.
#[derive(Debug)]
pub struct LiveToken {
    /// What the token says.
    pub token: AccessToken,
    /// The client as it is registered now.
    pub client: Client,
    /// What it descends from, when it speaks for a person. Its `sub` is for the client and its resource servers:
    /// here people are known by this.
    pub descent: Option<Box<Descent>>,
}

/// What a token that speaks for a person descends from.
#[derive(Debug)]
pub struct Descent {
    /// The person as they stand now.
    pub person: Standing,
    /// What the person has let the client do.
    pub delegation: Delegation,
}

impl AccessTokens {
    /// A reader of the tokens of an issuer, where sessions may rest for so long and proofs are held to these rules.
    #[must_use]
    pub const fn new(db: Db, keys: KeyRing, issuer: String, idle: Duration, proofs: Arc<ProofRules>) -> Self {
        Self { db, keys, issuer, idle, proofs }
    }

    /// What proofs are held to.
    #[must_use]
    pub fn proofs(&self) -> &ProofRules {
        &self.proofs
    }

    /// Finds the resource server whose tokens have this `aud`.
    pub async fn find_resource(&self, audience: &str) -> Result<Option<Resource>, Fault> {
        store::resource::find_by_url(&self.db, audience).await
    }

    /// Reads a token that this server wrote, dead or alive; `None` for anything else.
    pub async fn read(&self, text: &str, now: Timestamp, look: Look) -> Result<Option<AccessToken>, Fault> {
        if text.starts_with(OPAQUE_PREFIX) {
            return store::access_token::find_opaque(&self.db, &sha256(text.as_bytes())).await;
        }
        let claims = self.keys.verify(text, TYPE, (now, look)).await?;
        let token = claims.and_then(|claims| AccessToken::parse(&claims.into_map()));
        Ok(token.filter(|token| token.issuer == self.issuer))
    }

    /// Reads a token that is alive: it has not expired or been revoked, nor has a certificate that it rests on, and its
    /// client, its person and all else that it descends from still stand.
    pub async fn read_live(
        &self,
        text: &str,
        now: Timestamp,
        look: Look,
    ) -> Result<Option<LiveToken>, Fault> {
        let Some(mut token) = self.read(text, now, look).await?.filter(|token| token.is_current(now)) else {
            return Ok(None);
        };
        // What a payer has decided is granted no more; of a token for nothing else nothing is left.
        token.details = living(&self.db, &token.audience, &token.details).await?;
        if !token.grants_something() {
            return Ok(None);
        }
        let line: Vec<Uuid> = [token.id].into_iter().chain(token.ancestors.iter().copied()).collect();
        let certificate = token.binding.as_ref().and_then(Binding::certificate).map(|it| it.as_base64url());
        // Whatever this process has heard of its key: a revoked one opens nothing from then on.
        let kid = kid(text);
        let others: Vec<String> = token.certificates.iter().map(Thumbprint::as_base64url).collect();
        let certificates = (certificate.as_deref(), others.as_slice());
        if store::access_token::is_any_revoked(&self.db, &line, certificates, kid.as_deref()).await? {
            return Ok(None);
        }
        let descent = match &token.person {
            None => None,
            Some(person) => match self.descent(person.grant, now).await? {
                None => return Ok(None),
                Some(descent) => Some(Box::new(descent)),
            },
        };
        if token.client.as_str() == THIS_SERVER && token.person.is_none() {
            // Signed by this server for itself, and by nobody else: no registration could end it.
            return Ok(Client::this_server(now).map(|client| LiveToken { token, client, descent }));
        }
        for other in token.others() {
            if self.client_of(&token, &other).await?.is_none() {
                return Ok(None);
            }
        }
        let client = self.client_of(&token, &token.client).await?;
        Ok(client.map(|client| LiveToken { token, client, descent }))
    }

    /// A client that a token rests on, if it still stands.
    async fn client_of(&self, token: &AccessToken, id: &ClientId) -> Result<Option<Client>, Fault> {
        let client = store::client::find(&self.db, id).await?;
        Ok(client.filter(|client| client.keeps_alive(token.issued_at)))
    }

    /// The authorization of a person, if it still stands.
    async fn descent(&self, grant: Uuid, now: Timestamp) -> Result<Option<Descent>, Fault> {
        let found = store::family::find_by_grant(&self.db, grant).await?;
        let stands = |found: &Found| found.family.stands(&found.surroundings(self.idle, now), now).is_ok();
        let found = found.filter(stands);
        Ok(found.map(|found| Descent { person: found.person, delegation: found.family.delegation }))
    }
}

/// The name of the key that signed a token; nothing has signed an opaque one.
fn kid(text: &str) -> Option<String> {
    if text.starts_with(OPAQUE_PREFIX) {
        return None;
    }
    UnverifiedJws::parse(text).ok().and_then(|jws| jws.header().kid.clone())
}

#[async_trait]
impl LivingTokens for AccessTokens {
    async fn find(&self, text: &str, now: Timestamp) -> Result<Option<AccessToken>, Fault> {
        Ok(self.read_live(text, now, Look::Surely).await?.map(|live| live.token))
    }
}
