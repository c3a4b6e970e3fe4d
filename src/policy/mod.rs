//! The leave to issue. Rules are pure functions in a list; each may narrow what is granted or refuse.

mod rules;

pub use rules::person::{OWN_SCOPES, needs_patient};
pub use rules::strength::needs_key;

use crate::model::authorization::{Authorization, OnBehalf, Subject};
use crate::model::binding::Binding;
use crate::model::client::Client;
use crate::protocol::error::Refusal;
use crate::protocol::resource_metadata::ResourceMetadata;
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
    /// How long the server lets access tokens live.
    pub lifetimes: Lifetimes,
}

/// How long the server lets access tokens live, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Those that speak for a system.
    pub system: i64,
    /// Those that speak for a person.
    pub person: i64,
}

/// For whom a scope would be granted.
#[derive(Clone, Copy, Debug)]
enum Speaker<'a> {
    /// The client itself.
    Client,
    /// A person who has not signed in yet.
    Somebody,
    /// A person.
    Person(&'a OnBehalf),
}

/// What the rules of scope look at.
#[derive(Clone, Copy, Debug)]
struct Wish<'a> {
    client: &'a Client,
    speaker: Speaker<'a>,
    resource: &'a ResourceMetadata,
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
    apply: Apply,
}

/// What a rule looks at.
enum Apply {
    /// Scopes alone: it is asked before a person decides, too.
    Scope(fn(&Wish<'_>, &ScopeSet) -> Result<ScopeSet, Refusal>),
    /// The token that would be issued.
    Issue(fn(&Question<'_>, Draft) -> Result<Draft, Refusal>),
}

/// The rules in the order in which they are asked.
const RULES: &[Rule] = &[
    Rule { name: "authentication_strength", apply: Apply::Issue(rules::strength::apply) },
    Rule { name: "requested_scope", apply: Apply::Scope(rules::scope::requested) },
    Rule { name: "client_scope", apply: Apply::Scope(rules::scope::of_client) },
    Rule { name: "resource_scope", apply: Apply::Scope(rules::scope::of_resource) },
    Rule { name: "person_scope", apply: Apply::Scope(rules::person::apply) },
    Rule { name: "sender_constraint", apply: Apply::Issue(rules::binding::apply) },
    Rule { name: "token_lifetime", apply: Apply::Issue(rules::lifetime::apply) },
];

/// Decides what may be issued.
pub fn decide(question: &Question<'_>, authorization: Authorization) -> Result<Permit, Denial> {
    let scope = authorization.asked.clone();
    let mut draft = Draft { authorization, scope, seconds: question.lifetimes.system };
    let mut narrowed = None;
    for rule in RULES {
        let before = draft.scope.len();
        let applied = match rule.apply {
            Apply::Issue(apply) => apply(question, draft),
            Apply::Scope(apply) => {
                let Draft { authorization, scope, seconds } = draft;
                let speaker = match &authorization.subject {
                    Subject::Client(_) => Speaker::Client,
                    Subject::Person(person) => Speaker::Person(person),
                };
                let wish = Wish { client: question.client, speaker, resource: &authorization.resource };
                apply(&wish, &scope).map(|scope| Draft { authorization, scope, seconds })
            }
        };
        draft = applied.map_err(|refusal| Denial { rule: rule.name, refusal })?;
        if draft.scope.len() < before {
            narrowed = Some(rule.name);
        }
    }
    Ok(Permit { draft, narrowed })
}

/// What could be granted if a person agreed: before anybody has signed in, or to the person who has.
pub fn offer(
    client: &Client,
    person: Option<&OnBehalf>,
    asked: &ScopeSet,
    resource: &ResourceMetadata,
) -> Result<ScopeSet, Denial> {
    let speaker = person.map_or(Speaker::Somebody, Speaker::Person);
    let wish = Wish { client, speaker, resource };
    let mut scope = asked.clone();
    for rule in RULES {
        if let Apply::Scope(apply) = rule.apply {
            scope = apply(&wish, &scope).map_err(|refusal| Denial { rule: rule.name, refusal })?;
        }
    }
    Ok(scope)
}

#[cfg(test)]
mod tests;
