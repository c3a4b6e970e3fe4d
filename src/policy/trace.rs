//! The same rules, watched: what each made of every scope, and why.

use std::collections::HashSet;

use crate::model::authorization::Authorization;
use crate::protocol::error::Refusal;
use crate::scope::dialects;
use crate::scope::lattice::shortest;
use crate::scope::narrow::is_covered;
use crate::scope::permission::Permission;
use crate::scope::set::ScopeSet;
use crate::scope::token::ScopeToken;

use super::rules::why::{Loss, SPELLING, Told, listed, misspelt, sentence};
use super::{Apply, Denial, Draft, Presence, Question, RULES, Rule, Wish, is_less};

/// A request to be told what would become of it.
#[derive(Clone)]
pub struct Inquiry<'a> {
    /// Who asks, and with what.
    pub question: Question<'a>,
    /// What is asked for, for whom and where. Whoever is only awaited may be anybody in it.
    pub authorization: Authorization,
    /// Whether it is known for which person. The rules of scope are asked as they are for a real request: before
    /// anybody has signed in, and then for the person.
    pub presence: Presence,
    /// The short name of the resource server, unless it is this server itself.
    pub resource_name: Option<&'a str>,
}

/// What became of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Granted, all of it.
    Granted,
    /// Granted in part.
    Narrowed,
    /// Not granted.
    Dropped,
}

impl Fate {
    /// The word in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Narrowed => "narrowed",
            Self::Dropped => "dropped",
        }
    }
}

/// The way of one scope through the rules.
#[derive(Clone, Debug)]
pub struct Way {
    /// The scope as it was asked.
    pub asked: ScopeToken,
    /// What became of it.
    pub fate: Fate,
    /// What is granted of it.
    pub granted: Vec<ScopeToken>,
    /// The last rule that took something from it, that it is misspelt, or that nothing was taken.
    pub rule: &'static str,
    /// Why, in plain words.
    pub because: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// What a rule did to the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The rule's name.
    pub rule: &'static str,
    /// What it holds, in one sentence.
    pub says: &'static str,
    /// `passed`, `narrowed`, `refused` or `not_reached`.
    pub did: &'static str,
}

/// What the rules make of a request.
#[derive(Clone, Debug)]
pub struct Trace {
    /// What would be granted; nothing when the request is refused.
    pub scope: ScopeSet,
    /// How long the access token would live, in seconds.
    pub seconds: i64,
    /// The refusal of the request as a whole.
    pub denial: Option<Denial>,
    /// What to do about the refusal.
    pub advice: Option<String>,
    /// Each scope, in the order asked.
    pub ways: Vec<Way>,
    /// Each rule, in the order asked.
    pub rules: Vec<Visit>,
}

/// A scope on its way.
struct Traveller {
    asked: ScopeToken,
    now: Vec<ScopeToken>,
    rule: Option<&'static str>,
    told: Vec<Told>,
}

/// Tells what the rules make of a request.
#[must_use]
pub fn explain(inquiry: &Inquiry<'_>) -> Trace {
    let mut draft = Draft::begin(&inquiry.question, inquiry.authorization.clone());
    let mut travellers: Vec<Traveller> = draft
        .scope
        .iter()
        .map(|token| Traveller {
            asked: token.clone(),
            now: vec![token.clone()],
            rule: None,
            told: Vec::new(),
        })
        .collect();
    let mut rules: Vec<Visit> = Vec::with_capacity(RULES.len());
    let mut denied = None;
    for rule in RULES {
        let mut did = "not_reached";
        if denied.is_none() {
            match apply(inquiry, rule, draft.clone()) {
                Ok(after) => {
                    follow(inquiry, rule, (&draft.scope, &after.scope), &mut travellers);
                    did = if is_less(&after.scope, &draft.scope) { "narrowed" } else { "passed" };
                    draft = after;
                }
                Err(refusal) => {
                    did = "refused";
                    let advice = blame(inquiry, rule, &draft, &mut travellers);
                    denied = Some((Denial { rule: rule.name, refusal }, advice));
                }
            }
        }
        rules.push(Visit { rule: rule.name, says: rule.says, did });
    }
    let (denial, advice) = denied.map_or((None, None), |(denial, advice)| (Some(denial), advice));
    let scope = if denial.is_some() { ScopeSet::default() } else { shortest(&draft.scope) };
    for traveller in &mut travellers {
        traveller.shorten(&scope);
    }
    let ways = travellers.into_iter().map(|traveller| traveller.arrive(denial.as_ref())).collect();
    Trace { scope, seconds: draft.seconds, denial, advice, ways, rules }
}

