//! Why no notation reads a text, told to whoever wrote it, and what was perhaps meant.

use super::dialects::{self, openid, query, uri};
use super::permission::{Interactions, Level};
use super::resource_types::{self, RESOURCE_TYPES};
use super::token::ScopeToken;

/// What is wrong with a scope that no notation reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// What is wrong, in words.
    pub because: String,
    /// What was perhaps meant, in a notation that is read.
    pub meant: Option<ScopeToken>,
}

/// Why no notation reads a scope; nothing when one does.
#[must_use]
pub fn diagnose(token: &ScopeToken) -> Option<Unread> {
    if dialects::read(token).is_some() {
        return None;
    }
    let text = token.as_str();
    let (prefix, bare) = match uri::prefix_of(text) {
        Some(prefix) => (prefix, text.strip_prefix(prefix).unwrap_or(text)),
        None => ("", text),
    };
    let Mistakes { says, meant } = mistakes(bare);
    let meant = meant.and_then(|meant| ScopeToken::parse(&format!("{prefix}{meant}")).ok());
    let meant = meant.filter(|meant| meant != token && dialects::read(meant).is_some());
    Some(Unread { because: says.join("; "), meant })
}

/// The scope that differs from this one in nothing but letter case, which counts.
#[must_use]
pub fn resembles(token: &ScopeToken) -> Option<ScopeToken> {
    let text = token.as_str();
    let known = openid::NAMES.iter().copied().chain(["launch/patient", "launch/encounter"]);
    let found = known.into_iter().find(|name| name.eq_ignore_ascii_case(text) && *name != text)?;
    ScopeToken::parse(found).ok()
}

/// What is wrong, and the text with that mended.
struct Mistakes {
    says: Vec<String>,
    meant: Option<String>,
}

impl Mistakes {
    fn one(says: &str) -> Self {
        Self { says: vec![says.to_owned()], meant: None }
    }
}

fn mistakes(text: &str) -> Mistakes {
    let Some((level, rest)) = text.split_once('/') else {
        return Mistakes::one("a scope is a name of letters, digits, _ and -, with dots between its words");
    };
    let lower = level.to_ascii_lowercase();
    if lower == "launch" {
        return of_context(rest);
    }
    match Level::parse(&lower) {
        Some(known) => of_resource(known, level, rest),
        None if text.contains(':') => {
            Mistakes::one("a scope that is a URI begins with https:// or http:// and a host")
        }
        None => Mistakes::one(
            "before the slash stands patient, user or system; another name has two words with a dot after it",
        ),
    }
}

fn of_context(context: &str) -> Mistakes {
    let kind = context.split('?').next().unwrap_or_default();
    if !resource_types::is_known_in_lower_case(&kind.to_ascii_lowercase()) {
        return Mistakes::one(
            "after launch/ stands a FHIR resource type in small letters, as launch/patient",
        );
    }
    Mistakes {
        says: vec![
            "launch/ and the type after it are written in small letters, at most with ?role=".to_owned(),
        ],
        meant: Some(format!("launch/{}", kind.to_ascii_lowercase())),
    }
}

fn of_resource(level: Level, written: &str, rest: &str) -> Mistakes {
    let mut says = Vec::new();
    let (path, parameters) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let (name, actions) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    if written != level.as_str() {
        says.push(format!("the level is written in small letters: {}", level.as_str()));
    }
    let kind = kind(name, &mut says);
    let actions = interactions(actions, parameters.is_some(), &mut says);
    let meant = kind.zip(actions).map(|(kind, actions)| {
        let path = format!("{}/{kind}.{actions}", level.as_str());
        match parameters.map(|text| (text, parameter(text))) {
            None => path,
            Some((text, None)) => format!("{path}?{text}"),
            Some((_, Some(wrong))) => {
                says.push(wrong);
                path
            }
        }
    });
    if says.is_empty() {
        says.push("it cannot be read in any notation".to_owned());
    }
    // Without its parameters a scope would reach further: that is not proposed.
    let widened = parameters.is_some_and(|text| parameter(text).is_some());
    Mistakes { says, meant: meant.filter(|_| !widened) }
}

/// The resource type, as it should be written.
fn kind(name: &str, says: &mut Vec<String>) -> Option<&'static str> {
    if name == "*" {
        return Some("*");
    }
    let known = RESOURCE_TYPES.iter().copied().find(|known| known.eq_ignore_ascii_case(name));
    match known {
        Some(known) if known == name => {}
        Some(known) => says.push(format!("types begin with a capital letter: {known}")),
        None => says.push(format!("“{name}” is not a FHIR resource type")),
    }
    known
}

/// What may be done, as it should be written.
fn interactions(actions: Option<&str>, filtered: bool, says: &mut Vec<String>) -> Option<String> {
    let Some(actions) = actions.filter(|actions| !actions.is_empty()) else {
        says.push("after the type stands a dot and what may be done, as .rs".to_owned());
        return None;
    };
    let lower = actions.to_ascii_lowercase();
    let version_1 = match lower.as_str() {
        "read" => Some("rs"),
        "write" => Some("cud"),
        "*" => Some("cruds"),
        _ => None,
    };
    if let Some(letters) = version_1 {
        if filtered {
            says.push(format!("parameters go with the letters of version 2 alone: .{letters}"));
            return Some(letters.to_owned());
        }
        if lower != actions {
            says.push(format!("what may be done is written in small letters: .{lower}"));
        }
        return Some(lower);
    }
    if Interactions::from_letters(actions).is_some() {
        return Some(actions.to_owned());
    }
    if !lower.chars().all(|letter| "cruds".contains(letter)) {
        says.push("what may be done is told by the letters c, r, u, d, s, or by read, write or *".to_owned());
        return None;
    }
    let sorted: String = "cruds".chars().filter(|letter| lower.contains(*letter)).collect();
    says.push(format!("the letters stand in the order cruds, small and each once: .{sorted}"));
    Some(sorted)
}

/// What is wrong with the parameters, if anything is.
fn parameter(text: &str) -> Option<String> {
    if query::parse(text).is_some() {
        return None;
    }
    let mut names = Vec::new();
    for parameter in text.split('&') {
        let Some((name, value)) = parameter.split_once('=') else {
            return Some(format!("a parameter is a name, = and a value, unlike “{parameter}”"));
        };
        if name.contains(':') {
            return Some(format!("modifiers such as in “{name}” are not supported"));
        }
        if name.contains('.') {
            return Some(format!("chains such as in “{name}” are not supported"));
        }
        if names.contains(&name) {
            return Some(format!("a parameter stands once: “{name}”"));
        }
        if query::parse(&format!("{name}=a")).is_none() {
            return Some(format!("“{name}” is no search parameter that may narrow a scope"));
        }
        if query::decode(value).is_none() {
            return Some(format!("the value of “{name}” is empty or not percent-encoded as in a URL"));
        }
        names.push(name);
    }
    Some("the parameters cannot be read".to_owned())
}
