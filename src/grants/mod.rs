//! The grants. To add one: its file, its `mod` line, its place in [`GRANTS`].

mod audience;
mod client_credentials;

use async_trait::async_trait;

use crate::clients::authenticate::AuthenticatedClient;
use crate::ledger::Entry;
use crate::model::authorization::Authorization;
use crate::model::binding::Binding;
use crate::policy::Strength;
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};
use crate::protocol::params::Params;
use crate::store::Db;

pub use audience::AdminResource;

/// Every grant of this server.
pub static GRANTS: &[&dyn Grant] = &[&client_credentials::ClientCredentials];

/// What a grant is given.
pub struct GrantCx<'a> {
    /// The entry of the request, which takes the attempt.
    pub entry: &'a mut Entry,
    /// The door to reading.
    pub db: &'a Db,
    /// The resource server that is this server's own admin API.
    pub admin: &'a AdminResource,
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

/// Finds a grant by its `grant_type`.
#[must_use]
pub fn find(grant_type: &str) -> Option<&'static dyn Grant> {
    GRANTS.iter().copied().find(|grant| grant.grant_type() == grant_type)
}

/// The grant that a request asks for, if this client may use it (RFC 6749, 5.2).
pub fn select(client: &AuthenticatedClient, params: &Params) -> Result<&'static dyn Grant, Refusal> {
    let asked = params.require("grant_type")?;
    let Some(grant) = find(asked) else {
        let reason = Reason::new("unsupported_grant_type");
        return Err(Refusal::new(
            ErrorCode::UnsupportedGrantType,
            "this server does not have that grant",
            reason,
        ));
    };
    if !client.record().metadata.grant_types.iter().any(|registered| registered == asked) {
        let reason = Reason::new("grant_not_registered");
        return Err(Refusal::new(
            ErrorCode::UnauthorizedClient,
            "this client may not use that grant",
            reason,
        ));
    }
    Ok(grant)
}
