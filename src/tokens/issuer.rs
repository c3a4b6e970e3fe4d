//! Writing access tokens: a signed JWT (RFC 9068), or a random text whose meaning stays here.

use std::sync::Arc;

use serde_json::{Map, Value};
use time::Duration;

use crate::grants::Terms;
use crate::jose::thumbprint::sha256;
use crate::keys::keyring::KeyRing;
use crate::ledger::Entry;
use crate::model::access_token::{AccessToken, PersonClaims, TYPE};
use crate::model::authorization::{Authorization, Subject};
use crate::model::binding::Binding;
use crate::model::client::Client;
use crate::moment::Timestamp;
use crate::policy::Permit;
use crate::protocol::error::{Doing, Failure, Fault};
use crate::protocol::resource_metadata::{ResourceMetadata, TokenFormat};
use crate::protocol::secret::Secret;
use crate::scope::narrow::holds;

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
    /// The launch context (SMART App Launch 2.2), as members of the answer.
    pub context: Map<String, Value>,
}

/// Writes tokens.
#[derive(Clone)]
pub struct Issuer {
    name: String,
    keys: KeyRing,
    terms: Arc<Terms>,
    id_token: Duration,
}

impl Issuer {
    /// A writer in the name of an issuer, whose id tokens are good for so long.
    #[must_use]
    pub const fn new(name: String, keys: KeyRing, terms: Arc<Terms>, id_token: Duration) -> Self {
        Self { name, keys, terms, id_token }
    }

    /// The terms on which clients act for people.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Writes the tokens that a permit allows; they are sent only once the ledger has kept their record.
    pub fn issue(
        &self,
        entry: &mut Entry,
        permit: &Permit,
        client: &Client,
        binding: Option<&Binding>,
    ) -> Result<TokenResponse, Failure> {
        let Authorization { subject, resource, companions, .. } = permit.authorization();
        let now = entry.now();
        let token = AccessToken {
            id: self.terms.entropy.id(now).doing("naming a token")?,
            issuer: self.name.clone(),
            subject: subject.sub(),
            client: client.id.clone(),
            audience: resource.url.clone(),
            scope: permit.scope().clone(),
            issued_at: now,
            expires_at: now + Duration::seconds(permit.seconds()),
            binding: binding.cloned(),
            person: claims(permit),
        };
        let event = entry.event_mut();
        event.token = Some(token.id);
        event.scopes_granted = Some(token.scope.to_string());
        // As top-level members of the answer: apps look nowhere else (SMART App Launch 2.2, launch context).
        let context = token.person.as_ref().map(|person| person.context.members()).unwrap_or_default();
        let access_token = self.write(entry, (token, resource), now)?;
        let id_token = match subject {
            Subject::Person(person) if holds(permit.scope(), "openid") => {
                let about = About {
                    client,
                    person,
                    scope: permit.scope(),
                    resource,
                    nonce: companions.nonce.as_deref(),
                    access_token: &access_token,
                };
                Some(id_token::write(&self.keys, (&self.name, self.id_token), &about, now)?)
            }
            Subject::Person(_) | Subject::Client(_) => None,
        };
        Ok(TokenResponse {
            access_token: Secret::new(access_token),
            expires_in: permit.seconds(),
            scope: permit.scope().to_string(),
            refresh_token: companions.refresh.as_ref().map(|next| self.terms.refresh_tokens.write(next)),
            id_token: id_token.map(Secret::new),
            context,
        })
    }

    /// Writes a token as its resource server is registered; one of so many scopes that no header would hold it
    /// becomes a text that only introspection explains (SMART App Launch 2.2, scopes).
    fn write(
        &self,
        entry: &mut Entry,
        (token, resource): (AccessToken, &ResourceMetadata),
        now: Timestamp,
    ) -> Result<String, Fault> {
        if resource.token_format == TokenFormat::Jwt {
            let signed = self.keys.sign(resource.token_signing_alg, TYPE, &token.claims(), now)?;
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

/// What an access token says of the person.
fn claims(permit: &Permit) -> Option<PersonClaims> {
    let Authorization { subject, resource, .. } = permit.authorization();
    let Subject::Person(person) = subject else { return None };
    Some(PersonClaims {
        grant: person.grant,
        authenticated_at: person.sign_in.at,
        methods: person.sign_in.methods.clone(),
        context: person.context.for_scope(permit.scope()),
        fhir_user: id_token::fhir_user(person, permit.scope(), resource),
    })
}
