//! The parameters of an authorization request (RFC 6749, 4.1.1; SMART App Launch; OpenID Connect Core,
//! 3.1.2.1), but for `client_id` and `redirect_uri`, which are proved before these are read.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::authorization_details::AuthorizationDetails;
use super::claims_request::ClaimsRequest;
use super::client_metadata::Profile;
use super::dpop::is_thumbprint;
use super::error::{ErrorCode, Reason, Refusal};
use super::params::{Params, Tolerant};
use super::pkce::Challenge;
use super::prompt::Prompts;
use super::response_mode::ResponseMode;
use crate::scope::narrow::{levels, permissions};
use crate::scope::permission::{Level, Permission};
use crate::scope::set::ScopeSet;

/// The longest `state` that is kept and sent back, in bytes.
pub const LONGEST_STATE: usize = 4096;
/// The longest `nonce`, in bytes.
const LONGEST_NONCE: usize = 1024;
/// The longest `login_hint`, in characters.
const LONGEST_LOGIN_HINT: usize = 256;
/// The longest `id_token_hint`, in bytes: no id token of this server is longer.
const LONGEST_HINT: usize = 16_384;
/// The longest `max_age`, in seconds: longer than any session lives.
const LONGEST_MAX_AGE: i64 = 1 << 31;

/// What an authorization request asks for, as it travels on through sign-in and consent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// What the client gets back with the answer, as it sent it.
    pub state: Option<String>,
    /// The scopes asked for; empty only where details say what is wanted.
    #[serde(with = "scope_text")]
    pub scope: ScopeSet,
    /// The resource server that the token is to be for: `aud` or `resource`, not yet looked up.
    pub audience: Option<String>,
    /// What the verifier of the token request must meet.
    pub challenge: Challenge,
    /// What the `id_token` repeats.
    pub nonce: Option<String>,
    /// The pages that the person must see, or none.
    pub prompts: Prompts,
    /// How many seconds ago the person may have signed in.
    pub max_age: Option<i64>,
    /// Who is likely to sign in.
    pub login_hint: Option<String>,
    /// Who must be the one to sign in: an earlier `id_token`, not yet examined.
    pub id_token_hint: Option<String>,
    /// What is asked for beside scopes (RFC 9396), of types that are not yet looked up.
    #[serde(default)]
    pub authorization_details: AuthorizationDetails,
    /// How the answer travels.
    #[serde(default)]
    pub response_mode: ResponseMode,
    /// The thumbprint of the key to which the code is bound (RFC 9449, 10).
    #[serde(default)]
    pub dpop_jkt: Option<String>,
    /// The claims that are asked for one by one.
    #[serde(default)]
    pub claims: ClaimsRequest,
    /// The pushed request that this was (RFC 9126).
    #[serde(default)]
    pub pushed: Option<Uuid>,
}

impl fmt::Debug for AuthorizationRequest {
    /// Leaves out what is secret or speaks of a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationRequest")
            .field("scope", &self.scope)
            .field("audience", &self.audience)
            .field("prompts", &self.prompts)
            .field("max_age", &self.max_age)
            .finish_non_exhaustive()
    }
}

impl AuthorizationRequest {
    /// Reads what is asked for. Whatever is refused here can be told to the client at its redirect URI.
    pub fn parse(tolerant: &Tolerant, profile: Profile) -> Result<Self, Refusal> {
        let params = &tolerant.params;
        plain_code_request(tolerant)?;
        let response_mode = response_mode(params)?;
        let details =
            params.optional("authorization_details").map(AuthorizationDetails::parse).transpose()?;
        let details = details.unwrap_or_default();
        let scope = scope(params, &details)?;
        let state = state(params, (&scope, profile))?;
        let challenge =
            Challenge::parse(params.optional("code_challenge"), params.optional("code_challenge_method"))?;
        let audience = audience(params, (&scope, &details))?;
        let prompts = Prompts::parse(params.optional("prompt"))?;
        let max_age = params.optional("max_age").map(max_age).transpose()?;
        let nonce = params.optional("nonce");
        if nonce.is_some_and(|nonce| nonce.len() > LONGEST_NONCE) {
            return Err(Refusal::invalid_request("nonce is too long", "nonce_too_long"));
        }
        let id_token_hint = params.optional("id_token_hint");
        if id_token_hint.is_some_and(|hint| hint.len() > LONGEST_HINT) {
            return Err(Refusal::invalid_request("id_token_hint is too long", "id_token_hint_too_long"));
        }
        let login_hint =
            params.optional("login_hint").filter(|hint| hint.chars().count() <= LONGEST_LOGIN_HINT);
        Ok(Self {
            state,
            scope,
            audience,
            challenge,
            nonce: nonce.map(str::to_owned),
            prompts,
            max_age,
            login_hint: login_hint.map(str::to_owned),
            id_token_hint: id_token_hint.map(str::to_owned),
            authorization_details: details,
            response_mode,
            claims: ClaimsRequest::parse(params.optional("claims"))?,
            dpop_jkt: params.optional("dpop_jkt").map(dpop_jkt).transpose()?,
            pushed: None,
        })
    }
}

/// The `state` to send back with an error that is found before a request is read whole: one that was
/// said once and is short enough to be sent.
#[must_use]
pub fn state_of(tolerant: &Tolerant) -> Option<&str> {
    tolerant.params.optional("state").filter(|state| state.len() <= LONGEST_STATE)
}

