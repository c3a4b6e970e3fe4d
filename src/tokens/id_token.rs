//! Id tokens (OpenID Connect Core, 2; SMART App Launch 2.2, scopes).

use serde_json::{Map, Value, json};
use time::Duration;

use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::jose::thumbprint::sha256;
use crate::keys::keyring::{KeyRing, Look};
use crate::model::authorization::OnBehalf;
use crate::model::client::Client;
use crate::moment::{Timestamp, seconds};
use crate::protocol::error::Fault;
use crate::protocol::resource_metadata::{ResourceKind, ResourceMetadata};
use crate::scope::narrow::holds;
use crate::scope::set::ScopeSet;

/// The `typ` of id tokens; an access token has another, so that neither is taken for the other.
pub const TYPE: &str = "JWT";

/// The algorithms of id tokens: RS256, which SMART wants of every server, and ES256.
pub const ALGORITHMS: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es256];

/// What an id token is written about.
pub struct About<'a> {
    /// The client, for which alone it is.
    pub client: &'a Client,
    /// The person.
    pub person: &'a OnBehalf,
    /// The scopes that were granted.
    pub scope: &'a ScopeSet,
    /// The resource server of the access token beside it.
    pub resource: &'a ResourceMetadata,
    /// The nonce of the authorization request.
    pub nonce: Option<&'a str>,
    /// The access token beside it.
    pub access_token: &'a str,
}

/// Writes an id token of an issuer that is good for so long.
pub fn write(
    keys: &KeyRing,
    (issuer, life): (&str, Duration),
    about: &About<'_>,
    now: Timestamp,
) -> Result<String, Fault> {
    let mut claims = Map::new();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("iss", json!(issuer));
    set("sub", json!(about.person.standing.subject.to_string()));
    set("aud", json!(about.client.id.as_str()));
    set("iat", json!(seconds(now)));
    set("exp", json!(seconds(now + life)));
    set("auth_time", json!(seconds(about.person.sign_in.at)));
    set("amr", json!(about.person.sign_in.methods));
    set("at_hash", json!(half_hash(about.access_token)));
    if let Some(nonce) = about.nonce {
        set("nonce", json!(nonce));
    }
    if let Some(fhir_user) = fhir_user(about.person, about.scope, about.resource) {
        set("fhirUser", json!(fhir_user));
    }
    keys.sign(about.client.metadata.id_token_signed_response_alg, TYPE, &claims, now)
}

/// The FHIR resource that is the person, absolute where the FHIR server is known, when it was granted.
#[must_use]
pub fn fhir_user(person: &OnBehalf, scope: &ScopeSet, resource: &ResourceMetadata) -> Option<String> {
    let known = person.standing.fhir_user.as_ref().filter(|_| holds(scope, "fhirUser"))?;
    let is_relative = !known.contains("://");
    Some(if is_relative && resource.kind == ResourceKind::Fhir {
        format!("{}/{known}", resource.url.trim_end_matches('/'))
    } else {
        known.clone()
    })
}

/// The `sub` of an id token of this server that a client shows as a hint; it may have expired (OpenID Connect
/// Core, 3.1.2.1). `None` for anything else, another client's included.
pub async fn subject_of_hint(
    keys: &KeyRing,
    issuer: &str,
    (hint, client): (&str, &Client),
    now: Timestamp,
) -> Result<Option<String>, Fault> {
    let Some(claims) = keys.verify(hint, TYPE, (now, Look::Sparingly)).await? else { return Ok(None) };
    let claims = claims.into_map();
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let is_ours = text("iss") == Some(issuer) && text("aud") == Some(client.id.as_str());
    Ok(text("sub").filter(|_| is_ours).map(str::to_owned))
}

/// The left half of the digest of the access token (OpenID Connect Core, 3.1.3.6), for algorithms with SHA-256.
fn half_hash(access_token: &str) -> String {
    let digest = sha256(access_token.as_bytes());
    let (half, _) = digest.split_at(digest.len() / 2);
    base64url::encode(half)
}
