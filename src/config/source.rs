//! Where values come from: the file, then the environment on top of it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use toml::{Table, Value};
use zeroize::{Zeroize, Zeroizing};

use super::problem::Problem;

/// The sections, in the order in which they are explained.
pub(super) const SECTIONS: [&str; 15] = [
    "issuer",
    "http",
    "database",
    "tls",
    "proxy",
    "tokens",
    "sign_in",
    "features",
    "secrets",
    "hsm",
    "outbound",
    "revocation",
    "pki",
    "limits",
    "log",
];

/// Everything that was given, section by section, and what was wrong with it so far.
#[derive(Default)]
pub(super) struct Source {
    sections: BTreeMap<String, BTreeMap<String, Given>>,
    problems: Vec<Problem>,
}

#[derive(Clone)]
struct Given {
    value: Value,
    /// The variable that gave it, and its text as it stood there.
    variable: Option<(String, String)>,
}

/// Any value may be a secret, so all are wiped.
impl Drop for Given {
    fn drop(&mut self) {
        wipe(&mut self.value);
        if let Some((_, text)) = &mut self.variable {
            text.zeroize();
        }
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| wipe(value)),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

impl Source {
    /// Reads the text of a file and the variables. Those that are not Hilum's are passed over.
    pub(super) fn read(
        file: &str,
        named: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut source = Self::default();
        source.take_file(file, named);
        // In order of name, `DATABASE_URL` comes before `HILUM_DATABASE__URL`, which so wins.
        let variables: BTreeMap<String, String> = variables.into_iter().collect();
        for (name, text) in variables {
            source.take_variable(name, text);
        }
        source
    }

    /// Parses a section; afterwards, keys that it did not ask for are problems.
    pub(super) fn section<T>(&mut self, name: &'static str, parse: impl FnOnce(&mut Section<'_>) -> T) -> T {
        let given = self.sections.remove(name).unwrap_or_default();
        let mut section = Section { name, given, known: Vec::new(), problems: &mut self.problems };
        let parsed = parse(&mut section);
        section.refuse_unknown();
        parsed
    }

    /// What was wrong.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    fn take_file(&mut self, file: &str, named: &str) {
        let table = match file.parse::<Table>() {
            Ok(table) => table,
            Err(error) => {
                // The error's own text would quote the line, which may hold a password.
                let before = error.span().and_then(|span| file.get(..span.start)).unwrap_or_default();
                let says = format!("line {}: {}", before.matches('\n').count() + 1, error.message());
                self.problems.push(Problem::new(named, says));
                return;
            }
        };
        for (section, value) in table {
            if !SECTIONS.contains(&section.as_str()) {
                let says = format!("there is no such section; the sections are {}", SECTIONS.join(", "));
                self.problems.push(Problem::new(section, says));
                continue;
            }
            let Value::Table(keys) = value else {
                let says = format!("is a section; write [{section}] on a line and its keys below");
                self.problems.push(Problem::new(section, says));
                continue;
            };
            let given = self.sections.entry(section).or_default();
            given.extend(keys.into_iter().map(|(key, value)| (key, Given { value, variable: None })));
        }
    }

    fn take_variable(&mut self, name: String, text: String) {
        if name == "DATABASE_URL" {
            if !text.is_empty() {
                self.give("database", "url", Value::String(text.clone()), (name, text));
            }
            return;
        }
        let Some(rest) = name.strip_prefix("HILUM_") else { return };
        if rest == "FIXTURES" || rest.starts_with("TEST_") {
            return;
        }
        let Some((section, key)) = rest.split_once("__") else {
            let says = "names no section; variables are HILUM_SECTION__KEY, with two underscores between";
            self.problems.push(Problem::new(name, says));
            return;
        };
        let (section, key) = (section.to_ascii_lowercase(), key.to_ascii_lowercase());
        if !SECTIONS.contains(&section.as_str()) {
            let says = format!("there is no section {section}; the sections are {}", SECTIONS.join(", "));
            self.problems.push(Problem::new(name, says));
            return;
        }
        let value = text.parse::<Value>().unwrap_or_else(|_| Value::String(text.clone()));
        self.give(&section, &key, value, (name, text));
    }

    fn give(&mut self, section: &str, key: &str, value: Value, variable: (String, String)) {
        let given = Given { value, variable: Some(variable) };
        self.sections.entry(section.to_owned()).or_default().insert(key.to_owned(), given);
    }
}

/// One section while it is parsed. What is wrong with a key is noted, and the key then counts as absent.
pub(super) struct Section<'a> {
    name: &'static str,
    given: BTreeMap<String, Given>,
    known: Vec<&'static str>,
    problems: &'a mut Vec<Problem>,
}

