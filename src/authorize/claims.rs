//! The claims that a client asks for one by one (OpenID Connect Core, 5.5): which of them could be given, which were,
//! and what it demands of the sign-in.

use std::collections::BTreeSet;

use crate::model::authorization::OnBehalf;
use crate::model::client::Client;
use crate::model::consent::Consent;
use crate::model::identity::{AskedClaims, is_covered};
use crate::policy::{self, Extent};
use crate::protocol::acr;
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::claims_request::ClaimsRequest;
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::protocol::standard_claims::scope_of;
use crate::scope::narrow::holds;
use crate::scope::set::ScopeSet;
use crate::scope::token::ScopeToken;

use super::case::Present;
use super::offer::Offer;

/// A request with what the registration says where the request says nothing. One that demands what no sign-in here
/// attains is refused (OpenID Connect Core, 5.5.1.1).
pub(super) fn completed(
    request: AuthorizationRequest,
    client: &Client,
) -> Result<AuthorizationRequest, Refusal> {
    let max_age = request.max_age.or(client.metadata.default_max_age);
    let request = AuthorizationRequest { max_age, ..request };
    let is_attainable = |wanted: &[String]| wanted.iter().any(|acr| acr::SUPPORTED.contains(&acr.as_str()));
    if request.claims.essential_acr().is_none_or(is_attainable) { Ok(request) } else { Err(unmet()) }
}

/// Whether whoever is signed in has proved who they are as well as the request demands.
pub(super) fn attains(present: &Present, request: &AuthorizationRequest) -> Result<(), Refusal> {
    let attained = acr::of(&present.session.methods);
    let meets = |wanted: &[String]| attained.is_some_and(|attained| wanted.iter().any(|acr| acr == attained));
    if request.claims.essential_acr().is_none_or(meets) { Ok(()) } else { Err(unmet()) }
}

const fn unmet() -> Refusal {
    let told = "the person cannot sign in here in the way that acr demands";
    Refusal::new(ErrorCode::UnmetAuthenticationRequirements, told, Reason::new("acr_unmet"))
}

/// The claims about a person that are asked for and that these scopes do not cover, as far as they could be granted:
/// where the scope that covers them could be.
pub(super) fn beyond(
    (client, person): (&Client, &OnBehalf),
    asked: &ClaimsRequest,
    (scope, resource): (&ScopeSet, &ResourceMetadata),
) -> Vec<String> {
    // Without openid there is neither an id token nor userinfo to tell them in.
    if !holds(scope, OPENID) {
        return Vec::new();
    }
    let wanted: BTreeSet<&str> = of_a_person(asked).filter(|claim| !is_covered(claim, scope)).collect();
    let names = std::iter::once(OPENID).chain(wanted.iter().filter_map(|claim| scope_of(claim)));
    let scopes = ScopeSet::from_tokens(names.filter_map(|name| ScopeToken::parse(name).ok()));
    let Ok(possible) =
        policy::offer(client, Some(person), Extent { scope: scopes, ..Extent::default() }, resource)
    else {
        return Vec::new();
    };
    wanted.into_iter().filter(|claim| is_covered(claim, &possible.scope)).map(str::to_owned).collect()
}

/// What codes and families carry of what is asked.
pub(super) fn kept(asked: &ClaimsRequest, (offer, consent): (&Offer, &Consent)) -> AskedClaims {
    let known = |claim: &&str| scope_of(claim).is_some();
    AskedClaims {
        id_token: asked.in_id_token().filter(known).map(str::to_owned).collect(),
        userinfo: asked.in_userinfo().filter(known).map(str::to_owned).collect(),
        agreed: offer.claims.iter().filter(|claim| consent.is_of(claim)).cloned().collect(),
    }
}

fn of_a_person(asked: &ClaimsRequest) -> impl Iterator<Item = &str> {
    asked.in_id_token().chain(asked.in_userinfo()).filter(|claim| scope_of(claim).is_some())
}

const OPENID: &str = "openid";
