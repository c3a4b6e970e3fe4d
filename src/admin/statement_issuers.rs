//! Whoever may vouch for software (RFC 7591, 2.3): registered, read, replaced, deleted.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::ledger::{Done, Work};
use crate::model::page::Page;
use crate::model::registration::StatementIssuer;
use crate::platform::outbound::OutboundUrl;
use crate::protocol::allowance::StatementIssuerMetadata;
use crate::protocol::client_metadata::Keys;
use crate::protocol::error::{Doing, ErrorCode, Failure, Fault, FieldProblem, Reason, Refusal};
use crate::store;

use super::actor::Caller;
use super::{Administration, not_found, privilege, registration};

const UNKNOWN: &str = "statement_issuer_unknown";

impl Administration {
    /// Registers an issuer of software statements.
    pub async fn create_statement_issuer(
        &self,
        caller: &Caller,
        document: &Map<String, Value>,
    ) -> Result<StatementIssuer, Failure> {
        let mut event = self.event(caller, "statement_issuer.create")?;
        let metadata = match self.parse_statement_issuer(document).await {
            Ok(metadata) => metadata,
            Err(failure) => return self.refuse(event, failure).await,
        };
        let now = event.at;
        let id = self.entropy.id(now).doing("naming a statement issuer")?;
        event.target = Some(id.to_string());
        event.detail = Some(metadata.issuer.clone());
        let issuer = StatementIssuer { id, metadata, created_at: now, updated_at: now };
        let actor = caller.actor.clone();
        self.ledger
            .transact(event, move |tx, _| -> Work<'_, StatementIssuer> {
                Box::pin(async move {
                    privilege::still_stands(&actor, tx).await?;
                    if store::statement_issuer::insert(tx, &issuer).await? {
                        return Ok(Done::Changed(issuer));
                    }
                    let told = "an issuer of that name is registered already";
                    Err(Refusal::new(ErrorCode::Conflict, told, Reason::new("statement_issuer_exists"))
                        .into())
                })
            })
            .await
    }

    /// Finds an issuer of software statements.
    pub async fn find_statement_issuer(&self, id: Uuid) -> Result<StatementIssuer, Failure> {
        store::statement_issuer::find(&self.db, id).await?.ok_or_else(|| not_found(UNKNOWN).into())
    }

    /// Finds a page of issuers of software statements.
    pub async fn list_statement_issuers(&self, page: &Page<Uuid>) -> Result<Vec<StatementIssuer>, Fault> {
        store::statement_issuer::find_page(&self.db, page).await
    }

    /// Replaces what is said of an issuer; its name stays.
    pub async fn replace_statement_issuer(
        &self,
        caller: &Caller,
        id: Uuid,
        document: &Map<String, Value>,
    ) -> Result<StatementIssuer, Failure> {
        let mut event = self.event(caller, "statement_issuer.replace")?;
        event.target = Some(id.to_string());
        let metadata = match self.parse_statement_issuer(document).await {
            Ok(metadata) => metadata,
            Err(failure) => return self.refuse(event, failure).await,
        };
        let before = match self.find_statement_issuer(id).await {
            Ok(before) => before,
            Err(failure) => return self.refuse(event, failure).await,
        };
        let now = event.at;
        let actor = caller.actor.clone();
        self.ledger
            .transact(event, move |tx, _| -> Work<'_, StatementIssuer> {
                Box::pin(async move {
                    privilege::still_stands(&actor, tx).await?;
                    if store::statement_issuer::update(tx, id, &metadata, now).await? {
                        return Ok(Done::Changed(StatementIssuer { metadata, updated_at: now, ..before }));
                    }
                    let told = "the name of an issuer does not change: register another";
                    Err(Refusal::new(ErrorCode::Conflict, told, Reason::new("statement_issuer_renamed"))
                        .into())
                })
            })
            .await
    }

    /// Deletes an issuer: its statements open nothing any more. What they opened before, stays.
    pub async fn delete_statement_issuer(&self, caller: &Caller, id: Uuid) -> Result<(), Failure> {
        let mut event = self.event(caller, "statement_issuer.delete")?;
        event.target = Some(id.to_string());
        let actor = caller.actor.clone();
        self.ledger
            .transact(event, move |tx, _| -> Work<'_, ()> {
                Box::pin(async move {
                    privilege::still_stands(&actor, tx).await?;
                    if store::statement_issuer::delete(tx, id).await? {
                        return Ok(Done::Changed(()));
                    }
                    Err(not_found(UNKNOWN).into())
                })
            })
            .await
    }

    async fn parse_statement_issuer(
        &self,
        document: &Map<String, Value>,
    ) -> Result<StatementIssuerMetadata, Failure> {
        let metadata = StatementIssuerMetadata::parse(document).map_err(registration::refusal)?;
        if let Keys::At(uri) = &metadata.keys
            && let Err(says) = OutboundUrl::parse(uri, &self.rules)
        {
            let problem = FieldProblem { field: "jwks_uri".to_owned(), says: says.to_owned() };
            return Err(registration::refusal(vec![problem]).into());
        }
        self.judge_allowance(&metadata.allowance).await?;
        Ok(metadata)
    }
}