impl Section<'_> {
    /// Whether nothing was given for it.
    pub(super) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// Notes that a key is wrong, and what to do.
    pub(super) fn refuse(&mut self, key: &str, says: &str) {
        let from = self.given.get(key).and_then(|given| given.variable.as_ref());
        let says = match from {
            Some((name, _)) => format!("{says} (it was given by {name})"),
            None => says.to_owned(),
        };
        self.problems.push(Problem::new(format!("{}.{key}", self.name), says));
    }

    /// A text, parsed.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let given = self.ask(key)?;
        let parsed = match text_of(&given) {
            Some(text) if text.trim().is_empty() => Err("is empty; give a value or leave the key out"),
            Some(text) => parse(&text),
            None => Err("give it as text, in quotes"),
        };
        self.or_refused(key, parsed)
    }

    /// Like `parsed`, for a key that must be there; `missing` says what to give.
    pub(super) fn needed<T>(
        &mut self,
        key: &'static str,
        missing: &str,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        if self.ask(key).is_none() {
            self.refuse(key, &format!("is missing; give {missing}"));
        }
        self.parsed(key, parse)
    }

    /// A list of texts, each parsed. A single text is a list of one.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Option<Vec<T>> {
        let given = self.ask(key)?;
        let parsed = if let Some(items) = given.value.as_array() {
            let wanted = "give a list of texts, each in quotes";
            items.iter().map(|item| item.as_str().ok_or(wanted).and_then(&parse)).collect()
        } else if given.value.as_str().is_some_and(str::is_empty) {
            Ok(Vec::new())
        } else {
            let text = text_of(&given).ok_or("give a list of texts: [\"…\", \"…\"]");
            text.and_then(|text| parse(&text).map(|one| vec![one]))
        };
        self.or_refused(key, parsed)
    }

    /// Whether there is a value.
    pub(super) fn is_given(&self, key: &str) -> bool {
        self.given.contains_key(key)
    }

    /// Like `parsed`, for a secret that no file of many values may hold.
    pub(super) fn parsed_from_variable<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        if self.stands_in_the_file(key) { None } else { self.parsed(key, parse) }
    }

    /// Like `list`, for secrets that no file of many values may hold.
    pub(super) fn list_from_variable<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Option<Vec<T>> {
        if self.stands_in_the_file(key) { None } else { self.list(key, parse) }
    }

    fn stands_in_the_file(&mut self, key: &'static str) -> bool {
        let in_file = self.ask(key).is_some_and(|given| given.variable.is_none());
        if in_file {
            let variable = format!("HILUM_{}__{}", self.name.to_uppercase(), key.to_uppercase());
            self.refuse(key, &format!("is a secret: give it as {variable}, or in a file of its own"));
        }
        in_file
    }

    /// One list of texts, parsed as a whole. A single text is a list of one.
    pub(super) fn words<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(Vec<String>) -> Result<T, &'static str>,
    ) -> Option<T> {
        let words = self.list(key, |text| Ok(text.to_owned()))?;
        self.or_refused(key, parse(words))
    }

    /// A list of lists of texts, each parsed as a whole.
    pub(super) fn lists<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(Vec<String>) -> Result<T, &'static str>,
    ) -> Option<Vec<T>> {
        let given = self.ask(key)?;
        let wanted = "give a list of lists of texts: [[\"…\", \"…\"]]";
        let parsed =
            given.value.as_array().ok_or(wanted).and_then(|items| {
                items.iter().map(|item| texts(item).ok_or(wanted).and_then(&parse)).collect()
            });
        self.or_refused(key, parsed)
    }

    /// The name of a file. A relative one starts at the directory in which the program is run.
    pub(super) fn file(&mut self, key: &'static str) -> Option<PathBuf> {
        self.parsed(key, |text| Ok(PathBuf::from(text)))
    }

    /// A switch.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some(given) = self.ask(key) else { return default };
        let said = given.value.as_bool();
        said.unwrap_or_else(|| {
            self.refuse(key, "give true or false");
            default
        })
    }

    /// A whole number within bounds.
    pub(super) fn number<N>(&mut self, key: &'static str, bounds: RangeInclusive<N>, default: N) -> N
    where
        N: TryFrom<i64> + PartialOrd + Display,
    {
        let Some(given) = self.ask(key) else { return default };
        let number = given.value.as_integer().and_then(|integer| N::try_from(integer).ok());
        if let Some(number) = number.filter(|number| bounds.contains(number)) {
            return number;
        }
        self.refuse(key, &format!("give a whole number from {} to {}", bounds.start(), bounds.end()));
        default
    }

    fn ask(&mut self, key: &'static str) -> Option<Given> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.given.get(key).cloned()
    }

    fn or_refused<T>(&mut self, key: &str, parsed: Result<T, &'static str>) -> Option<T> {
        parsed.map_err(|says| self.refuse(key, says)).ok()
    }

    fn refuse_unknown(&mut self) {
        let known = self.known.clone();
        let unknown: Vec<String> =
            self.given.keys().filter(|key| !known.contains(&key.as_str())).cloned().collect();
        for key in unknown {
            self.refuse(
                &key,
                &format!("there is no such key; the keys of [{}] are {}", self.name, known.join(", ")),
            );
        }
    }
}

/// A variable that reads as a number or a date is still the text that it was, where text is wanted.
fn text_of(given: &Given) -> Option<Zeroizing<String>> {
    match (&given.value, &given.variable) {
        (Value::String(text), _) | (_, Some((_, text))) => Some(Zeroizing::new(text.clone())),
        (_, None) => None,
    }
}

/// The texts of a list.
fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}
