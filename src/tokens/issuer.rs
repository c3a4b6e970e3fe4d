//! Writing access tokens: a signed JWT (RFC 9068), or a random text whose meaning stays here.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use time::Duration;

use crate::clients::authenticate::AuthenticatedClient;
use crate::grants::{ACCESS_TOKEN, Terms};
use crate::jose::thumbprint::sha256;
use crate::keys::keyring::KeyRing;
use crate::ledger::Entry;
use crate::model::access_token::{AccessToken, PersonClaims, TYPE};
use crate::model::authorization::{Authorization, Descent, OnBehalf, Subject};
use crate::model::binding::Binding;
use crate::model::client::Client;
use crate::model::identity::{FHIR_USER, Identity};
use crate::moment::Timestamp;
use crate::pki::thumbprint::Thumbprint;
use crate::policy::Permit;
use crate::protocol::error::{Doing, Failure, Fault};
use crate::protocol::resource_metadata::{ResourceMetadata, TokenFormat};
use crate::protocol::secret::Secret;
use crate::scope::narrow::holds;
use crate::scope::set::ScopeSet;
use crate::store::{self, Db};

use super::id_token::{self, About};

/// How an opaque token begins, so that scanners of code and logs know it.
pub const OPAQUE_PREFIX: &str = "hat_";

/// The longest JWT that is given out, in bytes: headers beyond that are refused in many places.
const LONGEST: usize = 8192;

/// What the client is given (RFC 6749, 5.1).
pub struct TokenResponse {
    /// The token.
    pub access_token: Secret,
    /// How long it lives, in seconds.
    pub expires_in: i64,
    /// The scopes that were granted.
    pub scope: String,
    /// The refresh token.
    pub refresh_token: Option<Secret>,
    /// The id token.
    pub id_token: Option<Secret>,
    /// How it is used (RFC 6749, 7.1).
    pub token_type: &'static str,
    /// What else the answer says, such as the launch context (SMART App Launch 2.2).
    pub members: Map<String, Value>,
}

/// Writes tokens.
#[derive(Clone)]
pub struct Issuer {
    db: Db,
    name: String,
    keys: KeyRing,
    terms: Arc<Terms>,
    id_token: Duration,
}

impl Issuer {
    /// A writer in the name of an issuer, whose id tokens are good for so long.
    #[must_use]
    pub fn new((db, name): (Db, String), keys: KeyRing, terms: Arc<Terms>, id_token: Duration) -> Self {
        Self { db, name, keys, terms, id_token }
    }

    /// The terms on which clients act for people.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Writes the tokens that a permit allows; they are sent only once the ledger has kept their record.
    pub async fn issue(
        &self,
        entry: &mut Entry,
        permit: &Permit,
        authenticated: &AuthenticatedClient,
        binding: Option<&Binding>,
    ) -> Result<TokenResponse, Failure> {
        let client = authenticated.record();
        let Authorization { subject, resource, companions, descent, .. } = permit.authorization();
        let now = entry.now();
        let token = AccessToken {
            id: self.terms.entropy.id(now).doing("naming a token")?,
            issuer: self.name.clone(),
            subject: self.terms.subjects.sub(client, subject),
            client: client.id.clone(),
            audience: resource.url.clone(),
            scope: permit.scope().clone(),
            details: permit.details().clone(),
            issued_at: now,
            expires_at: now + Duration::seconds(permit.seconds()),
            binding: binding.cloned(),
            person: claims(permit),
            actors: descent.as_ref().map(|descent| descent.actors.clone()).unwrap_or_default(),
            ancestors: descent.as_ref().map(|descent| descent.ancestors.clone()).unwrap_or_default(),
            certificates: obtained_with((authenticated.certificate(), descent.as_ref()), binding),
        };
        let event = entry.event_mut();
        event.token = Some(token.id);
        event.scopes_granted = Some(token.scope.to_string());
        let members = members(&token, descent.as_ref());
        let sub = token.subject.clone();
        let access_token = self.write(entry, (token, resource), now).await?;
        let id_token = match subject {
            Subject::Person(person) if holds(permit.scope(), "openid") => {
                let identity = self.identity(client, (person, permit.scope())).await?;
                let about = About {
                    client,
                    person,
                    sub: &sub,
                    identity: identity.as_ref(),
                    scope: permit.scope(),
                    resource,
                    nonce: companions.nonce.as_deref(),
                    access_token: &access_token,
                };
                Some(id_token::write(&self.keys, (&self.name, self.id_token), &about, now).await?)
            }
            Subject::Person(_) | Subject::Client(_) => None,
        };
        Ok(TokenResponse {
            access_token: Secret::new(access_token),
            expires_in: permit.seconds(),
            scope: permit.scope().to_string(),
            refresh_token: companions.refresh.as_ref().map(|next| self.terms.refresh_tokens.write(next)),
            id_token: id_token.map(Secret::new),
            token_type: Binding::token_type(binding),
            members,
        })
    }

