//! What could be granted to the client, if the person agrees.

use serde_json::Value;

use crate::grants::{Named, audience_for_person};
use crate::jose::thumbprint::sha256_base64url;
use crate::ledger::Entry;
use crate::model::authorization::OnBehalf;
use crate::model::client::Client;
use crate::model::consent::{Consent, Wish};
use crate::model::delegation::{Particulars, Voucher};
use crate::model::interaction::Missing;
use crate::model::person::Role;
use crate::model::standing::Standing;
use crate::policy::{self, Extent};
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::client_metadata::ClinicianConsent;
use crate::protocol::error::{ErrorCode, Failure, Fault, Refusal};
use crate::protocol::launch_context::LaunchContext;
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::protocol::secret::same_bytes;
use crate::scope::lattice::uncovered;
use crate::scope::narrow::holds;
use crate::scope::set::ScopeSet;
use crate::store;
use crate::tokens::id_token;

use super::AuthorizationFlow;
use super::case::{Case, Present};
use super::claims::beyond;
use super::setting::{Found, Look, Setting};

/// What could be granted to the client, if the person agrees.
#[derive(Clone)]
pub(super) struct Offer {
    /// The scopes.
    pub(super) scope: ScopeSet,
    /// The claims that are asked for one by one, beside those of the scopes.
    pub(super) claims: Vec<String>,
    /// What beside them (RFC 9396).
    pub(super) details: AuthorizationDetails,
    /// The one resource server.
    pub(super) resource: ResourceMetadata,
    /// In whose name, with what in context.
    pub(super) person: OnBehalf,
    /// Who says that the person may act for the patient in context.
    pub(super) voucher: Voucher,
    /// The patient in context, as the person knows them.
    pub(super) label: Option<String>,
    /// What has to be chosen first.
    pub(super) missing: Option<Missing>,
    /// Among what.
    pub(super) found: Found,
}

impl Offer {
    /// What is in context for some of it.
    pub(super) fn context_for(&self, scope: &ScopeSet, details: &AuthorizationDetails) -> LaunchContext {
        self.person.context.for_grant(scope, details)
    }

    /// The patient in context, when some of it needs one.
    pub(super) fn patient_for(&self, scope: &ScopeSet, details: &AuthorizationDetails) -> Option<String> {
        self.context_for(scope, details).patient
    }

    /// The patient in context, when the offer needs one.
    pub(super) fn patient(&self) -> Option<String> {
        self.patient_for(&self.scope, &self.details)
    }

    /// Whether the registration of a client gives the offer, to somebody whom an EHR has sent.
    pub(super) fn is_given_by_policy(&self, client: &Client, is_claimed: bool) -> bool {
        let voucher = self.person.context.patient.as_ref().map(|_| self.voucher);
        holds(&self.scope, "launch")
            && is_recognized(client, is_claimed)
            && is_preapproved(client, &self.person.standing, voucher)
    }

    /// What is in context, and who asks, so that a decision is of what the page spoke of.
    pub(super) fn about(&self, client: &Client) -> String {
        let context = Value::Object(self.context_for(&self.scope, &self.details).members());
        let details = self.details.to_json();
        // What a client is that registered itself is told by its version alone, until somebody has looked at it.
        let version = Some(client.version).filter(|_| !client.provenance.is_approved()).unwrap_or_default();
        sha256_base64url(format!("{}\n{context}\n{details}\n{version}", self.resource.url).as_bytes())
    }

    fn wish<'a>(&'a self, patient: Option<&'a str>) -> Wish<'a> {
        Wish {
            audience: &self.resource.url,
            patient,
            scope: &self.scope,
            claims: &self.claims,
            details: &self.details,
        }
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
        look: Look,
    ) -> Result<Offer, Failure> {
        let request = &case.interaction.request;
        let resource = self.resource(entry, (&case.client, request), ErrorCode::InvalidTarget).await?;
        let person = OnBehalf {
            standing: Standing::from(&present.person),
            context: LaunchContext::default(),
            sign_in: present.session.sign_in(),
            grant: case.interaction.id,
            particulars: Particulars::default(),
        };
        self.judge_details(entry, (&case.client, request), &resource).await?;
        let may =
            |person: &OnBehalf, asked: Extent| policy::offer(&case.client, Some(person), asked, &resource);
        let Extent { scope, details } = offered(entry, may(&person, extent_of(request)))?;
        let setting = self.setting((case, present), (&scope, &resource), look, entry.now()).await?;
        // A line that another covers would be ticked in vain, or given though it was not.
        let scope = uncovered(&setting.without_what_is_not(&scope));
        let Setting { mut context, voucher, label, missing, found } = setting;
        let style = resource.smart_style_url.clone().filter(|_| resource.has_capability("context-style"));
        context.smart_style_url = context.smart_style_url.or(style);
        let person = OnBehalf { context, ..person };
        let claims = beyond((&case.client, &person), &request.claims, (&scope, &resource));
        // Once more, now that the patient is known whom they must be about.
        let of_details = Extent { details, ..Extent::default() };
        let details = if of_details.details.is_empty() || missing.is_some() {
            of_details.details
        } else {
            offered(entry, may(&person, of_details))?.details
        };
        let offer = Offer { scope, claims, details, resource, person, voucher, label, missing, found };
        entry.event_mut().patient = offer.patient();
        Ok(offer)
    }

