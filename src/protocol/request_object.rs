//! Request objects: an authorization request that its client has signed (RFC 9101; OpenID Connect Core, 6).

use serde_json::Value;
use time::Duration;

use crate::jose::claims::{Audience, Claims};
use crate::moment::{Timestamp, seconds};

use super::client_metadata::Profile;
use super::error::{ErrorCode, Reason, Refusal};
use super::params::Tolerant;

/// The explicit type (RFC 9101, 10.8); `JWT` and none at all are as old as OpenID Connect.
pub const TYPE: &str = "oauth-authz-req+jwt";

/// How long a request object may be good (FAPI 2.0 Message Signing, 5.3.1).
const LONGEST: Duration = Duration::minutes(60);

/// What speaks of the object itself, and is no parameter of the request.
const OF_THE_OBJECT: [&str; 8] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_assertion"];

/// What a request object must say, and to whom.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The name of this server, which it must be meant for.
    pub issuer: &'a str,
    /// The client that shows it.
    pub client: &'a str,
    /// The client's profile.
    pub profile: Profile,
    /// How far the client's clock may differ.
    pub skew: Duration,
}

/// Judges what a request object says of itself, apart from its signature.
pub fn examine(claims: &Claims, rules: &Rules<'_>, now: Timestamp) -> Result<(), Refusal> {
    let named = |name: &str| claims.text(name).ok().flatten();
    if named("client_id") != Some(rules.client) {
        return Err(not_valid("request_object_of_another_client"));
    }
    if claims.get("iss").is_some() && named("iss") != Some(rules.client) {
        return Err(not_valid("request_object_iss"));
    }
    // It passes through the browser, and must be no client assertion as well (RFC 9101, 10.8).
    if claims.get("sub").is_some() {
        return Err(not_valid("request_object_sub"));
    }
    let is_ours = match claims.audience().map_err(|_| not_valid("request_object_aud"))? {
        Some(Audience::One(one)) => one == rules.issuer,
        Some(Audience::Many(many)) => many.contains(&rules.issuer),
        // OpenID Connect Core, 6.1: the audience should be there. FAPI 2.0 wants it.
        None => rules.profile != Profile::Fapi2,
    };
    if !is_ours {
        return Err(not_valid("request_object_aud"));
    }
    if claims.get("request").is_some() || claims.get("request_uri").is_some() {
        return Err(not_valid("request_object_in_request_object"));
    }
    times(claims, rules, now)
}

/// When it is good: FAPI 2.0 wants both ends told, and an hour between them at most; what else is told is
/// judged for everybody.
fn times(claims: &Claims, rules: &Rules<'_>, now: Timestamp) -> Result<(), Refusal> {
    let time = |name| claims.time(name).map_err(|_| not_valid("request_object_times"));
    let (from, until, made) = (time("nbf")?, time("exp")?, time("iat")?);
    let (now, skew) = (seconds(now), rules.skew.whole_seconds());
    if rules.profile == Profile::Fapi2 && (from.is_none() || until.is_none()) {
        return Err(not_valid("request_object_without_times"));
    }
    if until.is_some_and(|until| until <= now - skew) {
        return Err(not_valid("request_object_expired"));
    }
    if [from, made].into_iter().flatten().any(|from| from > now + skew) {
        return Err(not_valid("request_object_from_the_future"));
    }
    let longest = LONGEST.whole_seconds();
    let is_long = match (from.or(made), until) {
        (Some(from), Some(until)) => until.saturating_sub(from) > longest,
        (None, Some(until)) => until > now + longest + skew,
        (Some(_) | None, None) => false,
    };
    if is_long {
        return Err(not_valid("request_object_lives_too_long"));
    }
    if from.is_some_and(|from| from < now - longest - skew) {
        return Err(not_valid("request_object_too_old"));
    }
    Ok(())
}

/// The parameters of a request object: only these count (RFC 9101, 6.3). Objects and lists are parameters as
/// JSON text, as they would be outside.
pub fn parameters(claims: Claims) -> Result<Tolerant, Refusal> {
    let mut pairs = Vec::new();
    for (name, value) in claims.into_map() {
        if OF_THE_OBJECT.contains(&name.as_str()) {
            continue;
        }
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            (_, Value::String(text)) => pairs.push((name, text)),
            ("resource", Value::Array(items)) => {
                for item in items {
                    let Value::String(text) = item else {
                        return Err(not_valid("request_object_member_type"));
                    };
                    pairs.push((name.clone(), text));
                }
            }
            ("claims", value @ Value::Object(_)) | ("authorization_details", value @ Value::Array(_)) => {
                pairs.push((name, value.to_string()));
            }
            ("max_age", Value::Number(number)) => pairs.push((name, number.to_string())),
            (known, _) if is_known(known) => return Err(not_valid("request_object_member_type")),
            // What this server does not know is ignored, of whatever type (RFC 6749, 3.1).
            (_, Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {}
        }
    }
    Tolerant::of_pairs(pairs)
}

/// The parameters whose type is known to be text.
fn is_known(name: &str) -> bool {
    [
        "client_id",
        "redirect_uri",
        "response_type",
        "response_mode",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "resource",
        "launch",
        "prompt",
        "max_age",
        "login_hint",
        "id_token_hint",
        "acr_values",
        "ui_locales",
        "dpop_jkt",
        "claims",
        "authorization_details",
    ]
    .contains(&name)
}

/// The refusal of a request object.
#[must_use]
pub const fn not_valid(reason: &'static str) -> Refusal {
    let told = "the request object is not valid";
    Refusal::new(ErrorCode::InvalidRequestObject, told, Reason::new(reason))
}

#[cfg(test)]
mod tests;