    /// What could be told of a person, where an id token is asked to tell more than who it is.
    async fn identity(
        &self,
        client: &Client,
        (person, scope): (&OnBehalf, &ScopeSet),
    ) -> Result<Option<Identity>, Fault> {
        let asked = person.particulars.claims.for_id_token(scope, &client.metadata.scope);
        if asked.iter().all(|claim| *claim == FHIR_USER) {
            return Ok(None);
        }
        let found = store::person::find(&self.db, &person.standing.subject).await?;
        Ok(found.as_ref().map(Identity::from))
    }

    /// Writes a token as its resource server is registered; one of so many scopes that no header would hold it
    /// becomes a text that only introspection explains (SMART App Launch 2.2, scopes).
    async fn write(
        &self,
        entry: &mut Entry,
        (token, resource): (AccessToken, &ResourceMetadata),
        now: Timestamp,
    ) -> Result<String, Fault> {
        if resource.token_format == TokenFormat::Jwt {
            let signed = self.keys.sign(resource.token_signing_alg, TYPE, &token.claims(), now).await?;
            if signed.len() <= LONGEST {
                return Ok(signed);
            }
        }
        self.store(entry, token)
    }

    /// Makes an opaque token; its digest and content are kept with the entry.
    fn store(&self, entry: &mut Entry, token: AccessToken) -> Result<String, Fault> {
        let text = format!("{OPAQUE_PREFIX}{}", self.terms.entropy.token().doing("making a token")?);
        entry.keep_token(sha256(text.as_bytes()), token);
        Ok(text)
    }
}

/// What an answer says beside the token.
fn members(token: &AccessToken, descent: Option<&Descent>) -> Map<String, Value> {
    // As top-level members of the answer: apps look nowhere else (SMART App Launch 2.2, launch context).
    let mut members = token.person.as_ref().map(|person| person.context.members()).unwrap_or_default();
    if !token.details.is_empty() {
        // What was granted (RFC 9396, 7).
        members.insert("authorization_details".to_owned(), token.details.to_json());
    }
    if descent.is_some() {
        // What kind of token it is that was asked for in exchange (RFC 8693, 2.2.1).
        members.insert("issued_token_type".to_owned(), json!(ACCESS_TOKEN));
    }
    members
}

/// The certificates that a token rests on, beside the one that it is bound to.
fn obtained_with(
    (shown, descent): (Option<Thumbprint>, Option<&Descent>),
    binding: Option<&Binding>,
) -> Vec<Thumbprint> {
    let before = descent.into_iter().flat_map(|descent| descent.certificates.iter().copied());
    let bound = binding.and_then(Binding::certificate);
    let mut certificates = Vec::new();
    for certificate in shown.into_iter().chain(before) {
        if Some(certificate) != bound && !certificates.contains(&certificate) {
            certificates.push(certificate);
        }
    }
    certificates
}

/// What an access token says of the person.
fn claims(permit: &Permit) -> Option<PersonClaims> {
    let Authorization { subject, resource, .. } = permit.authorization();
    let Subject::Person(person) = subject else { return None };
    let known = person.standing.fhir_user.as_ref().filter(|_| holds(permit.scope(), FHIR_USER));
    Some(PersonClaims {
        grant: person.grant,
        authenticated_at: person.sign_in.at,
        methods: person.sign_in.methods.clone(),
        context: person.context.for_scope(permit.scope()),
        fhir_user: known.map(|known| id_token::absolute(known, Some(resource))),
    })
}
