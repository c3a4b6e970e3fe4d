//! The grants. To add one: its file, its `mod` line, its place in [`GRANTS`].

mod audience;
mod authorization_code;
mod client_credentials;
mod refresh_token;

use async_trait::async_trait;
use time::Duration;

use crate::clients::authenticate::AuthenticatedClient;
use crate::keys::refresh_tokens::RefreshTokens;
use crate::ledger::Entry;
use crate::model::authorization::Authorization;
use crate::model::binding::Binding;
use crate::model::client::Client;
use crate::model::delegation::{Delegation, Endurance, OFFLINE_ACCESS, ONLINE_ACCESS, Voucher};
use crate::platform::entropy::Entropy;
use crate::policy::{Lifetimes, Strength};
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};
use crate::protocol::params::Params;
use crate::protocol::resource_metadata::{PatientSource, ResourceMetadata};
use crate::scope::narrow::holds;
use crate::store::Db;

pub use audience::{Named, OwnResources, audience_for_client, audience_for_person};

/// Every grant of this server.
pub static GRANTS: &[&dyn Grant] = &[
    &authorization_code::AuthorizationCode,
    &refresh_token::Refresh,
    &client_credentials::ClientCredentials,
];

/// The terms on which clients act for people.
pub struct Terms {
    /// Writes and reads refresh tokens.
    pub refresh_tokens: RefreshTokens,
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
}

/// The handler of one `grant_type`. It finds out what is true; client authentication, policy, issue
/// and audit are the endpoint's, so that no grant can forget them.
#[async_trait]
pub trait Grant: Sync {
    /// The value of `grant_type`.
    fn grant_type(&self) -> &'static str;

    /// How well a client must have proved who it is, for discovery; policy decides each case.
    fn least_strength(&self) -> Strength;

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

/// Finds a grant by its `grant_type`.
#[must_use]
pub fn find(grant_type: &str) -> Option<&'static dyn Grant> {
    GRANTS.iter().copied().find(|grant| grant.grant_type() == grant_type)
}

/// The grant that a request asks for, if this client may use it (RFC 6749, 5.2).
pub fn select(client: &AuthenticatedClient, params: &Params) -> Result<&'static dyn Grant, Refusal> {
    may_use(client.record(), params.require("grant_type")?)
}

/// A grant by its `grant_type`, if the client is registered for it.
pub fn may_use(client: &Client, asked: &str) -> Result<&'static dyn Grant, Refusal> {
    let Some(grant) = find(asked) else {
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
