//! The grants. To add one: its file, its `mod` line, its place in [`GRANTS`].

mod audience;
mod authorization_code;
mod client_credentials;
mod device_code;
pub mod details;
mod jwt_bearer;
mod refresh_token;
mod token_exchange;

use std::sync::Arc;

use async_trait::async_trait;
use time::Duration;

use crate::clients::assertion::AssertionRules;
use crate::clients::authenticate::AuthenticatedClient;
use crate::clients::key_source::KeySource;
use crate::config::features::Features;
use crate::keys::refresh_tokens::RefreshTokens;
use crate::keys::subjects::Subjects;
use crate::ledger::Entry;
use crate::model::access_token::AccessToken;
use crate::model::authorization::Authorization;
use crate::model::binding::Binding;
use crate::model::client::Client;
use crate::model::delegation::{Delegation, Endurance, OFFLINE_ACCESS, ONLINE_ACCESS, Voucher};
use crate::moment::Timestamp;
use crate::platform::entropy::Entropy;
use crate::policy::{Lifetimes, Strength};
use crate::protocol::error::{ErrorCode, Failure, Fault, Reason, Refusal};
use crate::protocol::params::Params;
use crate::protocol::resource_metadata::{PatientSource, ResourceMetadata};
use crate::scope::narrow::holds;
use crate::store::Db;

use crate::policy::OWN_SCOPES;
use crate::scope::dialects;
use crate::scope::permission::Permission;
use crate::scope::set::ScopeSet;
use crate::scope::token::ScopeToken;

pub use audience::{Named, OwnResources, audience_for_client, audience_for_person};
pub use token_exchange::ACCESS_TOKEN;

/// Every grant of this server.
pub static GRANTS: &[&dyn Grant] = &[
    &authorization_code::AuthorizationCode,
    &refresh_token::Refresh,
    &client_credentials::ClientCredentials,
    &device_code::Device,
    &token_exchange::TokenExchange,
    &jwt_bearer::JwtBearer,
];

/// The terms on which clients act for people.
pub struct Terms {
    /// Writes and reads refresh tokens.
    pub refresh_tokens: RefreshTokens,
    /// Names people to clients.
    pub subjects: Arc<Subjects>,
    /// How long a refresh token that is not used is good.
    pub refresh: Duration,
    /// How long a lost answer to a refresh may be asked for again.
    pub refresh_retry: Duration,
    /// How long a session may rest.
    pub idle: Duration,
    /// How long access tokens live.
    pub lifetimes: Lifetimes,
    /// Chance.
    pub entropy: Entropy,
}

/// What a grant is given.
pub struct GrantCx<'a> {
    /// The entry of the request, which takes the attempt.
    pub entry: &'a mut Entry,
    /// The door to reading.
    pub db: &'a Db,
    /// The resource servers that this server is itself.
    pub own: &'a OwnResources,
    /// The terms on which clients act for people.
    pub terms: &'a Terms,
    /// Who judges what a request shows in place of a person.
    pub judges: Judges<'a>,
}

/// Who judges the tokens and assertions that a request shows in place of a person.
#[derive(Clone, Copy)]
pub struct Judges<'a> {
    /// Those of this server.
    pub tokens: &'a dyn LivingTokens,
    /// The keys of others.
    pub keys: &'a KeySource,
    /// What assertions must say.
    pub rules: &'a AssertionRules,
}

/// Reads the access tokens of this server; what they are is told further down.
#[async_trait]
pub trait LivingTokens: Send + Sync {
    /// The content of a token that is alive: neither it nor anything that it descends from has ended.
    async fn find(&self, text: &str, now: Timestamp) -> Result<Option<AccessToken>, Fault>;
}

/// The handler of one `grant_type`. It finds out what is true; client authentication, policy, issue
/// and audit are the endpoint's, so that no grant can forget them.
#[async_trait]
pub trait Grant: Sync {
    /// The value of `grant_type`.
    fn grant_type(&self) -> &'static str;

    /// How well a client must have proved who it is, for discovery; policy decides each case.
    fn least_strength(&self) -> Strength;

    /// Whether this server offers it.
    fn is_on(&self, _: &Features) -> bool {
        true
    }

