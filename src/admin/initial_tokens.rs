//! Initial access tokens: the leave that administrators give to clients to register themselves (RFC 7591, 1.2).

use serde_json::{Map, Value};
use time::Duration;
use uuid::Uuid;

use crate::jose::thumbprint::sha256;
use crate::ledger::{Done, Work};
use crate::model::client::Client;
use crate::model::page::Page;
use crate::model::registration::InitialToken;
use crate::protocol::allowance::Invitation;
use crate::protocol::error::{Doing, Failure, Fault};
use crate::protocol::ids::ClientId;
use crate::protocol::secret::Secret;
use crate::store;

use super::actor::Caller;
use super::clients::Target;
use super::{Administration, not_found, privilege, registration};

/// How an initial access token begins, so that scanners of code and logs know it.
const PREFIX: &str = "hia_";

impl Administration {
    /// Issues an initial access token; its text is shown this once.
    pub async fn create_initial_token(
        &self,
        caller: &Caller,
        document: &Map<String, Value>,
    ) -> Result<(InitialToken, Secret), Failure> {
        let mut event = self.event(caller, "initial_access_token.create")?;
        let parsed = Invitation::parse(document).map_err(registration::refusal);
        let judged = match parsed {
            Ok(invitation) => self.judge_allowance(&invitation.allowance).await.map(|()| invitation),
            Err(refusal) => Err(refusal.into()),
        };
        let Invitation { allowance, registrations, seconds, note } = match judged {
            Ok(invitation) => invitation,
            Err(failure) => return self.refuse(event, failure).await,
        };
        let now = event.at;
        let id = self.entropy.id(now).doing("naming an initial access token")?;
        let text = format!("{PREFIX}{}", self.entropy.token().doing("making an initial access token")?);
        event.target = Some(id.to_string());
        event.scopes_granted = Some(allowance.scope.to_string()).filter(|scope| !scope.is_empty());
        event.detail = Some(format!("{registrations} registrations for {}", allowance.organization));
        let expires_at = now + Duration::seconds(seconds);
        let token = InitialToken { id, allowance, note, registrations, used: 0, created_at: now, expires_at };
        let digest = sha256(text.as_bytes());
        let actor = caller.actor.clone();
        let kept = self
            .ledger
            .transact(event, move |tx, _| -> Work<'_, InitialToken> {
                Box::pin(async move {
                    privilege::still_stands(&actor, tx).await?;
                    store::initial_token::insert(tx, &token, &digest).await?;
                    Ok(Done::Changed(token))
                })
            })
            .await?;
        Ok((kept, Secret::new(text)))
    }

    /// Finds an initial access token.
    pub async fn find_initial_token(&self, id: Uuid) -> Result<InitialToken, Failure> {
        let found = store::initial_token::find(&self.db, id).await?;
        found.ok_or_else(|| not_found("initial_access_token_unknown").into())
    }

    /// Finds a page of initial access tokens.
    pub async fn list_initial_tokens(&self, page: &Page<Uuid>) -> Result<Vec<InitialToken>, Fault> {
        store::initial_token::find_page(&self.db, page).await
    }

    /// Deletes an initial access token: nobody registers with it any more. Who has, stays.
    pub async fn delete_initial_token(&self, caller: &Caller, id: Uuid) -> Result<(), Failure> {
        let mut event = self.event(caller, "initial_access_token.delete")?;
        event.target = Some(id.to_string());
        let actor = caller.actor.clone();
        self.ledger
            .transact(event, move |tx, _| -> Work<'_, ()> {
                Box::pin(async move {
                    privilege::still_stands(&actor, tx).await?;
                    if store::initial_token::delete(tx, id).await? {
                        return Ok(Done::Changed(()));
                    }
                    Err(not_found("initial_access_token_unknown").into())
                })
            })
            .await
    }

    /// Finds good a client that registered itself, in the version that was looked at: it can change at any time.
    pub async fn approve_client(
        &self,
        caller: &Caller,
        id: ClientId,
        version: i64,
    ) -> Result<Client, Failure> {
        let mut event = self.event(caller, "client.approve")?;
        event.target = Some(id.to_string());
        let target = Target { id, version: Some(version) };
        self.change_as_it_stands(caller, event, target, Client::approve).await
    }
}
