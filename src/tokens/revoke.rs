//! Revocation (RFC 7009): when the answer is given, the token is dead at every endpoint of every process.

use std::sync::Arc;

use uuid::Uuid;

use crate::clients::authenticate::Authenticator;
use crate::grants::Terms;
use crate::keys::keyring::Look;
use crate::ledger::{Attempt, Entry, Ledger};
use crate::model::binding::Binding;
use crate::model::client::Client;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::policy::Strength;
use crate::protocol::error::{Doing, ErrorCode, Failure, Reason, Refusal};
use crate::sender::renewed::takes_the_place;
use crate::store;

use super::access_token::AccessTokens;
use super::request::Request;

/// The revocation endpoint.
#[derive(Clone)]
pub struct RevocationEndpoint {
    /// Judges credentials.
    pub authenticator: Authenticator,
    /// Reads tokens.
    pub tokens: AccessTokens,
    /// The terms on which clients act for people.
    pub terms: Arc<Terms>,
    /// The door through which state changes.
    pub ledger: Ledger,
    /// The database's time.
    pub clock: Clock,
}

impl RevocationEndpoint {
    /// Revokes a token of the client that asks. What is unknown, or another's, is answered alike
    /// (RFC 7009, 2.2), and changes nothing.
    pub async fn respond(&self, request: &Request, entropy: &Entropy) -> Result<(), Failure> {
        let now = self.clock.now();
        let id = entropy.id(now).doing("naming an entry")?;
        let mut entry = Entry::begin(id, now, "token.revoke", request.evidence.origin.clone());
        match self.look_up(&mut entry, request).await {
            Ok(Found::Own) => self.ledger.settle(entry, Ok(())).await,
            Ok(Found::Nothing(refusal)) => self.ledger.settle_in_silence(entry, refusal).await,
            Err(failure) => self.ledger.settle(entry, Err(failure)).await,
        }
    }

    async fn look_up(&self, entry: &mut Entry, request: &Request) -> Result<Found, Failure> {
        let client = self.authenticator.authenticate(entry, &request.evidence, &request.params).await?;
        let text = request.params.require("token")?;
        // A hint is not needed: the token itself tells what it is (RFC 7009, 2.1).
        if let Some(token) = self.terms.refresh_tokens.read(text) {
            let certificate = request.evidence.certificate.as_ref();
            let shown =
                certificate.map(|certificate| Binding::to_certificate(&certificate.leaf.thumbprint()));
            return self.look_up_family(entry, client.record(), (token.family, shown)).await;
        }
        let look = match client.strength() {
            Strength::Named => Look::Sparingly,
            Strength::SharedSecret | Strength::PrivateKey => Look::Surely,
        };
        let now = entry.now();
        let Some(token) = self.tokens.read(text, now, look).await?.filter(|token| token.is_current(now))
        else {
            return Ok(Found::nothing("token_unknown_or_expired"));
        };
        let event = entry.event_mut();
        event.token = Some(token.id);
        event.audience = Some(token.audience.clone());
        if token.client != client.record().id {
            event.target = Some(token.client.to_string());
            return Ok(Found::nothing("token_of_another_client"));
        }
        entry.attempt(Attempt::RevokeToken { id: token.id, expires_at: token.expires_at });
        Ok(Found::Own)
    }

    /// The family of a refresh token: all its tokens die with it (RFC 7009, 2.1).
    async fn look_up_family(
        &self,
        entry: &mut Entry,
        client: &Client,
        (id, shown): (Uuid, Option<Binding>),
    ) -> Result<Found, Failure> {
        let db = &self.authenticator.db;
        let Some(found) = store::family::find(db, id).await? else {
            return Ok(Found::nothing("family_unknown"));
        };
        let now = entry.now();
        let delegation = &found.family.delegation;
        let event = entry.event_mut();
        event.audience = Some(delegation.audience.clone());
        if delegation.client != client.id {
            event.target = Some(delegation.client.to_string());
            return Ok(Found::nothing("token_of_another_client"));
        }
        // No standard has proofs shown here (RFC 9449, 5), and whoever ends what cannot be used without its key takes
        // nothing from its owner that the owner would miss.
        let binding = found.family.binding.as_ref().filter(|binding| binding.key().is_none());
        if let Some(bound) = binding
            && !shown.as_ref().is_some_and(|shown| bound.is(shown))
            && !takes_the_place(db, &client.id, (shown.as_ref(), bound), now).await?
        {
            return Ok(Found::nothing("refresh_token_of_another_sender"));
        }
        event.name_person(&found.person);
        event.patient.clone_from(&delegation.context.patient);
        event.detail = Some("every token of this grant was revoked".to_owned());
        entry.attempt(Attempt::RevokeFamily { id });
        Ok(Found::Own)
    }
}

/// What was found.
enum Found {
    /// A token of the client that asks.
    Own,
    /// Nothing that it may revoke; the refusal is for the audit record alone.
    Nothing(Refusal),
}

impl Found {
    fn nothing(reason: &'static str) -> Self {
        Self::Nothing(Refusal::new(ErrorCode::InvalidRequest, "nothing was revoked", Reason::new(reason)))
    }
}
