//! Client registrations: created, read, replaced, patched, stopped, deleted; their secrets and keys.

use serde_json::{Map, Value};
use time::Duration;

use crate::clients::methods::{self, ClientAuthMethod};
use crate::clients::registered::keep_certificates;
use crate::ledger::{Done, Work};
use crate::model::audit_event::AuditEvent;
use crate::model::certificate_request::Eyes;
use crate::model::client::{Client, ClientStatus};
use crate::model::page::Page;
use crate::model::registration::Provenance;
use crate::moment::Timestamp;
use crate::protocol::allowance::Allowance;
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::error::{Doing, ErrorCode, Failure, Fault, Reason, Refusal};
use crate::protocol::ids::ClientId;
use crate::protocol::secret::Secret;
use crate::store::client_secret::NewSecret;
use crate::store::{self, Tx};

use super::actor::{Actor, Caller};
use super::{
    Administration, back_ends, communities, expect_version, merge, not_found, openid, privilege, registration,
};

/// A client, and its secret the one time it is shown.
#[derive(Debug)]
pub struct Registered {
    /// The client.
    pub client: Client,
    /// The secret that was made for it.
    pub secret: Option<Secret>,
}

/// Which client to change, and in which version.
#[derive(Clone, Debug)]
pub struct Target {
    /// The client.
    pub id: ClientId,
    /// The version that the change was made for, if the caller says.
    pub version: Option<i64>,
}

pub(super) type Change = Box<dyn FnOnce(Client, Timestamp) -> Result<Client, Refusal> + Send>;

/// Whether a changed registration is held to the rules again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    Anew,
    AsItStands,
}

impl Administration {
    /// Registers a client.
    pub async fn create_client(
        &self,
        caller: &Caller,
        document: &Map<String, Value>,
    ) -> Result<Registered, Failure> {
        let id = self.entropy.id(self.clock.now()).doing("naming a client")?;
        self.create_client_as(caller, ClientId::new(id), document).await
    }

    /// Registers a client under a name that was made for it.
    pub(super) async fn create_client_as(
        &self,
        caller: &Caller,
        id: ClientId,
        document: &Map<String, Value>,
    ) -> Result<Registered, Failure> {
        let mut event = self.event(caller, "client.create")?;
        let parsed = self.parse_client(&caller.actor, &id, document, None).await;
        event.target = Some(id.to_string());
        let (actor, now) = (caller.actor.clone(), event.at);
        let metadata = match parsed {
            Ok(metadata) => metadata,
            Err(failure) => return self.refuse(event, failure).await,
        };
        let made = self.secret_for(&metadata, &id, now)?;
        let client = Client {
            id,
            status: ClientStatus::Active,
            metadata,
            version: 1,
            tokens_not_before: now.replace_microsecond(0).doing("rounding a time")?,
            created_at: now,
            updated_at: now,
            provenance: Provenance::ADMINISTRATOR,
        };
        let (secret, stored) = made.unzip();
        let client = self
            .ledger
            .transact(event, move |tx, _| {
                Box::pin(async move {
                    privilege::still_stands(&actor, tx).await?;
                    communities::hold(tx, &client.metadata).await?;
                    store::client::insert(tx, &client).await?;
                    keep_certificates(tx, &client, now).await?;
                    if let Some(stored) = stored {
                        store::client_secret::insert(tx, &client.id, &stored).await?;
                    }
                    Ok(Done::Changed(client))
                })
            })
            .await?;
        Ok(Registered { client, secret })
    }

    /// Finds a client.
    pub async fn find_client(&self, id: &ClientId) -> Result<Client, Failure> {
        store::client::find(&self.db, id).await?.ok_or_else(|| not_found("client_unknown").into())
    }

    /// Finds a page of clients.
    pub async fn list_clients(&self, page: &Page<ClientId>) -> Result<Vec<Client>, Fault> {
        store::client::find_page(&self.db, page).await
    }

    /// Replaces a registration as a whole.
    pub async fn replace_client(
        &self,
        caller: &Caller,
        target: Target,
        document: &Map<String, Value>,
    ) -> Result<Client, Failure> {
        let mut event = self.event(caller, "client.replace")?;
        event.target = Some(target.id.to_string());
        match self.parse_client(&caller.actor, &target.id, document, None).await {
            Ok(metadata) => {
                let change: Change = Box::new(move |client, _| Ok(client.with_metadata(metadata)));
                self.change_client(caller, event, target, (Judged::Anew, change)).await
            }
            Err(failure) => self.refuse(event, failure).await,
        }
    }

