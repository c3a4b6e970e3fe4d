//! A client looks after its registration (RFC 7592): reads, replaces and deletes it by its registration access token.

use serde_json::{Map, Value};

use crate::admin::Administration;
use crate::admin::clients::drop_unused_secrets;
use crate::admin::openid;
use crate::admin::registration::{self, Known};
use crate::clients::evidence::Evidence;
use crate::clients::methods::{self, ClientAuthMethod};
use crate::clients::registered::keep_certificates;
use crate::config::features::Features;
use crate::config::outbound::Outbound as Rules;
use crate::ledger::{Done, Entry, Work};
use crate::model::client::Client;
use crate::model::registration::SelfRegistration;
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::client_registration::{Around, not_for_updates, translate};
use crate::protocol::error::{Failure, FieldProblem, Refusal};
use crate::protocol::ids::ClientId;
use crate::protocol::secret::{Secret, same_bytes};
use crate::store::{self, Tx};

use super::statement::{claims_of, unapproved};
use super::{Registered, RegistrationEndpoint, Request, not_authorized, shown};

/// Whose registration a request is about, and how that was proved.
struct Owner {
    client: Client,
    registration: SelfRegistration,
    token: Secret,
}

impl RegistrationEndpoint {
    /// Shows a client its registration (RFC 7592, 2.1). A secret is shown once, when it is made.
    pub async fn read(&self, id: &str, evidence: &Evidence) -> Result<Registered, Failure> {
        let mut entry = self.entry("registration.read", &evidence.origin)?;
        match self.owner(&mut entry, id, evidence).await {
            Ok(Owner { client, registration, token }) => {
                let software_statement = registration.software_statement;
                Ok(Registered { client, secret: None, token, software_statement })
            }
            Err(failure) => self.refuse(entry, failure).await,
        }
    }

    /// Replaces a registration as a whole (RFC 7592, 2.2). The token stays: an answer that is lost would else leave
    /// the client without its registration.
    pub async fn replace(&self, id: &str, request: Request) -> Result<Registered, Failure> {
        let mut entry = self.entry("registration.replace", &request.evidence.origin)?;
        let prepared = self.prepare_replacement(&mut entry, id, request).await;
        let (owner, asked) = match prepared {
            Ok(prepared) => prepared,
            Err(failure) => return self.refuse(entry, failure).await,
        };
        let now = entry.now();
        let administration = &self.administration;
        let Owner { client, registration, token } = owner;
        let (secret, stored) = administration.secrets.make(&client.id, &administration.entropy, now)?;
        let (rules, features) = (administration.rules.clone(), administration.features);
        let known = administration.known().await?;
        let checked = self.check_sector(&client, (&registration, &asked), &known).await;
        if let Err(failure) = checked {
            return self.refuse(entry, failure).await;
        }
        let software_statement = registration.software_statement.clone();
        let (client, is_new) = administration
            .ledger
            .transact(entry.event().clone(), move |tx, event| -> Work<'_, (Client, bool)> {
                Box::pin(async move {
                    let (before, registration) = locked(tx, &client.id, &registration.digest).await?;
                    let after = changed(&before, &registration, (&asked, &known), (&rules, &features))?;
                    let after = after.ending_former_names(&before, now);
                    event.scopes_granted = Some(after.metadata.scope.to_string());
                    drop_unused_secrets(tx, &before, &after, now).await?;
                    let is_new = uses_secret(&after) && !uses_secret(&before);
                    if is_new {
                        store::client_secret::insert(tx, &after.id, &stored).await?;
                    }
                    let version = store::client::update(tx, &after, now).await?;
                    keep_certificates(tx, &after, now).await?;
                    Ok(Done::Changed((Client { version, updated_at: now, ..after }, is_new)))
                })
            })
            .await?;
        Ok(Registered { client, secret: Some(secret).filter(|_| is_new), token, software_statement })
    }

    /// Deletes a client at its own wish (RFC 7592, 2.3): nothing that was issued to it is alive any more.
    pub async fn delete(&self, id: &str, evidence: &Evidence) -> Result<(), Failure> {
        let mut entry = self.entry("registration.delete", &evidence.origin)?;
        let Owner { client, registration, .. } = match self.owner(&mut entry, id, evidence).await {
            Ok(owner) => owner,
            Err(failure) => return self.refuse(entry, failure).await,
        };
        self.administration
            .ledger
            .transact(entry.event().clone(), move |tx, _| -> Work<'_, ()> {
                Box::pin(async move {
                    let (client, _) = locked(tx, &client.id, &registration.digest).await?;
                    store::client::delete(tx, &client.id).await?;
                    store::certificate::purge_registered(tx, &client.id, &[]).await?;
                    Ok(Done::Changed(()))
                })
            })
            .await
    }

    /// Believes that a request comes from the client whose registration it is about. An unknown client, one that was
    /// stopped, and a token of another are refused alike (RFC 7592, 2).
    async fn owner(&self, entry: &mut Entry, id: &str, evidence: &Evidence) -> Result<Owner, Failure> {
        let (token, digest) = shown(evidence)?;
        let id = ClientId::parse(id).ok_or_else(|| not_authorized("client_unknown"))?;
        entry.event_mut().client = Some(id.to_string());
        entry.event_mut().target = Some(id.to_string());
        let db = &self.administration.db;
        let registration = store::self_registration::find(db, &id).await?;
        let known = registration.as_ref().map_or([0; 32], |registration| registration.digest);
        let is_theirs = same_bytes(&digest, &known);
        let client = store::client::find(db, &id).await?;
        match (client, registration) {
            (Some(client), Some(registration)) if is_theirs && client.is_active() => {
                entry.prove_client(&client);
                Ok(Owner { client, registration, token: Secret::new(token.expose().to_owned()) })
            }
            (Some(_), Some(_)) if is_theirs => Err(not_authorized("client_disabled").into()),
            (Some(_), Some(_)) => Err(not_authorized("registration_token_of_another").into()),
            (Some(_), None) | (None, _) => Err(not_authorized("client_unknown").into()),
        }
    }

    /// Fetches the addresses of a sector that is new, before anything is locked.
    async fn check_sector(
        &self,
        before: &Client,
        (registration, asked): (&SelfRegistration, &Map<String, Value>),
        known: &Known,
    ) -> Result<(), Failure> {
        let Administration { rules, features, outbound, .. } = &self.administration;
        let after = changed(before, registration, (asked, known), (rules, features))?;
        openid::check_sector(&after.metadata, Some(&before.metadata), (outbound, rules)).await
    }

    /// Judges what an update must and must not carry.
    async fn prepare_replacement(
        &self,
        entry: &mut Entry,
        id: &str,
        request: Request,
    ) -> Result<(Owner, Map<String, Value>), Failure> {
        let owner = self.owner(entry, id, &request.evidence).await?;
        let asked = request.document?;
        let mut problems = not_for_updates(&asked);
        let id = &owner.client.id;
        if asked.get("client_id").and_then(Value::as_str) != Some(id.as_str()) {
            problems.push(problem("client_id", "must be that of this registration (RFC 7592, 2.2)"));
        }
        if let Some(secret) = asked.get("client_secret").filter(|secret| !secret.is_null()) {
            let administration = &self.administration;
            let secret = Secret::new(secret.as_str().unwrap_or_default().to_owned());
            let now = entry.now();
            let current = store::client_secret::find_current(&administration.db, id, now).await?;
            if !administration.secrets.matches(id, &secret, &current) {
                problems.push(problem("client_secret", "must be the present one (RFC 7592, 2.2)"));
            }
        }
        if !problems.is_empty() {
            return Err(registration::refusal(problems).into());
        }
        let statement = asked.get("software_statement").filter(|statement| !statement.is_null());
        let known = owner.registration.software_statement.as_deref();
        if statement.is_some_and(|statement| statement.as_str().is_none_or(|text| Some(text) != known)) {
            return Err(unapproved().detail("another one than at the registration".to_owned()).into());
        }
        Ok((owner, asked))
    }
}

