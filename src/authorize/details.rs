//! What is asked for beside scopes (RFC 9396): judged where a request begins and goes on, told where a person decides.

use crate::grants::details::{judge, note};
use crate::ledger::Entry;
use crate::model::client::Client;
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::authorization_details::words::{Told, told};
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::error::{Failure, Fault};
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::store;

use super::AuthorizationFlow;

/// A detail in words.
#[derive(Debug)]
pub struct DetailView {
    /// By what a form names it.
    pub key: String,
    /// What it says.
    pub told: Told,
}

impl AuthorizationFlow {
    /// Judges the details of a request: those of types that the client is not registered for or that are unknown, and
    /// those that have ended, are refused.
    pub(super) async fn judge_details(
        &self,
        entry: &mut Entry,
        (client, request): (&Client, &AuthorizationRequest),
        resource: &ResourceMetadata,
    ) -> Result<(), Failure> {
        let details = &request.authorization_details;
        note(entry.event_mut(), details);
        judge(&self.db, client, (&resource.url, details)).await
    }

    /// Details in words.
    pub(super) async fn told(&self, details: &AuthorizationDetails) -> Result<Vec<DetailView>, Fault> {
        if details.is_empty() {
            return Ok(Vec::new());
        }
        let types = store::authorization_details_type::find_named(&self.db, &details.types()).await?;
        let title =
            |kind: &str| types.iter().find(|known| known.name == kind).map(|known| known.title.as_str());
        let all = details
            .iter()
            .map(|detail| DetailView { key: detail.key(), told: told(detail, title(detail.kind())) });
        Ok(all.collect())
    }
}
