//! Resource servers: created, read, replaced, patched, deleted.

use serde_json::{Map, Value};

use crate::admin::registration;
use crate::discovery::capabilities;
use crate::discovery::endpoints::{INTROSPECTION, REVOCATION, TOKEN, USERINFO};
use crate::ledger::{Done, Work};
use crate::model::page::Page;
use crate::model::resource::Resource;
use crate::moment::Timestamp;
use crate::policy::capabilities_needed;
use crate::protocol::error::{ErrorCode, Failure, Fault, FieldProblem, Reason, Refusal};
use crate::protocol::ids::{ClientId, ResourceName};
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::store::{self, Tx};

use super::actor::Caller;
use super::{Administration, expect_version, merge, not_found, privilege};

/// Which resource server to change, and in which version.
#[derive(Clone, Debug)]
pub struct Target {
    /// The resource server.
    pub name: ResourceName,
    /// The version that the change was made for, if the caller says.
    pub version: Option<i64>,
}

impl Administration {
    /// Registers a resource server; `name` stands in the document beside its metadata.
    pub async fn create_resource(
        &self,
        caller: &Caller,
        mut document: Map<String, Value>,
    ) -> Result<Resource, Failure> {
        let mut event = self.event(caller, "resource.create")?;
        let name = document.remove("name");
        let named = name.as_ref().and_then(Value::as_str).and_then(ResourceName::parse);
        event.target = named.as_ref().map(ToString::to_string);
        let own = self.own_audiences();
        let parsed = ResourceMetadata::parse(&document).map_err(invalid);
        let judged = parsed.and_then(|metadata| judge(&metadata, &own).map(|()| metadata));
        let (name, metadata) = match (named, judged) {
            (Some(name), Ok(metadata)) => (name, metadata),
            (_, Err(refusal)) => return self.refuse(event, refusal.into()).await,
            (None, Ok(_)) => {
                let says = "must be 1 to 63 lower-case letters, digits and inner hyphens";
                return self.refuse(event, invalid(vec![problem("name", says)]).into()).await;
            }
        };
        let now = event.at;
        let resource = Resource { name, metadata, version: 1, created_at: now, updated_at: now };
        let actor = caller.actor.clone();
        self.ledger
            .transact(event, move |tx, _| -> Work<'_, Resource> {
                Box::pin(async move {
                    privilege::still_stands(&actor, tx).await?;
                    if !store::resource::insert(tx, &resource).await? {
                        let told = "a resource server of that name or URL is registered already";
                        let reason = Reason::new("resource_exists");
                        return Err(Refusal::new(ErrorCode::Conflict, told, reason).into());
                    }
                    settle_references(tx, &resource, &[]).await?;
                    Ok(Done::Changed(resource))
                })
            })
            .await
    }

    /// Finds a resource server.
    pub async fn find_resource(&self, name: &ResourceName) -> Result<Resource, Failure> {
        store::resource::find(&self.db, name).await?.ok_or_else(|| not_found("resource_unknown").into())
    }

    /// Finds a page of resource servers.
    pub async fn list_resources(&self, page: &Page<ResourceName>) -> Result<Vec<Resource>, Fault> {
        store::resource::find_page(&self.db, page).await
    }

    /// Replaces a registration as a whole.
    pub async fn replace_resource(
        &self,
        caller: &Caller,
        target: Target,
        document: Map<String, Value>,
    ) -> Result<Resource, Failure> {
        self.change_resource(caller, "resource.replace", target, move |_| document).await
    }

    /// Merges a patch into a registration (RFC 7396).
    pub async fn patch_resource(
        &self,
        caller: &Caller,
        target: Target,
        patch: Map<String, Value>,
    ) -> Result<Resource, Failure> {
        let merged = move |mut document: Map<String, Value>| {
            merge(&mut document, patch);
            document
        };
        self.change_resource(caller, "resource.patch", target, merged).await
    }

    /// Deletes a resource server: nobody gets tokens for it any more.
    pub async fn delete_resource(&self, caller: &Caller, target: Target) -> Result<(), Failure> {
        let mut event = self.event(caller, "resource.delete")?;
        event.target = Some(target.name.to_string());
        let actor = caller.actor.clone();
        self.ledger
            .transact(event, move |tx, _| -> Work<'_, ()> {
                Box::pin(async move {
                    privilege::still_stands(&actor, tx).await?;
                    let resource = locked(tx, &target).await?;
                    store::resource::delete(tx, &resource.name).await?;
                    Ok(Done::Changed(()))
                })
            })
            .await
    }

    async fn change_resource(
        &self,
        caller: &Caller,
        action: &'static str,
        target: Target,
        change: impl FnOnce(Map<String, Value>) -> Map<String, Value> + Send + 'static,
    ) -> Result<Resource, Failure> {
        let mut event = self.event(caller, action)?;
        event.target = Some(target.name.to_string());
        let now: Timestamp = event.at;
        let own = self.own_audiences();
        let actor = caller.actor.clone();
        self.ledger
            .transact(event, move |tx, _| -> Work<'_, Resource> {
                Box::pin(async move {
                    privilege::still_stands(&actor, tx).await?;
                    let before = locked(tx, &target).await?;
                    let metadata =
                        ResourceMetadata::parse(&change(before.metadata.to_json())).map_err(invalid)?;
                    if metadata.url != before.metadata.url {
                        let says =
                            "cannot change: tokens and clients name it; register another resource server";
                        return Err(invalid(vec![problem("url", says)]).into());
                    }
                    judge(&metadata, &own)?;
                    let known = before.metadata.introspection_clients.clone();
                    let after = before.with_metadata(metadata);
                    let version = store::resource::update(tx, &after, now).await?;
                    store::resource::delete_other_audiences(tx, &after).await?;
                    settle_references(tx, &after, &known).await?;
                    Ok(Done::Changed(Resource { version, updated_at: now, ..after }))
                })
            })
            .await
    }

    /// What this server itself is called by, which no other one may be.
    fn own_audiences(&self) -> Vec<String> {
        let issuer = self.audience.strip_suffix("/admin").unwrap_or(&self.audience);
        let paths = [USERINFO, TOKEN, INTROSPECTION, REVOCATION];
        let own = paths.iter().map(|path| format!("{issuer}{path}"));
        own.chain([issuer.to_owned(), self.audience.clone()]).collect()
    }
}

