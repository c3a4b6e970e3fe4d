//! The leave to issue. Rules are pure functions in a list; each may narrow what is granted or refuse.

mod rules;

pub use rules::strength::needs_key;

use crate::model::authorization::Authorization;
use crate::model::binding::Binding;
use crate::model::client::Client;
use crate::protocol::error::Refusal;
use crate::scope::set::ScopeSet;

/// How well a client has proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Not at all: a public client.
    Named,
    /// By a secret that both sides know.
    SharedSecret,
    /// By a private key or a certificate.
    PrivateKey,
}

/// Who asks, and with what.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The client.
    pub client: &'a Client,
    /// How well it has proved who it is.
    pub strength: Strength,
    /// What the token would be bound to.
    pub binding: Option<&'a Binding>,
    /// How long the server lets a back-end's tokens live, in seconds.
    pub most_seconds: i64,
}

/// What would be granted, on its way through the rules.
#[derive(Clone, Debug)]
struct Draft {
    authorization: Authorization,
    scope: ScopeSet,
    seconds: i64,
}

/// The leave to issue exactly this; only [`decide`] makes one.
#[derive(Clone, Debug)]
pub struct Permit {
    draft: Draft,
    narrowed: Option<&'static str>,
}

impl Permit {
    /// What the grant found.
    #[must_use]
    pub const fn authorization(&self) -> &Authorization {
        &self.draft.authorization
    }

    /// The scopes to grant.
    #[must_use]
    pub const fn scope(&self) -> &ScopeSet {
        &self.draft.scope
    }

    /// How long the access token lives, in seconds.
    #[must_use]
    pub const fn seconds(&self) -> i64 {
        self.draft.seconds
    }

    /// The last rule that took something away, or that nothing was.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        self.narrowed.unwrap_or("granted_as_asked")
    }

    /// Whether another decision came to the same extent.
    #[must_use]
    pub fn is_as(&self, other: &Self) -> bool {
        self.draft.scope.to_string() == other.draft.scope.to_string()
            && self.draft.seconds == other.draft.seconds
    }
}

/// A refusal and the rule that made it.
#[derive(Clone, Debug)]
pub struct Denial {
    /// The rule's name.
    pub rule: &'static str,
    /// The refusal.
    pub refusal: Refusal,
}

/// One rule.
struct Rule {
    name: &'static str,
    apply: fn(&Question<'_>, Draft) -> Result<Draft, Refusal>,
}

/// The rules in the order in which they are asked.
const RULES: &[Rule] = &[
    Rule { name: "authentication_strength", apply: rules::strength::apply },
    Rule { name: "requested_scope", apply: rules::scope::requested },
    Rule { name: "client_scope", apply: rules::scope::of_client },
    Rule { name: "resource_scope", apply: rules::scope::of_resource },
    Rule { name: "sender_constraint", apply: rules::binding::apply },
    Rule { name: "token_lifetime", apply: rules::lifetime::apply },
];

/// Decides what may be issued.
pub fn decide(question: &Question<'_>, authorization: Authorization) -> Result<Permit, Denial> {
    let scope = authorization.asked.clone();
    let mut draft = Draft { authorization, scope, seconds: question.most_seconds };
    let mut narrowed = None;
    for rule in RULES {
        let before = draft.scope.len();
        draft = (rule.apply)(question, draft).map_err(|refusal| Denial { rule: rule.name, refusal })?;
        if draft.scope.len() < before {
            narrowed = Some(rule.name);
        }
    }
    Ok(Permit { draft, narrowed })
}

#[cfg(test)]
mod tests;