/// What a rule makes of a draft. Before a person is asked, the rules of scope must let it through for whoever it
/// will be: until the last of them, that is the same draft.
fn apply(inquiry: &Inquiry<'_>, rule: &Rule, draft: Draft) -> Result<Draft, Refusal> {
    let Inquiry { question, presence, .. } = inquiry;
    if let (Apply::Scope(_) | Apply::Details(_), Presence::Known) = (&rule.apply, presence) {
        rule.apply(question, Presence::Awaited, draft.clone())?;
    }
    rule.apply(question, *presence, draft)
}

/// The ways of scopes whose request is refused before the rules are asked.
#[must_use]
pub fn unasked(scope: &ScopeSet, rule: &'static str) -> Vec<Way> {
    let way = |asked: &ScopeToken| {
        let (rule, Told { because, advice }) =
            misspelt(asked).map_or_else(|| (rule, Told::unexamined()), |told| (SPELLING, told));
        Way { asked: asked.clone(), fate: Fate::Dropped, granted: Vec::new(), rule, because, advice }
    };
    scope.iter().map(way).collect()
}

/// Follows every scope through what a rule left.
fn follow(
    inquiry: &Inquiry<'_>,
    rule: &Rule,
    (before, after): (&ScopeSet, &ScopeSet),
    travellers: &mut [Traveller],
) {
    let standing: HashSet<&ScopeToken> = after.iter().collect();
    let read: Vec<(&ScopeToken, Permission)> =
        after.iter().filter_map(|token| Some((token, dialects::read(token)?.0))).collect();
    for traveller in travellers {
        let mut next: Vec<ScopeToken> = Vec::new();
        let mut told = Vec::new();
        for token in &traveller.now {
            let (left, whole) = remains(token, &standing, &read);
            if !whole {
                let loss = loss(inquiry, (token, &left), before, None);
                told.push(why(rule, &loss));
            }
            next.extend(left.into_iter().filter(|token| !next.contains(token)).collect::<Vec<_>>());
        }
        for (name, told) in told {
            traveller.rule = Some(name);
            traveller.told.push(told);
        }
        traveller.now = next;
    }
}

/// Under which name is told why a scope is lost, and why.
fn why(rule: &Rule, loss: &Loss<'_>) -> (&'static str, Told) {
    misspelt(loss.scope).map_or_else(|| (rule.name, (rule.why)(loss)), |told| (SPELLING, told))
}

/// What remains of a scope, by meaning, and whether that is all of it.
fn remains(
    token: &ScopeToken,
    standing: &HashSet<&ScopeToken>,
    after: &[(&ScopeToken, Permission)],
) -> (Vec<ScopeToken>, bool) {
    if standing.contains(token) {
        return (vec![token.clone()], true);
    }
    let Some((permission, _)) = dialects::read(token) else { return (Vec::new(), false) };
    let met: Vec<&(&ScopeToken, Permission)> =
        after.iter().filter(|(_, other)| permission.meet(other).is_some()).collect();
    let whole = is_covered(&permission, met.iter().map(|(_, other)| other));
    // What another of them covers need not be told as well; of two that mean the same, the first is.
    let told = |at: usize, own: &Permission| {
        !met.iter()
            .enumerate()
            .any(|(place, (_, other))| other.covers(own) && (!own.covers(other) || place < at))
    };
    let left = met.iter().enumerate().filter(|(at, (_, own))| told(*at, own));
    let left = left.map(|(_, (token, _))| (*token).clone()).collect();
    (left, whole)
}

fn loss<'a>(
    inquiry: &'a Inquiry<'_>,
    (scope, left): (&'a ScopeToken, &'a [ScopeToken]),
    among: &'a ScopeSet,
    refusal: Option<&'a Refusal>,
) -> Loss<'a> {
    let wish = Wish::of(inquiry.question.client, &inquiry.authorization, inquiry.presence);
    Loss { wish, resource_name: inquiry.resource_name, scope, among, left, refusal }
}

