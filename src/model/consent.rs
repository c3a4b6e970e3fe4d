//! A person's decision to let a client do something.

use uuid::Uuid;

use crate::moment::Timestamp;
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::ids::ClientId;
use crate::scope::narrow::covers_all;
use crate::scope::set::ScopeSet;

use super::identity::is_covered;
use super::standing::Standing;

/// A decision, with its extent and time.
#[derive(Clone, Debug)]
pub struct Consent {
    /// Its identifier.
    pub id: Uuid,
    /// Who decided.
    pub subject: Uuid,
    /// For which client.
    pub client: ClientId,
    /// For which resource server.
    pub audience: String,
    /// For which patient's record.
    pub patient: Option<String>,
    /// For which scopes.
    pub scope: ScopeSet,
    /// For which claims one by one (OpenID Connect Core, 5.5), beside those of the scopes.
    pub claims: Vec<String>,
    /// For what else (RFC 9396).
    pub details: AuthorizationDetails,
    /// When.
    pub given_at: Timestamp,
    /// Whether the registration of the client gave it for a clinician, and not the person.
    pub by_policy: bool,
    /// When the person took it back.
    pub withdrawn_at: Option<Timestamp>,
}

/// What a client asks for this time.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The resource server.
    pub audience: &'a str,
    /// The patient in context.
    pub patient: Option<&'a str>,
    /// The scopes that could be granted.
    pub scope: &'a ScopeSet,
    /// The claims that could be told beside those of the scopes.
    pub claims: &'a [String],
    /// The details that could be.
    pub details: &'a AuthorizationDetails,
}

impl Consent {
    /// Whether everything that is asked for now was decided then, and still counts.
    #[must_use]
    pub fn covers(&self, wish: &Wish<'_>, person: &Standing) -> bool {
        self.withdrawn_at.is_none()
            && person.subject == self.subject
            && person.keeps_alive(self.given_at)
            && self.audience == wish.audience
            && self.patient.as_deref() == wish.patient
            && covers_all(&self.scope, wish.scope)
            && wish.claims.iter().all(|claim| self.is_of(claim))
            && self.details.covers(wish.details)
    }

    /// Whether a claim may be told by it.
    #[must_use]
    pub fn is_of(&self, claim: &String) -> bool {
        self.claims.contains(claim) || is_covered(claim, &self.scope)
    }
}
