//! Why each rule took something from a scope, and what an administrator can do about it. What decides stays
//! with the rules: here is only said what they did.

use crate::policy::{Speaker, Wish};
use crate::protocol::error::Refusal;
use crate::scope::dialects;
use crate::scope::permission::Permission;
use crate::scope::set::ScopeSet;
use crate::scope::token::ScopeToken;
use crate::scope::unread::{self, Unread};

use super::capability::needed;
use super::person::{Objection, Surroundings};
use super::scope::is_of_a_person;

/// What a rule took from one scope.
pub(in crate::policy) struct Loss<'a> {
    /// Who asks, for whom, and where.
    pub(in crate::policy) wish: Wish<'a>,
    /// The short name of the resource server, unless it is this server itself.
    pub(in crate::policy) resource_name: Option<&'a str>,
    /// The scope as it came to the rule.
    pub(in crate::policy) scope: &'a ScopeToken,
    /// All scopes that came to the rule.
    pub(in crate::policy) among: &'a ScopeSet,
    /// What the rule left of it.
    pub(in crate::policy) left: &'a [ScopeToken],
    /// What the rule says of this scope alone, when it refuses that.
    pub(in crate::policy) refusal: Option<&'a Refusal>,
}

/// What an administrator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Told {
    /// Why, in one sentence.
    pub(in crate::policy) because: String,
    /// What to do about it.
    pub(in crate::policy) advice: Option<String>,
}

impl Told {
    fn new(because: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { because: because.into(), advice: Some(advice.into()) }
    }
}

/// Some scopes in a sentence.
pub(in crate::policy) fn listed<'a>(tokens: impl IntoIterator<Item = &'a ScopeToken>) -> String {
    tokens.into_iter().map(ScopeToken::as_str).collect::<Vec<_>>().join(" ")
}

/// Under this name is told that a scope is misspelt.
pub(in crate::policy) const SPELLING: &str = "spelling";

/// What is wrong with a scope whatever the rule: how it is written.
pub(in crate::policy) fn misspelt(token: &ScopeToken) -> Option<Told> {
    if let Some(Unread { because, meant }) = unread::diagnose(token) {
        let advice = match meant {
            Some(meant) => format!("Ask for {meant}, if that is what was meant."),
            None => "Write it as SMART App Launch does, or leave it out.".to_owned(),
        };
        return Some(Told::new(format!("It is not written as a scope: {because}."), advice));
    }
    let meant = unread::resembles(token)?;
    Some(Told::new(format!("Letter case counts: it is not {meant}."), format!("Ask for {meant}.")))
}

/// What the rule itself told.
pub(in crate::policy) fn refused(loss: &Loss<'_>) -> Told {
    let told = loss.refusal.map_or("this rule does not allow it", Refusal::told);
    Told { because: sentence(told), advice: None }
}

/// The names of parameters with which a refusal may begin.
const PARAMETERS: [&str; 4] = ["aud", "resource", "scope", "launch"];

/// A text as a sentence of its own.
pub(in crate::policy) fn sentence(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut letters = text.chars();
    // A word of the notation, such as system/, and the name of a parameter are left as they are written.
    let is_plain = |word: &str| word.chars().all(char::is_alphabetic) && !PARAMETERS.contains(&word);
    let is_word = text.split(' ').next().is_some_and(is_plain);
    match letters.next() {
        Some(first) if is_word => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        Some(_) | None => format!("{text}."),
    }
}

pub(in crate::policy) fn authentication_strength(loss: &Loss<'_>) -> Told {
    let client = loss.wish.client;
    let advice = format!(
        "Register another token_endpoint_auth_method, such as private_key_jwt, with its keys: `hilum client \
         patch {} FILE`.",
        client.id
    );
    Told { advice: Some(advice), ..refused(loss) }
}

pub(in crate::policy) fn requested_scope(loss: &Loss<'_>) -> Told {
    let scope = loss.scope;
    let advice = match (loss.wish.speaker, dialects::read(scope)) {
        (Speaker::Client, Some((Permission::Resource { .. }, _))) => {
            let system = scope.as_str().replacen("patient/", "system/", 1).replacen("user/", "system/", 1);
            format!("Ask for {system}, or let a person sign in (grant_type authorization_code).")
        }
        (Speaker::Somebody | Speaker::Person(_), Some((Permission::Resource { .. }, _))) => {
            let text = scope.as_str();
            let (patient, user) =
                (text.replacen("system/", "patient/", 1), text.replacen("system/", "user/", 1));
            format!("Ask for {patient} or {user}, or as a back-end (grant_type client_credentials).")
        }
        (Speaker::Client | Speaker::Somebody | Speaker::Person(_), _) => format!("Leave {scope} out."),
    };
    Told { advice: Some(advice), ..refused(loss) }
}

pub(in crate::policy) fn client_scope(loss: &Loss<'_>) -> Told {
    let Loss { wish: Wish { client, .. }, scope, left, .. } = loss;
    let because = registered(&client.metadata.client_name, &client.metadata.scope, scope, left);
    let advice = format!(
        "Add {scope} to the client's scope with `hilum client patch {} FILE`, or leave it out of the request.",
        client.id
    );
    Told::new(because, advice)
}

