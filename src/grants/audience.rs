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
        Permission::Named(name) => OWN_SCOPES.contains(&name.as_str()) && !name.starts_with("launch"),
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
    match registered(db, client, url).await? {
        Registration::Held(resource) if resource.url != own.admin.url => Ok(*resource),
        Registration::Gone => Err(wrong(GONE, "resource_unknown")),
        Registration::Held(_) | Registration::Missing => {
            let told = "aud names no resource server that this client is registered for";
            Err(wrong(told, "resource_not_registered"))
        }
    }
}

/// What a name for a resource server comes to for a client.
enum Registration {
    /// The client is registered for the resource server that answers to it.
    Held(Box<ResourceMetadata>),
    /// It was, and the resource server is there no more.
    Gone,
    /// It is not.
    Missing,
}

/// Finds the resource server that answers to a name, its URL or another audience of its registration. A
/// client is registered by the URL; every other spelling is another name (RFC 3986, 6.2.1).
async fn registered(db: &Db, client: &Client, named: &str) -> Result<Registration, Fault> {
    let lists = |url: &str| client.metadata.resources.iter().any(|registered| registered == url);
    Ok(match store::resource::find_by_audience(db, named).await? {
        Some(found) if lists(&found.metadata.url) => Registration::Held(Box::new(found.metadata)),
        None if lists(named) => Registration::Gone,
        Some(_) | None => Registration::Missing,
    })
}

const GONE: &str = "that resource server does not exist any more";
const NOT_REGISTERED: &str = "this client is not registered for that resource server";

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
pub(super) fn is_repeated(params: &Params, agreed: &ResourceMetadata) -> Result<(), Failure> {
    if params.repeated("resource").iter().all(|resource| agreed.answers_to(resource)) {
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
    let url = one_of(client.record(), params.repeated("resource"))?;
    cx.entry.event_mut().audience = Some(url.chars().take(500).collect());
    let (resource, demand) = of_back_end(cx.db, cx.own, client.record(), url).await?;
    cx.entry.event_mut().audience = Some(resource.url.clone());
    Ok((resource, demand))
}

/// Finds the resource server for which a client asks by `resource` or `audience` (RFC 8707, 2; RFC 8693, 2.1), or
/// its only registered one when it names none. This server itself is none of them.
pub(super) async fn of_another(
    cx: &mut GrantCx<'_>,
    client: &AuthenticatedClient,
    params: &Params,
) -> Result<ResourceMetadata, Failure> {
    let named = params.repeated("resource").iter().chain(params.repeated("audience"));
    let asked: Vec<String> = named.cloned().collect();
    let url = one_of(client.record(), &asked)?;
    cx.entry.event_mut().audience = Some(url.chars().take(500).collect());
    match registered(cx.db, client.record(), url).await? {
        Registration::Held(resource) => {
            cx.entry.event_mut().audience = Some(resource.url.clone());
            Ok(*resource)
        }
        Registration::Gone => Err(refusal(GONE, "resource_unknown")),
        Registration::Missing => Err(refusal(NOT_REGISTERED, "resource_not_registered")),
    }
}

/// Finds the resource server for which a back-end asks by naming these, as its token requests do.
pub async fn audience_for_client(
    db: &Db,
    own: &OwnResources,
    client: &Client,
    asked: &[String],
) -> Result<(ResourceMetadata, SenderDemand), Failure> {
    of_back_end(db, own, client, one_of(client, asked)?).await
}

/// The one name that a back-end gives, or may leave out.
fn one_of<'a>(client: &'a Client, asked: &'a [String]) -> Result<&'a String, Failure> {
    match (asked, client.metadata.resources.as_slice()) {
        ([], [only]) => Ok(only),
        ([], []) => {
            Err(refusal("this client is registered for no resource server", "no_resource_registered"))
        }
        ([], _) => Err(refusal("resource is required: this client has several", "resource_missing")),
        ([first, rest @ ..], _) if rest.iter().all(|other| other == first) => Ok(first),
        _ => Err(refusal("a token is for one resource server: ask for one at a time", "several_resources")),
    }
}

async fn of_back_end(
    db: &Db,
    own: &OwnResources,
    client: &Client,
    named: &String,
) -> Result<(ResourceMetadata, SenderDemand), Failure> {
    if client.metadata.resources.contains(named) && *named == own.admin.url {
        return Ok((own.admin.clone(), SenderDemand::Always));
    }
    match registered(db, client, named).await? {
        Registration::Held(resource) => Ok((*resource, SenderDemand::AsRegistered)),
        Registration::Gone => Err(refusal(GONE, "resource_unknown")),
        Registration::Missing => Err(refusal(NOT_REGISTERED, "resource_not_registered")),
    }
}

fn refusal(told: &'static str, reason: &'static str) -> Failure {
    Refusal::new(ErrorCode::InvalidTarget, told, Reason::new(reason)).into()
}
