//! The parameters of a device authorization request (RFC 8628, 3.1): what is asked for, as an authorization
//! request would ask for it. There is no browser to send back, so nothing of how an answer travels.

use super::authorization_details::AuthorizationDetails;
use super::authorization_request::{AuthorizationRequest, audience, scope};
use super::claims_request::ClaimsRequest;
use super::error::{ErrorCode, Reason, Refusal};
use super::params::Params;
use super::pkce::Challenge;
use super::prompt::Prompts;
use super::response_mode::ResponseMode;
use crate::scope::narrow::holds;

/// Reads what a device asks for. The challenge is that of the device code, which is its own verifier.
pub fn parse(params: &Params, challenge: Challenge) -> Result<AuthorizationRequest, Refusal> {
    let details = params.optional("authorization_details").map(AuthorizationDetails::parse).transpose()?;
    let details = details.unwrap_or_default();
    let scope = scope(params, &details)?;
    if holds(&scope, "launch") {
        let told = "the scope launch is for apps that an EHR has opened";
        return Err(Refusal::new(ErrorCode::InvalidScope, told, Reason::new("scope_of_a_launch")));
    }
    let audience = audience(params, (&scope, &details))?;
    Ok(AuthorizationRequest {
        state: None,
        scope,
        audience,
        challenge,
        nonce: None,
        prompts: Prompts::default(),
        max_age: None,
        login_hint: None,
        id_token_hint: None,
        response_mode: ResponseMode::Query,
        dpop_jkt: None,
        pushed: None,
        claims: ClaimsRequest::default(),
        authorization_details: details,
    })
}
