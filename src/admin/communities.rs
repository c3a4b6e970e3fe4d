//! Trust communities: registered, read, replaced, deleted. Whoever writes them decides whose certificates are believed.

use serde_json::{Map, Value};

use crate::ledger::{Done, Work};
use crate::model::community::{Community, CommunityTerms, DEFAULT, OWN, RevocationRule};
use crate::model::page::Page;
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::error::{ErrorCode, Failure, Fault, FieldProblem, Reason, Refusal};
use crate::protocol::ids::CommunityName;
use crate::store::{self, Tx};

use super::actor::Caller;
use super::{Administration, expect_version, not_found, privilege, registration};

/// Which trust community to change, and in which version.
#[derive(Clone, Debug)]
pub struct Target {
    /// The community.
    pub name: CommunityName,
    /// The version that the change was made for, if the caller says.
    pub version: Option<i64>,
}

impl Administration {
    /// Registers a trust community; `name` stands in the document beside its terms.
    pub async fn create_community(
        &self,
        caller: &Caller,
        mut document: Map<String, Value>,
    ) -> Result<Community, Failure> {
        let mut event = self.event(caller, "community.create")?;
        let name = document.remove("name");
        let named = name.as_ref().and_then(Value::as_str).and_then(CommunityName::parse);
        event.target = named.as_ref().map(ToString::to_string);
        let (name, terms) = match (named, parse(&document)) {
            (Some(name), Ok(terms)) if ![DEFAULT, OWN].contains(&name.as_str()) => (name, terms),
            (_, Err(refusal)) => return self.refuse(event, refusal.into()).await,
            (Some(_), Ok(_)) => {
                let says = "is the name of a community that this server has by itself";
                return self.refuse(event, invalid(vec![problem("name", says)]).into()).await;
            }
            (None, Ok(_)) => {
                let says = "must be 1 to 63 lower-case letters, digits and inner hyphens";
                return self.refuse(event, invalid(vec![problem("name", says)]).into()).await;
            }
        };
        let now = event.at;
        let community = Community { name, terms, version: 1, created_at: now, updated_at: now };
        let actor = caller.actor.clone();
        let created = self
            .ledger
            .transact(event, move |tx, _| -> Work<'_, Community> {
                Box::pin(async move {
                    privilege::still_stands(&actor, tx).await?;
                    if store::community::insert(tx, &community).await? {
                        return Ok(Done::Changed(community));
                    }
                    let told = "a trust community of that name is registered already";
                    Err(Refusal::new(ErrorCode::Conflict, told, Reason::new("community_exists")).into())
                })
            })
            .await?;
        self.communities.refresh().await?;
        Ok(created)
    }

    /// Finds a trust community.
    pub async fn find_community(&self, name: &CommunityName) -> Result<Community, Failure> {
        store::community::find(&self.db, name).await?.ok_or_else(|| not_found("community_unknown").into())
    }

    /// Finds a page of trust communities.
    pub async fn list_communities(&self, page: &Page<CommunityName>) -> Result<Vec<Community>, Fault> {
        store::community::find_page(&self.db, page).await
    }

    /// Replaces the terms of a trust community as a whole.
    pub async fn replace_community(
        &self,
        caller: &Caller,
        target: Target,
        document: &Map<String, Value>,
    ) -> Result<Community, Failure> {
        let mut event = self.event(caller, "community.replace")?;
        event.target = Some(target.name.to_string());
        let terms = match parse(document) {
            Ok(terms) => terms,
            Err(refusal) => return self.refuse(event, refusal.into()).await,
        };
        let (now, actor) = (event.at, caller.actor.clone());
        let replaced = self
            .ledger
            .transact(event, move |tx, _| -> Work<'_, Community> {
                Box::pin(async move {
                    privilege::still_stands(&actor, tx).await?;
                    let before = locked(tx, &target).await?;
                    let version = store::community::update(tx, &before.name, &terms, now).await?;
                    Ok(Done::Changed(Community { terms, version, updated_at: now, ..before }))
                })
            })
            .await?;
        self.communities.refresh().await?;
        Ok(replaced)
    }

    /// Deletes a trust community that no client is bound to.
    pub async fn delete_community(&self, caller: &Caller, target: Target) -> Result<(), Failure> {
        let mut event = self.event(caller, "community.delete")?;
        event.target = Some(target.name.to_string());
        let actor = caller.actor.clone();
        self.ledger
            .transact(event, move |tx, _| -> Work<'_, ()> {
                Box::pin(async move {
                    privilege::still_stands(&actor, tx).await?;
                    let found = locked(tx, &target).await?;
                    if store::client::is_any_of_community(tx, found.name.as_str()).await? {
                        let told = "clients are bound to this trust community: bind them to another first";
                        let reason = Reason::new("community_in_use");
                        return Err(Refusal::new(ErrorCode::Conflict, told, reason).into());
                    }
                    store::community::delete(tx, &found.name).await?;
                    Ok(Done::Changed(()))
                })
            })
            .await?;
        Ok(self.communities.refresh().await?)
    }
}

/// Keeps the community of a registration from being deleted before the registration is written.
pub(super) async fn hold(tx: &mut Tx, metadata: &ClientMetadata) -> Result<(), Failure> {
    let Some(name) = metadata.trust_community.as_ref().filter(|name| name.as_str() != DEFAULT) else {
        return Ok(());
    };
    if store::community::hold(tx, name).await? {
        return Ok(());
    }
    let says = "is not a trust community of this server";
    Err(registration::refusal(vec![problem("trust_community", says)]).into())
}

/// The community to change. That of the built-in PKI changes with it alone.
async fn locked(tx: &mut Tx, target: &Target) -> Result<Community, Failure> {
    let found = store::community::find_locked(tx, &target.name).await?;
    let found = found.ok_or_else(|| not_found("community_unknown"))?;
    if found.terms.revocation == RevocationRule::Own {
        let told = "the community of the built-in PKI changes with it alone";
        return Err(Refusal::new(ErrorCode::Conflict, told, Reason::new("community_of_own_pki")).into());
    }
    expect_version(target.version, found.version)?;
    Ok(found)
}

/// The terms of a community whose certificates others issue.
fn parse(document: &Map<String, Value>) -> Result<CommunityTerms, Refusal> {
    let terms = CommunityTerms::parse(document).map_err(invalid)?;
    if terms.revocation == RevocationRule::Own {
        return Err(invalid(vec![problem("revocation", "must be required or none")]));
    }
    Ok(terms)
}

fn problem(field: &str, says: &str) -> FieldProblem {
    FieldProblem { field: field.to_owned(), says: says.to_owned() }
}

fn invalid(problems: Vec<FieldProblem>) -> Refusal {
    let named: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    let named = named.join(" ");
    let told = "the trust community cannot be accepted as it is";
    Refusal::invalid_request(told, "invalid_community").detail(named).fields(problems)
}