    /// Merges a patch into a registration (RFC 7396) and judges the whole anew.
    pub async fn patch_client(
        &self,
        caller: &Caller,
        target: Target,
        patch: Map<String, Value>,
    ) -> Result<Client, Failure> {
        let mut event = self.event(caller, "client.patch")?;
        event.target = Some(target.id.to_string());
        event.detail = Some(patch.keys().map(String::as_str).collect::<Vec<_>>().join(" "));
        let before = match self.find_client(&target.id).await {
            Ok(client) => client.metadata,
            Err(failure) => return self.refuse(event, failure).await,
        };
        let mut document = before.to_json();
        merge(&mut document, patch.clone());
        // Judged on what was read; merged again into what is locked.
        if let Err(failure) = self.parse_client(&caller.actor, &target.id, &document, Some(&before)).await {
            return self.refuse(event, failure).await;
        }
        let issuer = self.authority.terms().issuer.clone();
        let change: Change = Box::new(move |client, _| {
            let mut document = client.metadata.to_json();
            merge(&mut document, patch);
            let metadata = ClientMetadata::parse(&document).map_err(registration::refusal)?;
            let metadata = back_ends::named(metadata, &client.id, &issuer);
            Ok(client.with_metadata(metadata))
        });
        self.change_client(caller, event, target, (Judged::Anew, change)).await
    }

    /// Stops a client: it may do nothing, and its tokens are dead.
    pub async fn disable_client(&self, caller: &Caller, target: Target) -> Result<Client, Failure> {
        let mut event = self.event(caller, "client.disable")?;
        event.target = Some(target.id.to_string());
        self.change_as_it_stands(caller, event, target, Client::disable).await
    }

    /// Lets a stopped client go on; its older tokens stay dead.
    pub async fn enable_client(&self, caller: &Caller, target: Target) -> Result<Client, Failure> {
        let mut event = self.event(caller, "client.enable")?;
        event.target = Some(target.id.to_string());
        self.change_as_it_stands(caller, event, target, Client::enable).await
    }

    /// Deletes a client with its secrets; its tokens are dead.
    pub async fn delete_client(&self, caller: &Caller, target: Target) -> Result<(), Failure> {
        let mut event = self.event(caller, "client.delete")?;
        event.target = Some(target.id.to_string());
        let (actor, eyes) = (caller.actor.clone(), self.authority.terms().eyes);
        self.ledger
            .transact(event, move |tx, _| {
                Box::pin(async move {
                    let client = locked(tx, &actor, &target, eyes).await?;
                    privilege::leaves_an_admin(&actor, tx, &client, None).await?;
                    store::client::delete(tx, &client.id).await?;
                    store::certificate::purge_registered(tx, &client.id, &[]).await?;
                    Ok(Done::Changed(()))
                })
            })
            .await
    }

    /// Makes a new secret; those before stay good for so long.
    pub async fn rotate_secret(
        &self,
        caller: &Caller,
        target: Target,
        overlap: Duration,
    ) -> Result<Registered, Failure> {
        let mut event = self.event(caller, "client.rotate_secret")?;
        event.target = Some(target.id.to_string());
        let now = event.at;
        let (secret, stored) = self.secrets.make(&target.id, &self.entropy, now)?;
        let (actor, eyes) = (caller.actor.clone(), self.authority.terms().eyes);
        let client = self
            .ledger
            .transact(event, move |tx, _| {
                Box::pin(async move {
                    let client = locked(tx, &actor, &target, eyes).await?;
                    uses_secret(&client)?;
                    store::client_secret::mark_expiring(tx, &client.id, now + overlap).await?;
                    store::client_secret::insert(tx, &client.id, &stored).await?;
                    let version = store::client::update(tx, &client, now).await?;
                    Ok(Done::Changed(Client { version, updated_at: now, ..client }))
                })
            })
            .await?;
        Ok(Registered { client, secret: Some(secret) })
    }

    /// Changes a client without judging its registration anew.
    pub(super) async fn change_as_it_stands(
        &self,
        caller: &Caller,
        event: AuditEvent,
        target: Target,
        change: fn(Client, Timestamp) -> Client,
    ) -> Result<Client, Failure> {
        let change: Change = Box::new(move |client, now| Ok(change(client, now)));
        self.change_client(caller, event, target, (Judged::AsItStands, change)).await
    }

