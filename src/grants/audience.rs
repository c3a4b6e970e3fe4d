//! The one resource server that a token is for (RFC 8707; RFC 9068, 3).

use serde_json::json;

use crate::clients::authenticate::AuthenticatedClient;
use crate::model::authorization::SenderDemand;
use crate::protocol::error::{ErrorCode, Failure, Fault, FieldProblem, Reason, Refusal};
use crate::protocol::params::Params;
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::store;

use super::GrantCx;

/// The resource server that is this server's own admin API: it is always there and takes bound
/// tokens alone.
#[derive(Clone, Debug)]
pub struct AdminResource {
    metadata: ResourceMetadata,
}

impl AdminResource {
    /// The admin API of an issuer, with the scopes of its routes.
    pub fn of(issuer: &str, scope: &str) -> Result<Self, Fault> {
        let says =
            json!({"title": "Admin API", "url": format!("{issuer}/admin"), "kind": "api", "scope": scope});
        let parsed = says.as_object().map(ResourceMetadata::parse);
        match parsed {
            Some(Ok(metadata)) => Ok(Self { metadata }),
            Some(Err(problems)) => Err(Fault::new("naming the admin API", named(&problems))),
            None => Err(Fault::new("naming the admin API", "no object")),
        }
    }

    /// The `aud` of admin tokens.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.metadata.url
    }
}

fn named(problems: &[FieldProblem]) -> String {
    problems
        .iter()
        .map(|problem| format!("{} {}", problem.field, problem.says))
        .collect::<Vec<_>>()
        .join("; ")
}

/// Finds the resource server a back-end asks for, or its only registered one when it names none.
pub(super) async fn choose(
    cx: &mut GrantCx<'_>,
    client: &AuthenticatedClient,
    params: &Params,
) -> Result<(ResourceMetadata, SenderDemand), Failure> {
    let registered = &client.record().metadata.resources;
    let url = match (params.repeated("resource"), registered.as_slice()) {
        ([], [only]) => only,
        ([], []) => {
            return Err(refusal(
                "this client is registered for no resource server",
                "no_resource_registered",
            ));
        }
        ([], _) => return Err(refusal("resource is required: this client has several", "resource_missing")),
        ([first, rest @ ..], _) if rest.iter().all(|other| other == first) => first,
        _ => {
            return Err(refusal(
                "a token is for one resource server: ask for one at a time",
                "several_resources",
            ));
        }
    };
    cx.entry.event_mut().audience = Some(url.chars().take(500).collect());
    if !registered.contains(url) {
        return Err(refusal(
            "this client is not registered for that resource server",
            "resource_not_registered",
        ));
    }
    if url == cx.admin.audience() {
        return Ok((cx.admin.metadata.clone(), SenderDemand::Always));
    }
    let found = store::resource::find_by_url(cx.db, url).await?;
    let found =
        found.ok_or_else(|| refusal("that resource server does not exist any more", "resource_unknown"))?;
    Ok((found.metadata, SenderDemand::AsRegistered))
}

fn refusal(told: &'static str, reason: &'static str) -> Failure {
    Refusal::new(ErrorCode::InvalidTarget, told, Reason::new(reason)).into()
}
