//! What a scope means, told to the person who is asked to give it.

pub(super) mod names;

use std::collections::BTreeSet;

use self::names::{AROUND_THE_PATIENT, CATEGORIES, Category, Name, OF_THE_PATIENT};
use super::dialects;
use super::permission::{Interactions, Level, Permission, ResourceType};
use super::resource_types::RESOURCE_TYPES;
use super::token::ScopeToken;

/// A scope in plain words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What it is about, in a few words.
    pub title: String,
    /// What is reached, without what is done with it and whose it is; empty where no data is reached.
    pub subject: String,
    /// What it lets an app do.
    pub detail: String,
    /// What to think of before it is given.
    pub caution: Option<String>,
}

/// Tells a scope by its meaning, whatever notation it is written in.
pub fn explain(scope: &ScopeToken) -> Explanation {
    match dialects::read(scope).map(|(permission, _)| permission) {
        Some(Permission::Resource { level, resource, interactions, filter }) => {
            of_resource(level, &resource, interactions, &filter)
        }
        Some(Permission::Named(name)) => of_name(&name).unwrap_or_else(|| unknown(scope)),
        None => unknown(scope),
    }
}

fn unknown(scope: &ScopeToken) -> Explanation {
    told(scope.as_str(), &format!("A permission of this server: {scope}"))
}

fn told(title: &str, detail: &str) -> Explanation {
    Explanation { title: title.to_owned(), subject: String::new(), detail: detail.to_owned(), caution: None }
}

fn of_name(name: &str) -> Option<Explanation> {
    let (title, detail) = match name {
        "openid" => {
            ("Know that it is you", "Recognize you when you sign in here, without learning your password")
        }
        "profile" => ("Know your name", "Read your name and your username"),
        "email" => ("Know your e-mail address", "Read the e-mail address of your account"),
        "address" => ("Know your postal address", "Read the postal address of your account"),
        "phone" => ("Know your telephone number", "Read the telephone number of your account"),
        "fhirUser" => (
            "Know which record in the FHIR server is yours (or your role)",
            "Read which patient, clinician or other person you are there",
        ),
        "launch" => {
            ("Open where you are", "Know the patient and the visit that are open in your record system")
        }
        "launch/patient" => (
            "Know which patient this is about",
            "Be told which patient was chosen, and nothing else from the record",
        ),
        "offline_access" => {
            ("Keep access when you are away", "Even when you are not using the app, until you withdraw it")
        }
        "online_access" => {
            ("Keep access while you are here", "As long as you stay signed in here, and no longer")
        }
        other => return other.strip_prefix("launch/").map(of_context),
    };
    Some(told(title, detail))
}

/// Another context than the patient: `encounter`, `imagingstudy`.
fn of_context(context: &str) -> Explanation {
    let kind = match context {
        "encounter" => "visit".to_owned(),
        "documentreference" => "document".to_owned(),
        other => {
            let known = RESOURCE_TYPES.iter().find(|name| name.eq_ignore_ascii_case(other));
            split_words(known.copied().unwrap_or(other))
        }
    };
    told(
        &format!("Know which {kind} this is about"),
        &format!("Be told which {kind} was chosen, and nothing else about it"),
    )
}

fn of_resource(
    level: Level,
    resource: &ResourceType,
    interactions: Interactions,
    filter: &BTreeSet<(String, String)>,
) -> Explanation {
    let subject = Subject::of(resource, level);
    let mut rest = filter.clone();
    let named = rest.iter().find_map(|parameter| Some((parameter.clone(), categories(resource, parameter)?)));
    let (title, phrase) = match named {
        Some((parameter, (title, phrase))) => {
            rest.remove(&parameter);
            (title, phrase)
        }
        None => (subject.title, subject.phrase),
    };
    let verbs = capitalized(&verbs(interactions));
    let detail = format!("{verbs} {phrase} {}{}", subject.whose, only_where(&rest));
    Explanation { title, subject: phrase, detail, caution: caution(resource, interactions, filter) }
}

/// What is reached, and whose it is.
struct Subject {
    title: String,
    phrase: String,
    whose: &'static str,
}

