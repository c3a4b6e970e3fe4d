//! Reading a token back: what it says, and whether it is still alive.

use time::Duration;
use uuid::Uuid;

use crate::jose::thumbprint::sha256;
use crate::keys::keyring::{KeyRing, Look};
use crate::model::access_token::{AccessToken, TYPE};
use crate::model::client::{Client, THIS_SERVER};
use crate::model::resource::Resource;
use crate::moment::Timestamp;
use crate::protocol::error::Fault;
use crate::store::{self, Db};

use super::issuer::OPAQUE_PREFIX;

/// Reads tokens of this server.
#[derive(Clone)]
pub struct AccessTokens {
    db: Db,
    keys: KeyRing,
    issuer: String,
    idle: Duration,
}

/// A token that is alive, and the client it was issued to.
#[derive(Debug)]
pub struct LiveToken {
    /// What the token says.
    pub token: AccessToken,
    /// The client as it is registered now.
    pub client: Client,
}

impl AccessTokens {
    /// A reader of the tokens of an issuer, where sessions may rest for so long.
    #[must_use]
    pub const fn new(db: Db, keys: KeyRing, issuer: String, idle: Duration) -> Self {
        Self { db, keys, issuer, idle }
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

    /// Reads a token that is alive: it has not expired or been revoked, and its client, its person and all
    /// else that it descends from still stand.
    pub async fn read_live(
        &self,
        text: &str,
        now: Timestamp,
        look: Look,
    ) -> Result<Option<LiveToken>, Fault> {
        let Some(token) = self.read(text, now, look).await?.filter(|token| token.is_current(now)) else {
            return Ok(None);
        };
        if store::access_token::is_revoked(&self.db, token.id).await? {
            return Ok(None);
        }
        if let Some(person) = &token.person
            && !self.stands(person.grant, now).await?
        {
            return Ok(None);
        }
        if token.client.as_str() == THIS_SERVER && token.person.is_none() {
            // Signed by this server for itself, and by nobody else: no registration could end it.
            return Ok(Client::this_server(now).map(|client| LiveToken { token, client }));
        }
        let client = store::client::find(&self.db, &token.client).await?;
        let client = client.filter(|client| client.keeps_alive(token.issued_at));
        Ok(client.map(|client| LiveToken { token, client }))
    }

    /// Whether the authorization of a person still stands.
    async fn stands(&self, grant: Uuid, now: Timestamp) -> Result<bool, Fault> {
        let found = store::family::find_by_grant(&self.db, grant).await?;
        Ok(found.is_some_and(|found| found.family.stands(&found.surroundings(self.idle, now), now).is_ok()))
    }
}