    /// A former decision of the person that covers all of the offer. It is not enough for a client that
    /// anybody could pass himself off as (RFC 8252, 8.6), nor where the client wants the person asked, nor when the
    /// client has changed itself since.
    pub(super) async fn remembered(&self, case: &Case, offer: &Offer) -> Result<Option<Consent>, Fault> {
        let Case { client, interaction, .. } = case;
        let is_claimed = interaction.destination.is_claimed();
        // Whoever has sent the code of a device may be somebody else: each time it is asked (RFC 8628, 5.4).
        if interaction.request.prompts.wants_consent() || interaction.destination.device().is_some() {
            return Ok(None);
        }
        let is_launched = interaction.launch.is_some();
        if is_launched && offer.is_given_by_policy(client, is_claimed) {
            return self.given_by_policy(case, offer).map(Some);
        }
        if !is_recognized(client, is_claimed) {
            return Ok(None);
        }
        let patient = offer.patient();
        let wish = offer.wish(patient.as_deref());
        let person = &offer.person.standing;
        let known = store::consent::find_newest(&self.db, person.subject, &client.id).await?;
        let is_of_client = |consent: &Consent| client.stands_since(consent.given_at);
        Ok(known.into_iter().find(|consent| is_of_client(consent) && consent.covers(&wish, person)))
    }

    /// The decision that the registration of a client makes for clinicians.
    fn given_by_policy(&self, case: &Case, offer: &Offer) -> Result<Consent, Fault> {
        let now = self.clock.now();
        Ok(Consent {
            id: self.id(now)?,
            subject: offer.person.standing.subject,
            client: case.client.id.clone(),
            audience: offer.resource.url.clone(),
            patient: offer.patient(),
            scope: offer.scope.clone(),
            claims: offer.claims.clone(),
            details: offer.details.clone(),
            given_at: now.max(offer.person.standing.not_before),
            by_policy: true,
            withdrawn_at: None,
        })
    }

    /// Whether whoever is signed in is the one that the client expects (OpenID Connect Core, 3.1.2.1).
    pub(super) async fn is_expected(
        &self,
        (client, request): (&Client, &AuthorizationRequest),
        present: &Present,
        now: crate::moment::Timestamp,
    ) -> Result<bool, Failure> {
        let expected = self.expected((client, request), now).await?;
        let sub = self.subjects.of_person(client, &present.person.subject);
        let is_the_one = expected.is_none_or(|expected| same_bytes(expected.as_bytes(), sub.as_bytes()));
        Ok(is_the_one && request.claims.means(&sub))
    }

    /// Whom the client expects, by the `sub` that it knows, when it says so by an id token that it was given.
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

/// Whether somebody is not asked when an EHR launches a client: their organization has decided for those who treat
/// patients, and only for them. Whoever is a patient here, or opens their own record or that of somebody they act
/// for, is asked. `voucher` says who vouches for the patient in context, if there is one.
#[must_use]
pub fn is_preapproved(client: &Client, person: &Standing, voucher: Option<Voucher>) -> bool {
    let treats = person.roles.contains(&Role::Clinician) && !person.roles.contains(&Role::Patient);
    let is_treated = voucher.is_none_or(|voucher| voucher == Voucher::Launch);
    let is_preapproved = client.metadata.clinician_consent == ClinicianConsent::Preapproved;
    // A client that has changed itself is not the one that was spoken of.
    is_preapproved && client.provenance.is_approved() && treats && is_treated
}

/// Whether nobody else could pass himself off as this client: it proves who it is, or the address of its
/// answer is its own alone.
#[must_use]
pub fn is_recognized(client: &Client, is_claimed: bool) -> bool {
    client.metadata.token_endpoint_auth_method != "none" || is_claimed
}

/// What a request asks for.
pub(super) fn extent_of(request: &AuthorizationRequest) -> Extent {
    Extent { scope: request.scope.clone(), details: request.authorization_details.clone() }
}

/// Notes which rule denied an offer.
pub(super) fn offered(entry: &mut Entry, found: Result<Extent, policy::Denial>) -> Result<Extent, Refusal> {
    found.map_err(|denial| {
        entry.event_mut().rule = Some(denial.rule.to_owned());
        denial.refusal
    })
}
