//! The grant of devices: a person has agreed elsewhere, and the device asks until they have (RFC 8628, 3.4).

use async_trait::async_trait;

use crate::clients::authenticate::AuthenticatedClient;
use crate::config::features::Features;
use crate::jose::thumbprint::sha256;
use crate::ledger::{Attempt, RedeemingDevice};
use crate::model::authorization::{Authorization, Companions, OnBehalf, SenderDemand, Subject};
use crate::model::binding::Binding;
use crate::model::device_code::{DeviceState, GRANT, not_valid};
use crate::policy::Strength;
use crate::protocol::error::Failure;
use crate::protocol::params::Params;
use crate::store;

use super::authorization_code::{begin, first};
use super::{Grant, GrantCx, audience, details, is_vouched_for};

pub(super) struct Device;

#[async_trait]
impl Grant for Device {
    fn grant_type(&self) -> &'static str {
        GRANT
    }

    fn least_strength(&self) -> Strength {
        Strength::Named
    }

    fn is_on(&self, features: &Features) -> bool {
        features.device_authorization
    }

    async fn authorize(
        &self,
        cx: &mut GrantCx<'_>,
        client: &AuthenticatedClient,
        binding: Option<&Binding>,
        params: &Params,
    ) -> Result<Authorization, Failure> {
        let digest = sha256(params.require("device_code")?.as_bytes());
        let found = store::device_code::find(cx.db, &digest).await?;
        let found = found.ok_or_else(|| not_valid("device_code_unknown"))?;
        let id = &client.record().id;
        if let DeviceState::Approved(approval) = &found.state
            && found.client == *id
        {
            cx.name_person(&approval.person, &approval.delegation);
        }
        let approval = found.poll((id, binding), cx.entry.now())?;
        if !client.record().keeps_alive(found.issued_at) {
            return Err(not_valid("client_disabled").into());
        }
        let delegation = &approval.delegation;
        let named = (&delegation.scope, delegation.audience.as_str());
        let resource = audience::of_delegation(cx, client, named).await?;
        audience::is_repeated(params, &resource)?;
        if !is_vouched_for(delegation, &resource) {
            return Err(not_valid("directory_not_searched").into());
        }
        let details = details::delegated(cx, client, (delegation, params)).await?;
        let family = begin(cx, client, binding, (delegation, approval.epoch), &resource)?;
        let refresh = first(client, &family, &resource);
        let authorization = Authorization {
            grant_type: self.grant_type(),
            subject: Subject::Person(Box::new(OnBehalf {
                standing: approval.person.clone(),
                context: delegation.context.clone(),
                sign_in: delegation.sign_in.clone(),
                grant: family.grant,
                particulars: delegation.particulars.clone(),
            })),
            asked: delegation.scope.clone(),
            details,
            resource,
            sender: SenderDemand::AsRegistered,
            companions: Companions { refresh, nonce: None },
            descent: None,
        };
        let person = approval.person.clone();
        cx.entry.attempt(Attempt::RedeemDeviceCode(Box::new(RedeemingDevice {
            digest,
            client: id.clone(),
            person,
            family,
        })));
        Ok(authorization)
    }
}