    /// Locks a client, changes it, and judges what came of it.
    pub(super) async fn change_client(
        &self,
        caller: &Caller,
        event: AuditEvent,
        target: Target,
        (judged, change): (Judged, Change),
    ) -> Result<Client, Failure> {
        let now = event.at;
        let (actor, eyes) = (caller.actor.clone(), self.authority.terms().eyes);
        let (rules, features) = (self.rules.clone(), self.features);
        let known = self.known().await?;
        self.ledger
            .transact(event, move |tx, _| -> Work<'_, Client> {
                Box::pin(async move {
                    let before = locked(tx, &actor, &target, eyes).await?;
                    let after = change(before.clone(), now)?.ending_former_names(&before, now);
                    // A registration is never held back by what has changed around it: a client can always be
                    // stopped, whatever has become of its resource servers.
                    if judged == Judged::Anew {
                        let known = known.and(&before.metadata);
                        registration::judge(&after.metadata, &known, &rules, &features)?;
                        privilege::is_within(&actor, &after.metadata, eyes)?;
                        communities::hold(tx, &after.metadata).await?;
                        // What an administrator makes of a client that registered itself, it may be from then on.
                        let allowance = Allowance::of(&after.metadata);
                        store::self_registration::update_allowance(tx, &after.id, &allowance).await?;
                    }
                    privilege::leaves_an_admin(&actor, tx, &before, Some(&after)).await?;
                    drop_unused_secrets(tx, &before, &after, now).await?;
                    let version = store::client::update(tx, &after, now).await?;
                    keep_certificates(tx, &after, now).await?;
                    Ok(Done::Changed(Client { version, updated_at: now, ..after }))
                })
            })
            .await
    }

    /// Reads and judges a registration.
    async fn parse_client(
        &self,
        actor: &Actor,
        id: &ClientId,
        document: &Map<String, Value>,
        before: Option<&ClientMetadata>,
    ) -> Result<ClientMetadata, Failure> {
        let metadata = ClientMetadata::parse(document).map_err(registration::refusal)?;
        let metadata = back_ends::named(metadata, id, &self.authority.terms().issuer);
        registration::judge(&metadata, &self.known().await?, &self.rules, &self.features)?;
        privilege::is_within(actor, &metadata, self.authority.terms().eyes)?;
        openid::check_sector(&metadata, before, (&self.outbound, &self.rules)).await?;
        Ok(metadata)
    }

    /// A new secret, where the method of a registration uses one.
    pub(crate) fn secret_for(
        &self,
        metadata: &ClientMetadata,
        id: &ClientId,
        now: Timestamp,
    ) -> Result<Option<(Secret, NewSecret)>, Fault> {
        let method =
            methods::find(&metadata.token_endpoint_auth_method).filter(|method| method.uses_secret());
        method.map(|_| self.secrets.make(id, &self.entropy, now)).transpose()
    }

    /// Records a change that was refused before it began.
    pub(super) async fn refuse<T: Send + 'static>(
        &self,
        event: AuditEvent,
        failure: Failure,
    ) -> Result<T, Failure> {
        self.ledger
            .transact(event, move |_, _| -> Work<'_, T> { Box::pin(async move { Err(failure) }) })
            .await
    }
}

/// Locks the client to change, if the actor may touch it.
async fn locked(tx: &mut Tx, actor: &Actor, target: &Target, eyes: Eyes) -> Result<Client, Failure> {
    let client =
        store::client::find_locked(tx, &target.id).await?.ok_or_else(|| not_found("client_unknown"))?;
    privilege::still_stands(actor, tx).await?;
    expect_version(target.version, client.version)?;
    privilege::is_within(actor, &client.metadata, eyes)?;
    Ok(client)
}

/// A client whose new method uses no secret keeps none.
pub(crate) async fn drop_unused_secrets(
    tx: &mut Tx,
    before: &Client,
    after: &Client,
    now: Timestamp,
) -> Result<(), Fault> {
    if uses_secret(before).is_ok() && uses_secret(after).is_err() {
        store::client_secret::mark_expiring(tx, &before.id, now).await?;
    }
    Ok(())
}

fn uses_secret(client: &Client) -> Result<(), Refusal> {
    let method = methods::find(&client.metadata.token_endpoint_auth_method);
    if method.is_some_and(ClientAuthMethod::uses_secret) {
        return Ok(());
    }
    let told = "this client authenticates without a secret";
    Err(Refusal::new(ErrorCode::Conflict, told, Reason::new("client_has_no_secret")))
}
