//! What could be granted to the client, if the person agrees.

use crate::grants::{Named, audience_for_person};
use crate::ledger::Entry;
use crate::model::authorization::OnBehalf;
use crate::model::client::Client;
use crate::model::consent::{Consent, Wish};
use crate::model::standing::Standing;
use crate::policy::{self, needs_patient};
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::error::{ErrorCode, Failure, Fault, Refusal};
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::scope::set::ScopeSet;
use crate::store;
use crate::tokens::id_token;

use super::AuthorizationFlow;
use super::case::{Case, Present};

/// What could be granted to the client, if the person agrees.
#[derive(Clone)]
pub(super) struct Offer {
    /// The scopes.
    pub(super) scope: ScopeSet,
    /// The one resource server.
    pub(super) resource: ResourceMetadata,
    /// In whose name.
    pub(super) person: OnBehalf,
}

impl Offer {
    /// The patient in context, when these scopes need one.
    pub(super) fn patient_for(&self, scope: &ScopeSet) -> Option<String> {
        self.person.patient.clone().filter(|_| needs_patient(scope))
    }

    fn wish<'a>(&'a self, patient: Option<&'a str>) -> Wish<'a> {
        Wish { audience: &self.resource.url, patient, scope: &self.scope }
    }
}

impl AuthorizationFlow {
    /// Finds the resource server that a request names. `blame` is how a wrong one is told.
    pub(super) async fn resource(
        &self,
        entry: &mut Entry,
        (client, request): (&Client, &AuthorizationRequest),
        blame: ErrorCode,
    ) -> Result<ResourceMetadata, Failure> {
        let audience = request.audience.as_deref();
        entry.event_mut().audience = audience.map(|url| url.chars().take(500).collect());
        let named = Named { scope: &request.scope, audience, blame };
        let resource = audience_for_person(&self.db, &self.own, client, named).await?;
        entry.event_mut().audience = Some(resource.url.clone());
        Ok(resource)
    }

    /// What could be granted to the client of a case in the name of whoever is signed in.
    pub(super) async fn offer(
        &self,
        entry: &mut Entry,
        (case, present): (&Case, &Present),
    ) -> Result<Offer, Failure> {
        let request = &case.interaction.request;
        let resource = self.resource(entry, (&case.client, request), ErrorCode::InvalidTarget).await?;
        let person = OnBehalf {
            standing: Standing::from(&present.person),
            patient: present.person.own_patient().map(str::to_owned),
            sign_in: present.session.sign_in(),
            grant: case.interaction.id,
        };
        let scope = offered(entry, policy::offer(&case.client, Some(&person), &request.scope, &resource))?;
        let offer = Offer { scope, resource, person };
        entry.event_mut().patient = offer.patient_for(&offer.scope);
        Ok(offer)
    }

    /// A former decision of the person that covers all of the offer. It is not enough for a client that
    /// anybody could pass himself off as (RFC 8252, 8.6), nor where the client wants the person asked.
    pub(super) async fn remembered(&self, case: &Case, offer: &Offer) -> Result<Option<Consent>, Fault> {
        let Case { client, interaction, .. } = case;
        let is_recognized =
            client.metadata.token_endpoint_auth_method != "none" || interaction.callback.is_claimed();
        if interaction.request.prompts.wants_consent() || !is_recognized {
            return Ok(None);
        }
        let patient = offer.patient_for(&offer.scope);
        let wish = offer.wish(patient.as_deref());
        let person = &offer.person.standing;
        let known = store::consent::find_newest(&self.db, person.subject, &client.id).await?;
        Ok(known.into_iter().find(|consent| consent.covers(&wish, person)))
    }

    /// Whether whoever is signed in is the one that the client expects (OpenID Connect Core, 3.1.2.1).
    pub(super) async fn is_expected(
        &self,
        (client, request): (&Client, &AuthorizationRequest),
        present: &Present,
        now: crate::moment::Timestamp,
    ) -> Result<bool, Failure> {
        let expected = self.expected((client, request), now).await?;
        Ok(expected.is_none_or(|expected| expected == present.person.subject.to_string()))
    }

    /// Whom the client expects, when it says so by an id token that it was given.
    pub(super) async fn expected(
        &self,
        (client, request): (&Client, &AuthorizationRequest),
        now: crate::moment::Timestamp,
    ) -> Result<Option<String>, Failure> {
        let Some(hint) = &request.id_token_hint else { return Ok(None) };
        let expected = id_token::subject_of_hint(&self.signing, &self.issuer, (hint, client), now).await?;
        let told = "id_token_hint is not an id token that this server gave to this client";
        Ok(Some(expected.ok_or_else(|| Refusal::invalid_request(told, "id_token_hint_unknown"))?))
    }
}

/// Notes which rule denied an offer.
pub(super) fn offered(
    entry: &mut Entry,
    found: Result<ScopeSet, policy::Denial>,
) -> Result<ScopeSet, Refusal> {
    found.map_err(|denial| {
        entry.event_mut().rule = Some(denial.rule.to_owned());
        denial.refusal
    })
}