/// Locks the client of a registration access token, which may have been stopped or deleted meanwhile.
async fn locked(
    tx: &mut Tx,
    id: &ClientId,
    digest: &[u8; 32],
) -> Result<(Client, SelfRegistration), Failure> {
    let client = store::client::find_locked(tx, id).await?.filter(Client::is_active);
    let registration = store::self_registration::find_in(tx, id).await?;
    match (client, registration) {
        (Some(client), Some(registration)) if same_bytes(&registration.digest, digest) => {
            Ok((client, registration))
        }
        (_, _) => Err(not_authorized("client_changed_meanwhile").into()),
    }
}

/// The client with what it asks for in place of what it was: held to all that a new one is, and never weaker.
fn changed(
    before: &Client,
    registration: &SelfRegistration,
    (asked, known): (&Map<String, Value>, &Known),
    (rules, features): (&Rules, &Features),
) -> Result<Client, Refusal> {
    let claims = registration.software_statement.as_deref().and_then(claims_of);
    let around = Around {
        allowance: &registration.allowance,
        vouched: claims.as_ref(),
        name: before.id.as_str(),
        before: Some(&before.metadata),
    };
    let metadata = translate(asked, &around).map_err(registration::refusal)?;
    let known = known.clone().and(&before.metadata);
    registration::judge(&metadata, &known, rules, features)?;
    if is_weaker(&metadata, &before.metadata) {
        let says = "is weaker than the present one: only an administrator can change to it";
        return Err(registration::refusal(vec![problem("token_endpoint_auth_method", says)]));
    }
    Ok(before.clone().with_own_metadata(metadata))
}

fn is_weaker(after: &ClientMetadata, before: &ClientMetadata) -> bool {
    let strength = |metadata: &ClientMetadata| {
        methods::find(&metadata.token_endpoint_auth_method).map(ClientAuthMethod::strength)
    };
    strength(after) < strength(before)
}

fn uses_secret(client: &Client) -> bool {
    methods::find(&client.metadata.token_endpoint_auth_method).is_some_and(ClientAuthMethod::uses_secret)
}

fn problem(field: &str, says: &str) -> FieldProblem {
    FieldProblem { field: field.to_owned(), says: says.to_owned() }
}
