//! The one resource server that a token is for (RFC 8707; RFC 9068, 3).

use serde_json::json;

use crate::clients::authenticate::AuthenticatedClient;
use crate::model::authorization::SenderDemand;
use crate::model::client::Client;
use crate::policy::OWN_SCOPES;
use crate::protocol::error::{ErrorCode, Failure, Fault, FieldProblem, Reason, Refusal};
use crate::protocol::params::Params;
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::scope::narrow::permissions;
use crate::scope::permission::Permission;
use crate::scope::set::ScopeSet;
use crate::store::{self, Db};

use super::GrantCx;

/// The resource servers that this server is itself; they are always there.
#[derive(Clone, Debug)]
pub struct OwnResources {
    /// The admin API, which takes bound tokens of back-ends alone.
    pub admin: ResourceMetadata,
    /// The userinfo endpoint (OpenID Connect Core, 5.3), for a client that asks for nothing else.
    pub userinfo: ResourceMetadata,
}

impl OwnResources {
    /// What belongs to an issuer: its admin API with the scopes of its routes, its userinfo endpoint.
    pub fn of(issuer: &str, admin_scope: &str, userinfo: &str) -> Result<Self, Fault> {
        let api = |title: &str, url: &str, scope: &str| {
            let says = json!({"title": title, "url": url, "kind": "api", "scope": scope});
            match says.as_object().map(ResourceMetadata::parse) {
                Some(Ok(metadata)) => Ok(metadata),
                Some(Err(problems)) => Err(Fault::new("naming an API of this server", listed(&problems))),
                None => Err(Fault::new("naming an API of this server", "no object")),
            }
        };
        Ok(Self {
            admin: api("Admin API", &format!("{issuer}/admin"), admin_scope)?,
            userinfo: api("User information", userinfo, &OWN_SCOPES.join(" "))?,
        })
    }
}

fn listed(problems: &[FieldProblem]) -> String {
    problems
        .iter()
        .map(|problem| format!("{} {}", problem.field, problem.says))
        .collect::<Vec<_>>()
        .join("; ")
}

/// For which resource server a person's app asks.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// What it wants to do there.
    pub scope: &'a ScopeSet,
    /// `aud`, or `resource`.
    pub audience: Option<&'a str>,
    /// The error that a wrong one is told with: `invalid_request` for `aud`, `invalid_target` for `resource`.
    pub blame: ErrorCode,
}

/// Finds the resource server for which a person's app asks: the one it names, which must be one of its own,
/// or the userinfo endpoint when it asks for nothing but to know who the person is (SMART App Launch 2.2).
pub async fn audience_for_person(
    db: &Db,
    own: &OwnResources,
    client: &Client,
    named: Named<'_>,
) -> Result<ResourceMetadata, Failure> {
    let Named { scope, audience, blame } = named;
    let wrong = |told, reason| Failure::from(Refusal::new(blame, told, Reason::new(reason)));
    let of_userinfo = |permission: &Permission| match permission {
        // Context is of a FHIR server, which must be named.
        Permission::Named(name) => OWN_SCOPES.contains(&name.as_str()) && !name.starts_with("launch/"),
        Permission::Resource { .. } => false,
    };
    let url = match audience {
        None if permissions(scope).iter().all(of_userinfo) => return Ok(own.userinfo.clone()),
        Some(url) if url == own.userinfo.url => return Ok(own.userinfo.clone()),
        None => {
            let told = "aud is required: name the FHIR server that the scopes are for";
            return Err(Refusal::invalid_request(told, "aud_missing").into());
        }
        Some(url) => url,
    };
    if !client.metadata.resources.iter().any(|registered| registered == url) || url == own.admin.url {
        let told = "aud names no resource server that this client is registered for";
        return Err(wrong(told, "resource_not_registered"));
    }
    let found = store::resource::find_by_url(db, url).await?;
    let found = found.ok_or_else(|| wrong(GONE, "resource_unknown"))?;
    Ok(found.metadata)
}

const GONE: &str = "that resource server does not exist any more";

/// Finds the resource server for which a person has let an app act, as it is registered now.
pub(super) async fn of_delegation(
    cx: &GrantCx<'_>,
    client: &AuthenticatedClient,
    (scope, audience): (&ScopeSet, &str),
) -> Result<ResourceMetadata, Failure> {
    let named = Named { scope, audience: Some(audience), blame: ErrorCode::InvalidTarget };
    audience_for_person(cx.db, cx.own, client.record(), named).await
}

/// Refuses a token request that names another resource server than the one that was agreed to (RFC 8707, 2.2).
pub(super) fn is_repeated(params: &Params, audience: &str) -> Result<(), Failure> {
    if params.repeated("resource").iter().all(|resource| resource == audience) {
        return Ok(());
    }
    Err(refusal("resource is not the one that was agreed to", "resource_differs"))
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
    if *url == cx.own.admin.url {
        return Ok((cx.own.admin.clone(), SenderDemand::Always));
    }
    let found = store::resource::find_by_url(cx.db, url).await?;
    let found = found.ok_or_else(|| refusal(GONE, "resource_unknown"))?;
    Ok((found.metadata, SenderDemand::AsRegistered))
}

fn refusal(told: &'static str, reason: &'static str) -> Failure {
    Refusal::new(ErrorCode::InvalidTarget, told, Reason::new(reason)).into()
}