/// Finds out which scopes a rule refuses, by asking the same rule about each alone.
fn blame(inquiry: &Inquiry<'_>, rule: &Rule, before: &Draft, travellers: &mut [Traveller]) -> Option<String> {
    let mut guilty = Vec::new();
    let mut innocent = Vec::new();
    for token in &before.scope {
        let alone = Draft { scope: ScopeSet::from_tokens([token.clone()]), ..before.clone() };
        match apply(inquiry, rule, alone) {
            Ok(_) => innocent.push(token.clone()),
            Err(refusal) => {
                let loss = loss(inquiry, (token, &[]), &before.scope, Some(&refusal));
                guilty.push((token.clone(), why(rule, &loss)));
            }
        }
    }
    for traveller in travellers.iter_mut().filter(|traveller| !traveller.now.is_empty()) {
        let own = guilty.iter().find(|(token, _)| traveller.now.contains(token));
        let (name, told) = match own {
            Some((_, told)) => told.clone(),
            // It would not be granted, whatever became of the others.
            None => unread(&traveller.asked).unwrap_or_else(|| (rule.name, falls_with(&guilty))),
        };
        traveller.rule = Some(name);
        traveller.told.push(told);
        traveller.now.clear();
    }
    let first = guilty.iter().find_map(|(_, (_, told))| told.advice.clone());
    if guilty.is_empty() || innocent.is_empty() {
        return first;
    }
    let asked = ScopeSet::from_tokens(innocent);
    let rest = explain(&Inquiry {
        authorization: Authorization { asked, ..inquiry.authorization.clone() },
        ..inquiry.clone()
    });
    let without = listed(guilty.iter().map(|(token, _)| token));
    match rest.denial {
        None => Some(format!("Without {without} it would be granted: {}.", rest.scope)),
        Some(_) => first,
    }
}

/// What is said of a scope that no notation reads.
fn unread(token: &ScopeToken) -> Option<(&'static str, Told)> {
    dialects::read(token).is_none().then(|| misspelt(token)).flatten().map(|told| (SPELLING, told))
}

/// What is said of a scope that a rule has nothing against.
fn falls_with(guilty: &[(ScopeToken, (&'static str, Told))]) -> Told {
    let because = if guilty.is_empty() {
        "The request as a whole is refused.".to_owned()
    } else {
        let guilty = listed(guilty.iter().map(|(token, _)| token));
        format!("Nothing stands against it here, but the request is refused because of {guilty}.")
    };
    Told { because, advice: None }
}

impl Told {
    /// What is said of a scope that was not looked at.
    fn unexamined() -> Self {
        Self { because: "The request is refused before its scopes are looked at.".to_owned(), advice: None }
    }
}

impl Traveller {
    /// Names what became of a scope as the grant does, in its shortest form.
    fn shorten(&mut self, scope: &ScopeSet) {
        let standing: HashSet<&ScopeToken> = scope.iter().collect();
        let read: Vec<(&ScopeToken, Permission)> =
            scope.iter().filter_map(|token| Some((token, dialects::read(token)?.0))).collect();
        let mut next: Vec<ScopeToken> = Vec::new();
        for token in &self.now {
            let covering = dialects::read(token).and_then(|(permission, _)| {
                read.iter().find(|(_, other)| other.covers(&permission)).map(|(other, _)| (*other).clone())
            });
            let named = covering.map_or_else(|| remains(token, &standing, &read).0, |one| vec![one]);
            next.extend(named.into_iter().filter(|token| !next.contains(token)).collect::<Vec<_>>());
        }
        self.now = next;
    }

    fn arrive(self, denial: Option<&Denial>) -> Way {
        let Self { asked, now, rule, told } = self;
        let fate = match (now.as_slice(), rule) {
            ([], _) => Fate::Dropped,
            (_, None) => Fate::Granted,
            (_, Some(_)) => Fate::Narrowed,
        };
        let advice = told.iter().filter_map(|told| told.advice.as_deref());
        let advice = unique(advice);
        let because = match (unique(told.iter().map(|told| told.because.as_str())), denial) {
            (Some(because), _) => because,
            (None, Some(denial)) => sentence(denial.refusal.told()),
            (None, None) => "Every rule allows it.".to_owned(),
        };
        Way { asked, fate, granted: now, rule: rule.unwrap_or("granted_as_asked"), because, advice }
    }
}

/// Sentences, each once.
fn unique<'a>(sentences: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut seen: Vec<&str> = Vec::new();
    for sentence in sentences {
        if !seen.contains(&sentence) {
            seen.push(sentence);
        }
    }
    (!seen.is_empty()).then(|| seen.join(" "))
}

#[cfg(test)]
mod tests;
