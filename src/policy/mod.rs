//! The leave to issue. Rules are pure functions in a list; each may narrow what is granted or refuse.

mod rules;
mod trace;

pub use rules::capability::{needed as capabilities_needed, supported_scopes};
pub use rules::details::may_ask_for as may_ask_for_detail;
pub use rules::person::{OWN_SCOPES, no_patient};
pub use rules::strength::{DECISION_WRITE, LAUNCH_WRITE, needs_key};
pub use trace::{Fate, Inquiry, Trace, Visit, Way, explain, unasked};

use crate::model::authorization::{Authorization, OnBehalf, Subject};
use crate::model::binding::Binding;
use crate::model::client::Client;
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::error::Refusal;
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::scope::lattice::shortest;
use crate::scope::narrow::covers_all;
use crate::scope::set::ScopeSet;

use rules::why::{self, Loss, Told};

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
    /// Those that another token was exchanged for.
    pub exchange: i64,
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
    details: AuthorizationDetails,
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

    /// What to grant beside them (RFC 9396).
    #[must_use]
    pub const fn details(&self) -> &AuthorizationDetails {
        &self.draft.details
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
            && self.draft.details == other.draft.details
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

/// What is asked for, or could be granted: scopes, and what is said by details (RFC 9396).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// The scopes.
    pub scope: ScopeSet,
    /// The details.
    pub details: AuthorizationDetails,
}

impl Extent {
    /// Scopes, and nothing beside them.
    #[must_use]
    pub fn of_scope(scope: ScopeSet) -> Self {
        Self { scope, ..Self::default() }
    }
}

