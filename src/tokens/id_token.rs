//! Id tokens (OpenID Connect Core, 2; SMART App Launch 2.2, scopes).

use serde_json::{Map, Value, json};
use time::Duration;

use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::jose::claims::Claims;
use crate::jose::thumbprint::sha256;
use crate::keys::keyring::{KeyRing, Look};
use crate::model::authorization::OnBehalf;
use crate::model::client::Client;
use crate::model::identity::{FHIR_USER, Identity};
use crate::model::session::sid;
use crate::moment::{Timestamp, seconds};
use crate::protocol::acr;
use crate::protocol::error::Fault;
use crate::protocol::ids::ClientId;
use crate::protocol::resource_metadata::{ResourceKind, ResourceMetadata};
use crate::scope::narrow::holds;
use crate::scope::set::ScopeSet;

/// The `typ` of id tokens; an access token has another, so that neither is taken for the other.
pub const TYPE: &str = "JWT";

/// The algorithms of id tokens: RS256, which SMART wants of every server, and those of FAPI 2.0.
pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::Ps256];

/// What an id token is written about.
pub struct About<'a> {
    /// The client, for which alone it is.
    pub client: &'a Client,
    /// The person.
    pub person: &'a OnBehalf,
    /// The person as the client knows them.
    pub sub: &'a str,
    /// What could be told of the person, where anything is asked for.
    pub identity: Option<&'a Identity>,
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
pub async fn write(
    keys: &KeyRing,
    (issuer, life): (&str, Duration),
    about: &About<'_>,
    now: Timestamp,
) -> Result<String, Fault> {
    let mut claims = Map::new();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("iss", json!(issuer));
    set("sub", json!(about.sub));
    set("aud", json!(about.client.id.as_str()));
    set("iat", json!(seconds(now)));
    set("exp", json!(seconds(now + life)));
    set("auth_time", json!(seconds(about.person.sign_in.at)));
    set("amr", json!(about.person.sign_in.methods));
    if let Some(acr) = acr::of(&about.person.sign_in.methods) {
        set("acr", json!(acr));
    }
    set("at_hash", json!(half_hash(about.access_token)));
    let session = about.person.sign_in.session;
    if !session.is_nil() {
        set("sid", json!(sid(session, &about.client.id)));
    }
    if let Some(nonce) = about.nonce {
        set("nonce", json!(nonce));
    }
    let asked = about.person.particulars.claims.for_id_token(about.scope, &about.client.metadata.scope);
    if (holds(about.scope, FHIR_USER) || asked.contains(FHIR_USER))
        && let Some(known) = &about.person.standing.fhir_user
    {
        set(FHIR_USER, json!(absolute(known, Some(about.resource))));
    }
    if let Some(identity) = about.identity {
        claims.extend(identity.tell(asked));
    }
    keys.sign(about.client.metadata.id_token_signed_response_alg, TYPE, &claims, now).await
}

/// The FHIR resource that is a person, absolute where the FHIR server is known.
#[must_use]
pub fn absolute(fhir_user: &str, resource: Option<&ResourceMetadata>) -> String {
    match resource {
        Some(resource) if resource.kind == ResourceKind::Fhir && !fhir_user.contains("://") => {
            format!("{}/{fhir_user}", resource.url.trim_end_matches('/'))
        }
        Some(_) | None => fhir_user.to_owned(),
    }
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
    let Some(read) = Read::of(claims, issuer) else { return Ok(None) };
    Ok(read.text("sub").filter(|_| read.text("aud") == Some(client.id.as_str())).map(str::to_owned))
}

/// What an id token of this server says that is shown when its client wants to sign somebody out.
#[derive(Debug)]
pub struct Hint {
    /// The client for which it was written.
    pub client: ClientId,
    /// By which name that client knows the session.
    pub sid: Option<String>,
}

/// Reads an id token of this server, of any age (OpenID Connect RP-Initiated Logout, 2). `None` for anything else,
/// a logout token and an altered id token included.
pub async fn hint(keys: &KeyRing, issuer: &str, hint: &str, now: Timestamp) -> Result<Option<Hint>, Fault> {
    let claims = match keys.verify(hint, TYPE, (now, Look::Sparingly)).await? {
        Some(claims) => Some(claims),
        // Sessions outlive keys that have just retired.
        None => keys.verify_past(hint, TYPE),
    };
    let Some(read) = claims.and_then(|claims| Read::of(claims, issuer)) else { return Ok(None) };
    let client = read.text("aud").and_then(ClientId::parse);
    Ok(client.map(|client| Hint { client, sid: read.text("sid").map(str::to_owned) }))
}

/// The claims of an id token of an issuer.
struct Read(Map<String, Value>);

impl Read {
    /// `None` for anything else that was signed with the same keys: it says less than every id token does.
    fn of(claims: Claims, issuer: &str) -> Option<Self> {
        let read = Self(claims.into_map());
        let is_id_token = ["sub", "iat", "exp", "auth_time"].iter().all(|name| read.0.contains_key(*name));
        (is_id_token && read.text("iss") == Some(issuer)).then_some(read)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }
}

/// The left half of the digest of the access token (OpenID Connect Core, 3.1.3.6), for algorithms with SHA-256.
fn half_hash(access_token: &str) -> String {
    let digest = sha256(access_token.as_bytes());
    let (half, _) = digest.split_at(digest.len() / 2);
    base64url::encode(half)
}