pub(in crate::policy) fn resource_scope(loss: &Loss<'_>) -> Told {
    let Loss { wish: Wish { resource, .. }, scope, left, .. } = loss;
    let because = registered(&resource.title, &resource.scope, scope, left);
    match loss.resource_name {
        _ if is_of_a_person(scope) => Told::new(
            format!("This server does not grant {scope} to whoever asks here."),
            format!("Leave {scope} out of the request."),
        ),
        Some(name) => Told::new(
            because,
            format!("Add {scope} to the resource server's scope with `hilum resource patch {name} FILE`."),
        ),
        None => Told::new(because, "Name the FHIR server that the scope is for (aud, or resource)."),
    }
}

pub(in crate::policy) fn capability(loss: &Loss<'_>) -> Told {
    let Loss { wish: Wish { resource, .. }, scope, refusal, .. } = loss;
    let missing: Vec<&str> =
        needed(scope).into_iter().filter(|capability| !resource.has_capability(capability)).collect();
    let because = match (missing.is_empty(), refusal) {
        (true, Some(refusal)) => sentence(refusal.told()),
        (true, None) => format!("{} does not take it.", resource.title),
        (false, _) => {
            format!("{} is registered without the capability {}.", resource.title, missing.join(", "))
        }
    };
    match loss.resource_name {
        Some(name) => {
            let advice =
                "Add what is missing to the resource server's capabilities with `hilum resource patch";
            Told::new(because, format!("{advice} {name} FILE`."))
        }
        None => Told { because, advice: None },
    }
}

/// How far a registration reaches, compared with what was asked.
fn registered(name: &str, allowed: &ScopeSet, scope: &ScopeToken, left: &[ScopeToken]) -> String {
    if !left.is_empty() {
        return format!("{name} is registered for no more of it than {}.", listed(left));
    }
    let Some((asked, _)) = dialects::read(scope) else { return format!("{name} is not registered for it.") };
    let near = |token: &&ScopeToken| dialects::read(token).is_some_and(|(known, _)| is_near(&asked, &known));
    let near: Vec<&ScopeToken> = allowed.iter().filter(near).take(3).collect();
    if near.is_empty() {
        format!("{name} is not registered for it.")
    } else {
        format!("{name} is not registered for it, only for {}.", listed(near))
    }
}

/// Whether two permissions speak of the same resources on the same level, whatever may be done with them.
fn is_near(left: &Permission, right: &Permission) -> bool {
    let reads = |permission: &Permission| match permission {
        Permission::Resource { level, resource, .. } => Some((*level, resource.clone())),
        Permission::Named(_) => None,
    };
    match (reads(left), reads(right)) {
        (Some((level, one)), Some((other_level, other))) => {
            level == other_level && (one.covers(&other) || other.covers(&one))
        }
        (Some(_) | None, Some(_) | None) => false,
    }
}

pub(in crate::policy) fn person_scope(loss: &Loss<'_>) -> Told {
    let objection = Surroundings::of(&loss.wish, loss.among).and_then(|around| around.objection(loss.scope));
    let (scope, client) = (loss.scope, loss.wish.client);
    match objection {
        Some(Objection::NoIdToken) => Told::new(
            format!("{scope} goes with an id token, and there is none without openid."),
            "Ask for openid as well.",
        ),
        Some(Objection::NoRefresh) => Told::new(
            format!("{} is not registered for refresh tokens.", client.metadata.client_name),
            format!("Add refresh_token to its grant_types with `hilum client patch {} FILE`.", client.id),
        ),
        Some(Objection::OnlineToo) => Told::new(
            "online_access is asked for too, and of the two the narrower is granted.",
            "Ask for one of them: offline_access to go on when the person has left.",
        ),
        Some(Objection::NotClinician) => Told::new(
            "user/ scopes are for people with the role clinician, which this person does not have.",
            "Give the person the role with `hilum user patch USER FILE`, or ask for patient/ scopes.",
        ),
        Some(Objection::Unread) | None => refused(loss),
    }
}

pub(in crate::policy) fn patient_context(loss: &Loss<'_>) -> Told {
    let advice = "Say for whom the person may act, in the member patients, with `hilum user patch USER FILE`, or ask \
                  for user/ scopes.";
    Told { advice: Some(advice.to_owned()), ..refused(loss) }
}

pub(in crate::policy) fn sender_constraint(loss: &Loss<'_>) -> Told {
    let client = loss.wish.client;
    let advice = if client.metadata.dpop_bound {
        "Show a DPoP proof with the token request.".to_owned()
    } else {
        format!(
            "Use the mutual-TLS token endpoint, and register tls_client_certificate_bound_access_tokens with `hilum \
             client patch {} FILE`; or show a DPoP proof, and register dpop_bound_access_tokens instead.",
            client.id
        )
    };
    Told { advice: Some(advice), ..refused(loss) }
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_sentence_leaves_the_name_of_a_parameter_as_it_is_written() {
        assert_eq!(sentence("aud is required"), "aud is required.");
        assert_eq!(sentence("system/ scopes are not"), "system/ scopes are not.");
        assert_eq!(sentence("none of them"), "None of them.");
    }
}
