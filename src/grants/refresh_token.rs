//! `refresh_token`: the client goes on without the person (RFC 6749, 6). Each token is good for one use; the
//! one that follows it is the same however often the answer is lost.

use async_trait::async_trait;
use time::Duration;

use crate::clients::authenticate::AuthenticatedClient;
use crate::ledger::{Attempt, Rotating};
use crate::model::authorization::{Authorization, Companions, OnBehalf, SenderDemand, Subject};
use crate::model::binding::Binding;
use crate::model::family::{Family, Presented, Rotation, Turn, not_valid};
use crate::model::refresh_token::RefreshToken;
use crate::policy::Strength;
use crate::protocol::client_metadata::Profile;
use crate::protocol::error::{ErrorCode, Failure, Fault, Reason, Refusal};
use crate::protocol::params::Params;
use crate::scope::narrow::covers_all;
use crate::scope::set::ScopeSet;
use crate::sender::renewed::takes_the_place;
use crate::store;

use super::{Grant, GrantCx, audience, details, is_refreshed, is_vouched_for};

pub(super) struct Refresh;

#[async_trait]
impl Grant for Refresh {
    fn grant_type(&self) -> &'static str {
        "refresh_token"
    }

    fn least_strength(&self) -> Strength {
        Strength::Named
    }

    async fn authorize(
        &self,
        cx: &mut GrantCx<'_>,
        client: &AuthenticatedClient,
        binding: Option<&Binding>,
        params: &Params,
    ) -> Result<Authorization, Failure> {
        let now = cx.entry.now();
        let text = params.require("refresh_token")?;
        let token = cx.terms.refresh_tokens.read(text).ok_or_else(|| not_valid("refresh_token_unknown"))?;
        if token.client != client.record().id {
            let of = format!("of {}", token.client);
            return Err(not_valid("refresh_token_of_another_client").detail(of).into());
        }
        let found = store::family::find(cx.db, token.family).await?;
        let found = found.ok_or_else(|| not_valid("family_unknown"))?;
        cx.name_person(&found.person, &found.family.delegation);
        if !client.record().keeps_alive(found.family.created_at) {
            return Err(not_valid("client_disabled").into());
        }
        let presented = presented(cx, client, (binding, &token), &found.family).await?;
        let turn = found.family.turn(&presented, &found.surroundings(cx.terms.idle, now), now)?;

        let delegation = &found.family.delegation;
        let asked = narrowed(&delegation.scope, params)?;
        let resource = audience::of_delegation(cx, client, (&asked, &delegation.audience)).await?;
        if !is_refreshed(client.record(), &resource, delegation.endurance()) {
            return Err(not_valid("refresh_not_registered").into());
        }
        if !is_vouched_for(delegation, &resource) {
            return Err(not_valid("directory_not_searched").into());
        }
        audience::is_repeated(params, &resource)?;
        let details = details::delegated(cx, client, (delegation, params)).await?;
        cx.entry.event_mut().scopes_asked = Some(asked.to_string());
        cx.entry.attempt(Attempt::RotateFamily(Box::new(Rotating {
            family: found.family.id,
            bound: (found.family.binding.clone(), found.family.bound_by(&presented)),
            presented,
            person: found.person.clone(),
            expires_at: now + cx.terms.refresh,
            idle: cx.terms.idle,
            turn,
        })));
        let next = match turn {
            Turn::Keep => token,
            Turn::Rotate | Turn::Repeat => RefreshToken { generation: token.generation + 1, ..token },
        };
        Ok(Authorization {
            grant_type: self.grant_type(),
            subject: Subject::Person(Box::new(OnBehalf {
                standing: found.person,
                context: delegation.context.clone(),
                sign_in: delegation.sign_in.clone(),
                grant: found.family.grant,
                particulars: delegation.particulars.clone(),
            })),
            asked,
            details,
            resource,
            sender: SenderDemand::AsRegistered,
            companions: Companions { refresh: Some(next), nonce: None },
            descent: None,
        })
    }
}

/// What the request shows with its token. Only those who prove who they are, or that they hold the key, may
/// ask again for a lost answer.
async fn presented(
    cx: &GrantCx<'_>,
    client: &AuthenticatedClient,
    (binding, token): (Option<&Binding>, &RefreshToken),
    family: &Family,
) -> Result<Presented, Fault> {
    let proves = client.strength() > Strength::Named || family.binding.is_some();
    let id = &client.record().id;
    let renews = match &family.binding {
        Some(bound) if takes_the_place(cx.db, id, (binding, bound), cx.entry.now()).await? => {
            Some(bound.clone())
        }
        Some(_) | None => None,
    };
    Ok(Presented {
        client: id.clone(),
        binding: binding.cloned(),
        renews,
        epoch: token.epoch,
        generation: token.generation,
        rotation: match client.record().metadata.profile {
            Profile::Fapi2 => Rotation::Never,
            Profile::Smart | Profile::Udap => Rotation::AtEachUse,
        },
        retry: if proves { cx.terms.refresh_retry } else { Duration::ZERO },
    })
}

/// The scopes asked for this time: as they were, or fewer, never more (RFC 6749, 6).
fn narrowed(granted: &ScopeSet, params: &Params) -> Result<ScopeSet, Refusal> {
    let refusal = |told, reason| Refusal::new(ErrorCode::InvalidScope, told, Reason::new(reason));
    let Some(text) = params.optional("scope") else { return Ok(granted.clone()) };
    let asked = ScopeSet::parse(text).map_err(|_| refusal("scope is malformed", "scope_malformed"))?;
    if asked.is_empty() || !covers_all(granted, &asked) {
        return Err(refusal("scope goes beyond what was granted", "scope_widened").detail(asked.to_string()));
    }
    Ok(asked)
}