/// A resource server is registered for names that are not this server's, for capabilities that this server
/// has, and for scopes that can be granted with them.
fn judge(metadata: &ResourceMetadata, own: &[String]) -> Result<(), Refusal> {
    let is_own = |url: &str| own.iter().any(|own| own == url.trim_end_matches('/'));
    let mut problems: Vec<FieldProblem> =
        registration::unread(&metadata.scope).map(|says| problem("scope", &says)).collect();
    if is_own(&metadata.url) {
        problems.push(problem("url", "is a URL of this server itself"));
    }
    for (index, audience) in metadata.audiences.iter().enumerate() {
        if is_own(audience) {
            problems.push(problem(&format!("audiences[{index}]"), "is a URL of this server itself"));
        }
    }
    let available = capabilities::available_to(metadata);
    for (index, capability) in metadata.capabilities.iter().flatten().enumerate() {
        if !capabilities::is_foreign(capability) && !available.contains(&capability.as_str()) {
            let says = "is not a capability of this server; one of your own is a full URI";
            problems.push(problem(&format!("capabilities[{index}]"), says));
        }
    }
    for (index, needed) in metadata.unfounded_capabilities() {
        let says = format!("cannot be used without {}", needed.join(" or "));
        problems.push(problem(&format!("capabilities[{index}]"), &says));
    }
    for token in &metadata.scope {
        for missing in capabilities_needed(token) {
            if !metadata.has_capability(missing) {
                problems.push(problem("scope", &format!("{token} needs the capability {missing}")));
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(invalid(problems)) }
}

/// Writes what a resource server answers to, which must be its alone, and looks for the clients that it names
/// and has not named before: one that was deleted since harms nobody, as no other will have its id.
async fn settle_references(tx: &mut Tx, resource: &Resource, known: &[ClientId]) -> Result<(), Failure> {
    if !store::resource::insert_audiences(tx, resource).await? {
        let told = "another resource server answers to one of the audiences already";
        return Err(Refusal::new(ErrorCode::Conflict, told, Reason::new("audience_taken")).into());
    }
    for (index, client) in resource.metadata.introspection_clients.iter().enumerate() {
        if !known.contains(client) && store::client::find_in(tx, client).await?.is_none() {
            let says = "is not a registered client";
            return Err(invalid(vec![problem(&format!("introspection_clients[{index}]"), says)]).into());
        }
    }
    Ok(())
}

async fn locked(tx: &mut Tx, target: &Target) -> Result<Resource, Failure> {
    let found = store::resource::find_locked(tx, &target.name).await?;
    let resource = found.ok_or_else(|| not_found("resource_unknown"))?;
    expect_version(target.version, resource.version)?;
    Ok(resource)
}

fn problem(field: &str, says: &str) -> FieldProblem {
    FieldProblem { field: field.to_owned(), says: says.to_owned() }
}

fn invalid(problems: Vec<FieldProblem>) -> Refusal {
    registration::refusal(problems)
}