impl Subject {
    fn of(resource: &ResourceType, level: Level) -> Self {
        let name = match resource {
            ResourceType::Any => return Self::everything(level),
            ResourceType::Named(name) => name,
        };
        let find = |names: &'static [Name]| names.iter().find(|(known, _, _)| known == name);
        let around = find(AROUND_THE_PATIENT);
        let (title, phrase) = match find(OF_THE_PATIENT).or(around) {
            Some((_, title, phrase)) => ((*title).to_owned(), (*phrase).to_owned()),
            None => (capitalized(&split_words(name)), format!("{} entries", split_words(name))),
        };
        let whose = match (level, around) {
            (Level::Patient, None) => "of the chosen patient",
            (Level::Patient, Some(_)) => "that belong to the record of the chosen patient",
            (Level::User, _) => "that you may see in your work",
            (Level::System, None) => "of all patients, with nobody signed in",
            (Level::System, Some(_)) => "of this server, with nobody signed in",
        };
        Self { title, phrase, whose }
    }

    fn everything(level: Level) -> Self {
        let (title, phrase, whose) = match level {
            Level::Patient => ("The whole record", "everything in the record", "of the chosen patient"),
            Level::User => ("All records", "everything", "that you may see in your work"),
            Level::System => ("All records", "everything", "in this server, with nobody signed in"),
        };
        Self { title: title.to_owned(), phrase: phrase.to_owned(), whose }
    }
}

/// Title and phrase for a filter that names nothing but known categories; several codes are alternatives.
fn categories(resource: &ResourceType, (name, value): &(String, String)) -> Option<(String, String)> {
    if name != "category" {
        return None;
    }
    let known: Option<Vec<&Category>> = value
        .split(',')
        .map(|one| {
            // A code without a system is a code of any system (FHIR, search by token).
            let (system, code) =
                one.rsplit_once('|').map_or((None, one), |(system, code)| (Some(system), code));
            CATEGORIES.iter().find(|known| {
                known.resource == resource.as_str()
                    && known.code == code
                    && system.is_none_or(|system| system == known.system)
            })
        })
        .collect();
    let known = known?;
    let titles: Vec<&str> = known.iter().map(|category| category.title).collect();
    let phrases: Vec<&str> = known.iter().map(|category| category.phrase).collect();
    Some((titles.join("; "), phrases.join("; ")))
}

fn only_where(filter: &BTreeSet<(String, String)>) -> String {
    let conditions: Vec<String> = filter.iter().map(|(name, value)| format!("{name} is “{value}”")).collect();
    if conditions.is_empty() { String::new() } else { format!(", only where {}", conditions.join(" and ")) }
}

fn verbs(interactions: Interactions) -> String {
    let known = [('r', "read"), ('s', "search"), ('c', "add"), ('u', "change"), ('d', "delete")];
    let letters = interactions.letters();
    let words: Vec<&str> =
        known.iter().filter(|(letter, _)| letters.contains(*letter)).map(|(_, word)| *word).collect();
    listed(&words)
}

fn caution(
    resource: &ResourceType,
    interactions: Interactions,
    filter: &BTreeSet<(String, String)>,
) -> Option<String> {
    // A wildcard speaks of later types too, and whoever gives it is told so (SMART App Launch, scopes).
    let reach = match (resource, filter.is_empty()) {
        (ResourceType::Any, true) => {
            "Everything in the record, now and in future: kinds of data that are added later, too."
        }
        (ResourceType::Any, false) => {
            "All kinds of data that match, now and in future: kinds that are added later, too."
        }
        (ResourceType::Named(_), _) => "",
    };
    let letters = interactions.letters();
    let harm = if letters.contains('d') {
        "What is deleted is no longer there for others who need it."
    } else if letters.contains(['c', 'u']) {
        "Others will rely on what it writes."
    } else {
        ""
    };
    let sentences: Vec<&str> = [reach, harm].into_iter().filter(|sentence| !sentence.is_empty()).collect();
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

/// `a, b and c`
fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `MolecularSequence` as `molecular sequence`.
fn split_words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