    /// Finds what the request is authorized for.
    async fn authorize(
        &self,
        cx: &mut GrantCx<'_>,
        client: &AuthenticatedClient,
        binding: Option<&Binding>,
        params: &Params,
    ) -> Result<Authorization, Failure>;
}

/// Whether a client may go on without the person: as far as was agreed to, and as it and the resource server are
/// registered now.
fn is_refreshed(client: &Client, resource: &ResourceMetadata, endurance: Endurance) -> bool {
    let (scope, capability) = match endurance {
        Endurance::Token => return false,
        Endurance::Session => (ONLINE_ACCESS, "permission-online"),
        Endurance::Offline => (OFFLINE_ACCESS, "permission-offline"),
    };
    let metadata = &client.metadata;
    metadata.grant_types.iter().any(|grant| grant == "refresh_token")
        && holds(&metadata.scope, scope)
        && resource.has_capability(capability)
}

/// Whether whoever vouched for the patient in context still does: a FHIR server that is not searched any more
/// vouches for nobody.
fn is_vouched_for(delegation: &Delegation, resource: &ResourceMetadata) -> bool {
    delegation.voucher != Voucher::Directory || matches!(resource.patients, PatientSource::Search { .. })
}

/// Refuses a client that has proved nothing: what stands in place of a person could be anybody's.
fn proves_itself(client: &AuthenticatedClient) -> Result<(), Refusal> {
    match client.strength() {
        Strength::SharedSecret | Strength::PrivateKey => Ok(()),
        Strength::Named => Err(Refusal::new(
            ErrorCode::UnauthorizedClient,
            "a public client may not use that grant",
            Reason::new("public_client"),
        )),
    }
}

/// Scopes without those about sign-in and refresh tokens, which need a person who signs in.
fn without_sign_in(scope: &ScopeSet) -> ScopeSet {
    let is_own = |token: &ScopeToken| match dialects::read(token) {
        Some((Permission::Named(name), _)) => OWN_SCOPES.contains(&name.as_str()),
        Some((Permission::Resource { .. }, _)) | None => false,
    };
    ScopeSet::from_tokens(scope.iter().filter(|token| !is_own(token)).cloned())
}

/// The scopes that a request names, if it does.
fn named_scope(params: &Params) -> Result<Option<ScopeSet>, Refusal> {
    let Some(text) = params.optional("scope") else { return Ok(None) };
    ScopeSet::parse(text).map(Some).map_err(|error| {
        let reason = Reason::new("scope_malformed");
        Refusal::new(ErrorCode::InvalidScope, "scope is malformed", reason).detail(error.to_string())
    })
}

/// The grants that are offered.
pub fn offered(features: &Features) -> impl Iterator<Item = &'static dyn Grant> {
    GRANTS.iter().copied().filter(|grant| grant.is_on(features))
}

/// Finds a grant that is offered by its `grant_type`.
#[must_use]
pub fn find(grant_type: &str, features: &Features) -> Option<&'static dyn Grant> {
    offered(features).find(|grant| grant.grant_type() == grant_type)
}

/// The grant that a request asks for, if this client may use it (RFC 6749, 5.2).
pub fn select(
    client: &AuthenticatedClient,
    params: &Params,
    features: &Features,
) -> Result<&'static dyn Grant, Refusal> {
    may_use(client.record(), params.require("grant_type")?, features)
}

/// A grant by its `grant_type`, if the client is registered for it.
pub fn may_use(client: &Client, asked: &str, features: &Features) -> Result<&'static dyn Grant, Refusal> {
    let Some(grant) = find(asked, features) else {
        let reason = Reason::new("unsupported_grant_type");
        return Err(Refusal::new(
            ErrorCode::UnsupportedGrantType,
            "this server does not have that grant",
            reason,
        ));
    };
    if !client.metadata.grant_types.iter().any(|registered| registered == asked) {
        let reason = Reason::new("grant_not_registered");
        return Err(Refusal::new(
            ErrorCode::UnauthorizedClient,
            "this client may not use that grant",
            reason,
        ));
    }
    Ok(grant)
}
