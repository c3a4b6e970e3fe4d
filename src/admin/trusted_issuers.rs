//! Trusted issuers: read, put, deleted. Whoever writes them decides whose word about people is taken, within
//! what those people have agreed to.

use serde_json::{Map, Value};

use crate::ledger::{Done, Work};
use crate::model::page::Page;
use crate::model::trusted_issuer::TrustedIssuer;
use crate::platform::outbound::OutboundUrl;
use crate::protocol::client_metadata::Keys;
use crate::protocol::error::{ErrorCode, Failure, Fault, FieldProblem, Reason, Refusal};
use crate::protocol::ids::{ClientId, IssuerName};
use crate::protocol::trusted_issuer::TrustedIssuerMetadata;
use crate::store::{self, Tx};

use super::actor::Caller;
use super::{Administration, expect_version, not_found, privilege};

/// Which trusted issuer to change, and in which version.
#[derive(Clone, Debug)]
pub struct Target {
    /// The issuer.
    pub name: IssuerName,
    /// The version that the change was made for, if the caller says.
    pub version: Option<i64>,
}

/// What came of putting a registration.
#[derive(Debug)]
pub enum Put {
    /// There was none of that name.
    Created(TrustedIssuer),
    /// It took the place of another.
    Replaced(TrustedIssuer),
}

impl Administration {
    /// Finds a trusted issuer.
    pub async fn find_trusted_issuer(&self, name: &IssuerName) -> Result<TrustedIssuer, Failure> {
        let found = store::trusted_issuer::find(&self.db, name).await?;
        found.ok_or_else(|| not_found("trusted_issuer_unknown").into())
    }

    /// Finds a page of trusted issuers.
    pub async fn list_trusted_issuers(&self, page: &Page<IssuerName>) -> Result<Vec<TrustedIssuer>, Fault> {
        store::trusted_issuer::find_page(&self.db, page).await
    }

    /// Registers an issuer under a name, or replaces its registration as a whole.
    pub async fn put_trusted_issuer(
        &self,
        caller: &Caller,
        target: Target,
        document: Map<String, Value>,
    ) -> Result<Put, Failure> {
        let mut event = self.event(caller, "trusted_issuer.put")?;
        event.target = Some(target.name.to_string());
        let metadata = match TrustedIssuerMetadata::parse(&document).map_err(invalid) {
            Ok(metadata) => metadata,
            Err(refusal) => return self.refuse(event, refusal.into()).await,
        };
        if let Err(refusal) = self.judge(&metadata) {
            return self.refuse(event, refusal.into()).await;
        }
        let (now, actor) = (event.at, caller.actor.clone());
        self.ledger
            .transact(event, move |tx, _| -> Work<'_, Put> {
                Box::pin(async move {
                    privilege::still_stands(&actor, tx).await?;
                    let before = store::trusted_issuer::find_locked(tx, &target.name).await?;
                    let known = before.as_ref().map(|before| before.metadata.clients.clone());
                    are_registered(tx, &metadata.clients, &known.unwrap_or_default()).await?;
                    let Some(before) = before else {
                        if target.version.is_some() {
                            return Err(not_found("trusted_issuer_unknown").into());
                        }
                        let (created_at, updated_at) = (now, now);
                        let made =
                            TrustedIssuer { name: target.name, metadata, version: 1, created_at, updated_at };
                        if !store::trusted_issuer::insert(tx, &made).await? {
                            return Err(taken().into());
                        }
                        return Ok(Done::Changed(Put::Created(made)));
                    };
                    expect_version(target.version, before.version)?;
                    if metadata.issuer != before.metadata.issuer {
                        let says = "cannot change: register another trusted issuer";
                        return Err(invalid(vec![problem("issuer", says)]).into());
                    }
                    let version = store::trusted_issuer::update(tx, &target.name, &metadata, now).await?;
                    let after = TrustedIssuer { metadata, version, updated_at: now, ..before };
                    Ok(Done::Changed(Put::Replaced(after)))
                })
            })
            .await
    }

    /// Deletes a trusted issuer: its assertions are worth nothing from now on.
    pub async fn delete_trusted_issuer(&self, caller: &Caller, target: Target) -> Result<(), Failure> {
        let mut event = self.event(caller, "trusted_issuer.delete")?;
        event.target = Some(target.name.to_string());
        let actor = caller.actor.clone();
        self.ledger
            .transact(event, move |tx, _| -> Work<'_, ()> {
                Box::pin(async move {
                    privilege::still_stands(&actor, tx).await?;
                    let found = store::trusted_issuer::find_locked(tx, &target.name).await?;
                    let found = found.ok_or_else(|| not_found("trusted_issuer_unknown"))?;
                    expect_version(target.version, found.version)?;
                    store::trusted_issuer::delete(tx, &found.name).await?;
                    Ok(Done::Changed(()))
                })
            })
            .await
    }

    /// An issuer is another one than this server, and its keys are where they may be fetched.
    fn judge(&self, metadata: &TrustedIssuerMetadata) -> Result<(), Refusal> {
        let mut problems = Vec::new();
        let own = self.audience.strip_suffix("/admin").unwrap_or(&self.audience);
        if metadata.issuer.trim_end_matches('/') == own {
            problems.push(problem("issuer", "is this server itself"));
        }
        if let Keys::At(uri) = &metadata.keys
            && let Err(says) = OutboundUrl::parse(uri, &self.rules)
        {
            problems.push(problem("jwks_uri", says));
        }
        if problems.is_empty() { Ok(()) } else { Err(invalid(problems)) }
    }
}

/// Looks for the clients that are named and were not before: one that was deleted since harms nobody, as no other
/// will have its id.
async fn are_registered(tx: &mut Tx, clients: &[ClientId], known: &[ClientId]) -> Result<(), Failure> {
    for (index, client) in clients.iter().enumerate() {
        if !known.contains(client) && store::client::find_in(tx, client).await?.is_none() {
            let field = format!("clients[{index}]");
            return Err(invalid(vec![problem(&field, "is not a registered client")]).into());
        }
    }
    Ok(())
}

fn problem(field: &str, says: &str) -> FieldProblem {
    FieldProblem { field: field.to_owned(), says: says.to_owned() }
}

fn invalid(problems: Vec<FieldProblem>) -> Refusal {
    let named: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    let named = named.join(" ");
    let told = "the trusted issuer cannot be accepted as it is";
    Refusal::invalid_request(told, "invalid_trusted_issuer").detail(named).fields(problems)
}

const fn taken() -> Refusal {
    let told = "that issuer is registered already, under another name";
    Refusal::new(ErrorCode::Conflict, told, Reason::new("trusted_issuer_exists"))
}
