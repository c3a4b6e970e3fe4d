//! `client_credentials`: the client asks for itself (RFC 6749, 4.4; SMART Backend Services).

use async_trait::async_trait;

use crate::clients::authenticate::AuthenticatedClient;
use crate::model::authorization::{Authorization, Companions, Subject};
use crate::model::binding::Binding;
use crate::policy::Strength;
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};
use crate::protocol::params::Params;
use crate::scope::set::ScopeSet;

use super::{Grant, GrantCx, audience, details};

pub(super) struct ClientCredentials;

#[async_trait]
impl Grant for ClientCredentials {
    fn grant_type(&self) -> &'static str {
        "client_credentials"
    }

    fn least_strength(&self) -> Strength {
        Strength::SharedSecret
    }

    async fn authorize(
        &self,
        cx: &mut GrantCx<'_>,
        client: &AuthenticatedClient,
        _: Option<&Binding>,
        params: &Params,
    ) -> Result<Authorization, Failure> {
        let text = params.optional("scope").unwrap_or_default();
        let asked = ScopeSet::parse(text).map_err(|error| {
            let reason = Reason::new("scope_malformed");
            Refusal::new(ErrorCode::InvalidScope, "scope is malformed", reason).detail(error.to_string())
        })?;
        cx.entry.event_mut().scopes_asked = Some(asked.to_string());
        let (resource, sender) = audience::choose(cx, client, params).await?;
        let subject = Subject::Client(client.record().id.clone());
        let details = details::asked(cx, client, (&resource.url, params)).await?;
        Ok(Authorization {
            grant_type: self.grant_type(),
            subject,
            asked,
            details,
            resource,
            sender,
            companions: Companions::default(),
            descent: None,
        })
    }
}