/// How an error travels that is found before a request is read whole: as the request says, if it says it once and in
/// a word that is known.
#[must_use]
pub fn mode_of(tolerant: &Tolerant) -> ResponseMode {
    tolerant.params.optional("response_mode").and_then(ResponseMode::parse).unwrap_or_default()
}

/// A request for a code, said once.
fn plain_code_request(tolerant: &Tolerant) -> Result<(), Refusal> {
    let params = &tolerant.params;
    if let Some(name) = tolerant.repeated.first() {
        let told = "a parameter stands in the request twice";
        let detail = name.chars().take(100).collect();
        return Err(Refusal::invalid_request(told, "repeated_parameter").detail(detail));
    }
    if params.require("response_type")? != "code" {
        let told = "response_type must be code";
        return Err(Refusal::new(ErrorCode::UnsupportedResponseType, told, Reason::new("response_type")));
    }
    Ok(())
}

fn response_mode(params: &Params) -> Result<ResponseMode, Refusal> {
    let Some(mode) = params.optional("response_mode") else { return Ok(ResponseMode::default()) };
    let told = "response_mode must be query, form_post, jwt, query.jwt or form_post.jwt";
    ResponseMode::parse(mode).ok_or_else(|| Refusal::invalid_request(told, "response_mode"))
}

pub(super) fn scope(params: &Params, details: &AuthorizationDetails) -> Result<ScopeSet, Refusal> {
    let refusal = |told, reason| Refusal::new(ErrorCode::InvalidScope, told, Reason::new(reason));
    let scope = ScopeSet::parse(params.optional("scope").unwrap_or_default())
        .map_err(|_| refusal("scope is not a list of scopes", "scope_malformed"))?;
    // What is wanted may be said by details alone (RFC 9396, 3).
    if scope.is_empty() && details.is_empty() {
        return Err(refusal("scope is required", "scope_missing"));
    }
    let is_of_admin = scope.iter().any(|token| token.as_str().starts_with("admin/"));
    if is_of_admin || levels(&scope).contains(&Level::System) {
        let told = "system/ and admin/ scopes are for back-ends, not for people";
        return Err(refusal(told, "scope_of_a_system"));
    }
    Ok(scope)
}

/// SMART App Launch requires a `state`; plain OpenID Connect does not, nor does FAPI 2.0, where the verifier does
/// what it is for.
fn state(params: &Params, (scope, profile): (&ScopeSet, Profile)) -> Result<Option<String>, Refusal> {
    match params.optional("state") {
        Some(state) if state.len() > LONGEST_STATE => {
            Err(Refusal::invalid_request("state is too long", "state_too_long"))
        }
        None if profile != Profile::Fapi2 && (!levels(scope).is_empty() || launches(scope)) => {
            Err(Refusal::invalid_request("state is required", "state_missing"))
        }
        state => Ok(state.map(str::to_owned)),
    }
}

/// Whether a scope asks for launch context, in any notation.
fn launches(scope: &ScopeSet) -> bool {
    permissions(scope).iter().any(|permission| match permission {
        Permission::Named(name) => name == "launch" || name.starts_with("launch/"),
        Permission::Resource { .. } => false,
    })
}

/// The one resource server asked for. SMART names it `aud`, RFC 8707 names it `resource`.
pub(super) fn audience(
    params: &Params,
    (scope, details): (&ScopeSet, &AuthorizationDetails),
) -> Result<Option<String>, Refusal> {
    let refusal = |told, reason| Err(Refusal::new(ErrorCode::InvalidTarget, told, Reason::new(reason)));
    let resource = match params.repeated("resource") {
        [] => None,
        [first, rest @ ..] if rest.iter().all(|other| other == first) => Some(first.as_str()),
        _ => {
            return refusal("a token is for one resource server: ask for one at a time", "several_resources");
        }
    };
    match (params.optional("aud"), resource) {
        (Some(aud), Some(resource)) if aud != resource => {
            refusal("aud and resource differ", "aud_and_resource_differ")
        }
        (None, None) if !levels(scope).is_empty() || launches(scope) || !details.is_empty() => {
            Err(Refusal::invalid_request(
                "aud is required: the base URL of the FHIR server that the token is for",
                "aud_missing",
            ))
        }
        (aud, resource) => Ok(aud.or(resource).map(str::to_owned)),
    }
}

/// The SHA-256 thumbprint of a key (RFC 9449, 10).
fn dpop_jkt(text: &str) -> Result<String, Refusal> {
    if !is_thumbprint(text) {
        let told = "dpop_jkt must be the SHA-256 thumbprint of a key";
        return Err(Refusal::invalid_request(told, "dpop_jkt_malformed"));
    }
    Ok(text.to_owned())
}

fn max_age(text: &str) -> Result<i64, Refusal> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|seconds| digits && *seconds <= LONGEST_MAX_AGE);
    seconds
        .ok_or_else(|| Refusal::invalid_request("max_age must be a number of seconds", "max_age_malformed"))
}

/// Scopes are kept as the text that they are on the wire.
mod scope_text {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::ScopeSet;

    pub(super) fn serialize<S: Serializer>(scope: &ScopeSet, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(scope)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ScopeSet, D::Error> {
        let text = String::deserialize(deserializer)?;
        ScopeSet::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