/// One rule.
struct Rule {
    name: &'static str,
    /// What it holds, in one sentence for administrators.
    says: &'static str,
    /// Why it took something from a scope, and what can be done about it.
    why: fn(&Loss<'_>) -> Told,
    apply: Apply,
}

/// What a rule looks at.
enum Apply {
    /// Scopes alone: it is asked before a person decides, too.
    Scope(fn(&Wish<'_>, &ScopeSet) -> Result<ScopeSet, Refusal>),
    /// Details alone, as early.
    Details(fn(&Wish<'_>, &AuthorizationDetails) -> Result<AuthorizationDetails, Refusal>),
    /// The token that would be issued.
    Issue(fn(&Question<'_>, Draft) -> Result<Draft, Refusal>),
}

/// The rules in the order in which they are asked.
const RULES: &[Rule] = &[
    Rule {
        name: "authentication_strength",
        says: "A back-end gets system/ and admin/ scopes with a key or a certificate alone.",
        why: why::authentication_strength,
        apply: Apply::Issue(rules::strength::apply),
    },
    Rule {
        name: "requested_scope",
        says: "A scope is asked for by name, on a level that whoever asks can have.",
        why: why::requested_scope,
        apply: Apply::Scope(rules::scope::requested),
    },
    Rule {
        name: "client_scope",
        says: "A scope is granted as far as the client is registered for it.",
        why: why::client_scope,
        apply: Apply::Scope(rules::scope::of_client),
    },
    Rule {
        name: "resource_scope",
        says: "A scope is granted as far as the resource server is registered for it.",
        why: why::resource_scope,
        apply: Apply::Scope(rules::scope::of_resource),
    },
    Rule {
        name: "capability",
        says: "A FHIR server is used in the ways that its SMART configuration tells, and in no other.",
        why: why::capability,
        apply: Apply::Scope(rules::capability::apply),
    },
    Rule {
        name: "person_scope",
        says: "A person gives no more than the person may do.",
        why: why::person_scope,
        apply: Apply::Scope(rules::person::apply),
    },
    Rule {
        name: "authorization_details",
        says: "Details are granted to clients of their type, where the token is for, about the patient in context.",
        why: why::refused,
        apply: Apply::Details(rules::details::apply),
    },
    Rule {
        name: "patient_context",
        says: "Nothing of a patient is granted before it is known which patient.",
        why: why::patient_context,
        apply: Apply::Issue(rules::person::in_context),
    },
    Rule {
        name: "sender_constraint",
        says: "A token that must be bound to a key or a certificate is not issued without one.",
        why: why::sender_constraint,
        apply: Apply::Issue(rules::binding::apply),
    },
    Rule {
        name: "token_lifetime",
        says: "A token lives as long as the server lets it, or less where the resource server says so, and no longer than the \
               token that it was exchanged for.",
        why: why::refused,
        apply: Apply::Issue(rules::lifetime::apply),
    },
];

/// Whether it is known which person a client would act for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is the one whom the authorization names.
    Known,
    /// Nobody has signed in yet: whoever it will be.
    Awaited,
}

impl<'a> Wish<'a> {
    fn of(client: &'a Client, authorization: &'a Authorization, presence: Presence) -> Self {
        let speaker = match (&authorization.subject, presence) {
            (Subject::Client(_), _) => Speaker::Client,
            (Subject::Person(_), Presence::Awaited) => Speaker::Somebody,
            (Subject::Person(person), Presence::Known) => Speaker::Person(person),
        };
        Self { client, speaker, resource: &authorization.resource }
    }
}

impl Rule {
    /// What this rule makes of a draft.
    fn apply(&self, question: &Question<'_>, presence: Presence, draft: Draft) -> Result<Draft, Refusal> {
        if let Apply::Issue(apply) = self.apply {
            return apply(question, draft);
        }
        let Draft { authorization, scope, details, seconds } = draft;
        let wish = Wish::of(question.client, &authorization, presence);
        let Extent { scope, details } = self.narrow(&wish, Extent { scope, details })?;
        Ok(Draft { authorization, scope, details, seconds })
    }

    /// What this rule leaves of what is asked. Who asks by details alone is asked for no scope.
    fn narrow(&self, wish: &Wish<'_>, asked: Extent) -> Result<Extent, Refusal> {
        let Extent { scope, details } = asked;
        match self.apply {
            Apply::Scope(apply) if !scope.is_empty() || details.is_empty() => {
                Ok(Extent { scope: apply(wish, &scope)?, details })
            }
            Apply::Details(apply) => {
                if scope.is_empty() && !details.is_empty() {
                    rules::capability::takes_launch(wish, &scope)?;
                }
                Ok(Extent { details: apply(wish, &details)?, scope })
            }
            Apply::Scope(_) | Apply::Issue(_) => Ok(Extent { scope, details }),
        }
    }
}

impl Draft {
    /// What is asked for, before any rule has seen it.
    fn begin(question: &Question<'_>, authorization: Authorization) -> Self {
        let (scope, details) = (authorization.asked.clone(), authorization.details.clone());
        Self { authorization, scope, details, seconds: question.lifetimes.system }
    }
}

/// Whether less is left than there was. What is left is compared by meaning: a scope that another covers is not lost.
fn is_less(after: &ScopeSet, before: &ScopeSet) -> bool {
    after != before && !covers_all(after, before)
}

/// Decides what may be issued. Scopes are granted in the shortest form.
pub fn decide(question: &Question<'_>, authorization: Authorization) -> Result<Permit, Denial> {
    let mut draft = Draft::begin(question, authorization);
    let mut narrowed = None;
    for rule in RULES {
        let before = draft.scope.clone();
        let applied = rule.apply(question, Presence::Known, draft);
        draft = applied.map_err(|refusal| Denial { rule: rule.name, refusal })?;
        if is_less(&draft.scope, &before) {
            narrowed = Some(rule.name);
        }
    }
    draft.scope = shortest(&draft.scope);
    Ok(Permit { draft, narrowed })
}

/// What could be granted if a person agreed: before anybody has signed in, or to the person who has.
pub fn offer(
    client: &Client,
    person: Option<&OnBehalf>,
    asked: Extent,
    resource: &ResourceMetadata,
) -> Result<Extent, Denial> {
    let speaker = person.map_or(Speaker::Somebody, Speaker::Person);
    let wish = Wish { client, speaker, resource };
    RULES.iter().try_fold(asked, |asked, rule| {
        rule.narrow(&wish, asked).map_err(|refusal| Denial { rule: rule.name, refusal })
    })
}

#[cfg(test)]
mod tests;
