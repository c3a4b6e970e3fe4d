//! `authorization_code`: a person has agreed, and the client shows the code for it (RFC 6749, 4.1.3;
//! RFC 7636, 4.5).

use async_trait::async_trait;
use time::Duration;
use uuid::Uuid;

use crate::clients::authenticate::AuthenticatedClient;
use crate::jose::thumbprint::sha256;
use crate::ledger::{Attempt, Redeeming};
use crate::model::authorization::{Authorization, Companions, OnBehalf, SenderDemand, Subject};
use crate::model::binding::Binding;
use crate::model::code::{Redemption, not_valid};
use crate::model::delegation::Delegation;
use crate::model::family::Family;
use crate::model::refresh_token::RefreshToken;
use crate::model::standing::Standing;
use crate::policy::Strength;
use crate::protocol::error::{Doing, Failure, Fault};
use crate::protocol::params::Params;
use crate::protocol::pkce::Verifier;
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::store::{self, code::Found};

use super::{Grant, GrantCx, audience, details, is_refreshed, is_vouched_for};

/// How much longer a family is kept than the one access token that it may consist of.
const MARGIN: Duration = Duration::minutes(5);

pub(super) struct AuthorizationCode;

#[async_trait]
impl Grant for AuthorizationCode {
    fn grant_type(&self) -> &'static str {
        "authorization_code"
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
        let digest = sha256(params.require("code")?.as_bytes());
        let shown = Redemption {
            client: client.record().id.clone(),
            callback: Some(params.require("redirect_uri")?.to_owned()),
            verifier: params.optional("code_verifier").and_then(Verifier::parse),
            binding: binding.cloned(),
        };
        let found = store::code::find(cx.db, &digest).await?;
        let Found { code, person, epoch } = found.ok_or_else(|| not_valid("code_unknown"))?;
        if code.delegation.client == shown.client {
            cx.name_person(&person, &code.delegation);
        }
        code.redeem(&shown, &person, cx.entry.now())?;
        if !client.record().keeps_alive(code.issued_at) {
            return Err(not_valid("client_disabled").into());
        }
        let named = (&code.delegation.scope, code.delegation.audience.as_str());
        let resource = audience::of_delegation(cx, client, named).await?;
        audience::is_repeated(params, &resource)?;
        if !is_vouched_for(&code.delegation, &resource) {
            return Err(not_valid("directory_not_searched").into());
        }
        let details = details::delegated(cx, client, (&code.delegation, params)).await?;
        let family = begin(cx, client, binding, (&code.delegation, epoch), &resource)?;
        let refresh = first(client, &family, &resource);
        let authorization = Authorization {
            grant_type: self.grant_type(),
            subject: Subject::Person(Box::new(OnBehalf {
                standing: person.clone(),
                context: code.delegation.context.clone(),
                sign_in: code.delegation.sign_in.clone(),
                grant: family.grant,
                particulars: code.delegation.particulars.clone(),
            })),
            asked: code.delegation.scope.clone(),
            details,
            resource,
            sender: SenderDemand::AsRegistered,
            companions: Companions { refresh, nonce: code.nonce },
            descent: None,
        };
        cx.entry.attempt(Attempt::RedeemCode(Box::new(Redeeming { digest, shown, person, family })));
        Ok(authorization)
    }
}

/// The family that begins with a redemption.
pub(super) fn begin(
    cx: &GrantCx<'_>,
    client: &AuthenticatedClient,
    binding: Option<&Binding>,
    (delegation, epoch): (&Delegation, i64),
    resource: &ResourceMetadata,
) -> Result<Family, Fault> {
    let now = cx.entry.now();
    let terms = cx.terms;
    let doing = "naming a family";
    let refreshes = is_refreshed(client.record(), resource, delegation.endurance());
    let life = if refreshes { terms.refresh } else { Duration::seconds(terms.lifetimes.person) + MARGIN };
    let most = client.record().metadata.refresh_token_max_days;
    Ok(Family {
        id: Uuid::from_bytes(terms.entropy.bytes().doing(doing)?),
        epoch,
        grant: terms.entropy.id(now).doing(doing)?,
        delegation: delegation.clone(),
        // Whoever authenticates proves who they are again at each refresh (RFC 8705, 4; RFC 9449, 5).
        binding: binding.filter(|_| client.strength() == Strength::Named).cloned(),
        generation: 1,
        rotated_at: None,
        created_at: now,
        expires_at: now + life,
        ends_at: most.map(|days| now + Duration::days(days)),
        revoked_at: None,
    })
}

/// The first refresh token, for a client that may go on without the person.
pub(super) fn first(
    client: &AuthenticatedClient,
    family: &Family,
    resource: &ResourceMetadata,
) -> Option<RefreshToken> {
    is_refreshed(client.record(), resource, family.delegation.endurance()).then(|| RefreshToken {
        epoch: family.epoch,
        client: client.record().id.clone(),
        family: family.id,
        generation: family.generation,
    })
}

impl GrantCx<'_> {
    /// Notes for the record in whose name the client acts, and whose data it is about.
    pub(super) fn name_person(&mut self, person: &Standing, delegation: &Delegation) {
        let event = self.entry.event_mut();
        event.name_person(person);
        event.patient.clone_from(&delegation.context.patient);
        event.scopes_asked = Some(delegation.scope.to_string());
        event.audience = Some(delegation.audience.clone());
    }
}
