//! The token endpoint (RFC 6749, 3.2): the steps are owned here, the plug-ins own their difference.

use std::sync::Arc;

use crate::clients::authenticate::Authenticator;
use crate::config::features::Features;
use crate::grants::{self, GrantCx, Judges, OwnResources};
use crate::ledger::{Condition, Entry, Ledger};
use crate::model::authorization::Authorization;
use crate::model::binding::Binding;
use crate::model::client::Client;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::policy::{self, Lifetimes, Permit, Question, Strength};
use crate::protocol::error::{Doing, Failure, Refusal};
use crate::sender::{self, dpop::ProofRules};

use super::access_token::AccessTokens;
use super::issuer::{Issuer, TokenResponse};
use super::noted::NotedCertificates;
use super::request::Request;

/// The token endpoint.
#[derive(Clone)]
pub struct TokenEndpoint {
    /// Judges credentials.
    pub authenticator: Authenticator,
    /// Writes tokens.
    pub issuer: Issuer,
    /// What proofs are held to.
    pub proofs: Arc<ProofRules>,
    /// The resource servers that this server is itself.
    pub own: OwnResources,
    /// What is offered.
    pub features: Features,
    /// Reads tokens.
    pub tokens: AccessTokens,
    /// The certificates that were noted already.
    pub noted: NotedCertificates,
    /// The door through which state changes.
    pub ledger: Ledger,
    /// The database's time.
    pub clock: Clock,
}

impl TokenEndpoint {
    /// Answers a token request: decides first, and writes in the last step.
    pub async fn respond(&self, request: &Request, entropy: &Entropy) -> Result<TokenResponse, Failure> {
        let now = self.clock.now();
        let id = entropy.id(now).doing("naming an entry")?;
        let mut entry = Entry::begin(id, now, "token.issue", request.evidence.origin.clone());
        let outcome = self.exchange(&mut entry, request).await;
        let noted = entry.noted_certificate();
        let answer = self.ledger.settle(entry, outcome).await?;
        self.noted.remember(noted).await;
        Ok(answer)
    }

    async fn exchange(&self, entry: &mut Entry, request: &Request) -> Result<TokenResponse, Failure> {
        let Request { params, evidence } = request;
        entry.event_mut().grant_type =
            params.optional("grant_type").map(|text| text.chars().take(100).collect());
        let shown = sender::examine(&self.proofs, evidence, entry.now())?;
        let client = self.authenticator.authenticate(entry, evidence, params).await?;
        let grant = grants::select(&client, params, &self.features)?;
        let binding = shown.bind(entry, &client)?;
        if let Some(certificate) = &evidence.certificate {
            let binds = binding.as_ref().is_some_and(Binding::is_to_certificate);
            if binds {
                self.authenticator.vouched_for_binding(entry, &client, certificate).await?;
            }
            // What tokens rest on is known from now on, so that its revocation is learnt of.
            if binds || client.certificate().is_some() {
                self.noted.note(entry, client.record(), certificate);
            }
        }

        let Authenticator { keys, rules, .. } = &self.authenticator;
        let judges = Judges { tokens: &self.tokens, keys, rules };
        let mut cx =
            GrantCx { entry, db: &self.authenticator.db, own: &self.own, terms: self.issuer.terms(), judges };
        let authorization = grant.authorize(&mut cx, &client, binding.as_ref(), params).await?;
        let lifetimes = self.issuer.terms().lifetimes;
        let decision = Decision { strength: client.strength(), binding, lifetimes };
        let permit = decision.make(entry, client.record(), authorization)?;
        self.issuer.issue(entry, &permit, &client, decision.binding.as_ref()).await
    }
}

/// What a decision rests on besides the registration, so that it can be made again.
struct Decision {
    strength: Strength,
    binding: Option<Binding>,
    lifetimes: Lifetimes,
}

impl Decision {
    fn question<'a>(&'a self, client: &'a Client) -> Question<'a> {
        let Self { strength, binding, lifetimes } = self;
        Question { client, strength: *strength, binding: binding.as_ref(), lifetimes: *lifetimes }
    }

    /// Asks policy, notes which rule decided, and sets the condition under which it did.
    fn make(&self, entry: &mut Entry, client: &Client, found: Authorization) -> Result<Permit, Failure> {
        let decided = policy::decide(&self.question(client), found.clone());
        let permit = decided.map_err(|denial| {
            entry.event_mut().rule = Some(denial.rule.to_owned());
            denial.refusal
        })?;
        entry.event_mut().rule = Some(permit.rule().to_owned());
        let again = Self { binding: self.binding.clone(), ..*self };
        let (before, registered) = (permit.clone(), client.metadata.clone());
        entry.decided_under(Condition::on(client, move |changed| {
            // Who it is was proved under another registration.
            if !registered.authenticates_like(&changed.metadata) {
                return Err(Refusal::invalid_client("registration_changed"));
            }
            // The new version may be that of a new secret, which cannot be tried again here.
            if again.strength == Strength::SharedSecret {
                return Err(changed_meanwhile());
            }
            match policy::decide(&again.question(changed), found) {
                Ok(now) if now.is_as(&before) => Ok(()),
                Ok(_) => Err(changed_meanwhile()),
                Err(denial) => Err(denial.refusal),
            }
        }));
        Ok(permit)
    }
}

fn changed_meanwhile() -> Refusal {
    let told = "the registration changed while the request was answered: ask again";
    Refusal::invalid_request(told, "registration_changed")
}
