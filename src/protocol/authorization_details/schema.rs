//! The JSON Schema (draft 2020-12) of a registered type. Nothing is fetched for it, and what it can cost is bounded
//! before it is compiled: its size, its references, its patterns.

use std::fmt;
use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

/// The longest schema, in bytes.
const LONGEST: usize = 32_768;
/// How deep it may be nested.
const DEEPEST: usize = 24;
/// The most parts that it may have once every reference is followed.
const MOST_PARTS: usize = 5_000;
/// The longest pattern, in bytes.
const LONGEST_PATTERN: usize = 256;
/// The most patterns.
const MOST_PATTERNS: usize = 32;
/// The most memory that a compiled pattern may take, in bytes.
const PATTERN_SIZE: usize = 262_144;
/// The dialect that is read.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Where parts stand that are referred to.
const DEFINITIONS: &str = "#/$defs/";
/// What could name another document, or refer in circles.
const REFUSED: [&str; 6] =
    ["$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary", "$recursiveRef"];

/// The schema of a type, ready to judge. Cloning is cheap.
#[derive(Clone)]
pub struct Schema {
    text: Arc<Value>,
    judge: Arc<Validator>,
}

impl Schema {
    /// Reads a schema; the error says what is wrong with it.
    pub fn parse(text: &Value) -> Result<Self, String> {
        bounded(text)?;
        describes_an_object(text)?;
        let judge = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(
                PatternOptions::regex().size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE),
            )
            .build(text)
            .map_err(|error| format!("is no schema of draft 2020-12: {error}"))?;
        Ok(Self { text: Arc::new(text.clone()), judge: Arc::new(judge) })
    }

    /// The schema as it was given.
    #[must_use]
    pub fn to_json(&self) -> &Value {
        &self.text
    }

    /// Whether both are one schema that was compiled once.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.judge, &other.judge)
    }

    /// Whether a detail is as the schema says.
    #[must_use]
    pub fn accepts(&self, members: &Map<String, Value>) -> bool {
        self.judge.is_valid(&Value::Object(members.clone()))
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schema(..)")
    }
}

/// A detail is an object whose members are all known (RFC 9396, 5: unknown fields are refused).
fn describes_an_object(text: &Value) -> Result<(), String> {
    let is_closed = ["additionalProperties", "unevaluatedProperties"]
        .iter()
        .any(|name| text.get(name) == Some(&Value::Bool(false)));
    if text.get("type").and_then(Value::as_str) != Some("object") {
        return Err("must say \"type\": \"object\"".to_owned());
    }
    if !is_closed {
        return Err(
            "must say \"additionalProperties\": false, or \"unevaluatedProperties\": false".to_owned()
        );
    }
    if text.get("properties").and_then(|all| all.get("type")).is_none() {
        return Err("must have type among its properties: it describes the whole detail".to_owned());
    }
    Ok(())
}

/// Refuses what would cost too much, or look elsewhere.
fn bounded(text: &Value) -> Result<(), String> {
    if text.to_string().len() > LONGEST {
        return Err(format!("must have at most {LONGEST} bytes"));
    }
    if text.get("$schema").is_some_and(|dialect| dialect.as_str() != Some(DIALECT)) {
        return Err(format!("must be of the dialect {DIALECT}"));
    }
    let mut survey = Survey::default();
    survey.visit(text, DEEPEST)?;
    if survey.patterns > MOST_PATTERNS {
        return Err(format!("must have at most {MOST_PATTERNS} patterns"));
    }
    let parts = Parts { root: text, definitions: text.get("$defs").and_then(Value::as_object) };
    parts.of(text, &mut Vec::new()).map(drop)
}

/// What a walk through a schema counts.
#[derive(Default)]
struct Survey {
    patterns: usize,
}

impl Survey {
    fn visit(&mut self, value: &Value, levels: usize) -> Result<(), String> {
        let Some(levels) = levels.checked_sub(1) else {
            return Err(format!("must not be nested deeper than {DEEPEST} levels"));
        };
        match value {
            Value::String(text) if text.chars().any(|sign| sign == '\0') => {
                Err("must hold no NUL".to_owned())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
            Value::Array(items) => items.iter().try_for_each(|item| self.visit(item, levels)),
            Value::Object(members) => members.iter().try_for_each(|(name, member)| {
                self.member(name, member)?;
                self.visit(member, levels)
            }),
        }
    }

    fn member(&mut self, name: &str, member: &Value) -> Result<(), String> {
        if REFUSED.contains(&name) {
            return Err(format!("must not use {name}"));
        }
        match (name, member) {
            ("$ref", Value::String(text)) if text.starts_with(DEFINITIONS) => Ok(()),
            ("$ref", _) => Err(format!("must refer to nothing but {DEFINITIONS}name")),
            ("pattern", Value::String(text)) => self.pattern(text),
            ("patternProperties", Value::Object(members)) => {
                members.keys().try_for_each(|text| self.pattern(text))
            }
            _ if name.contains('\0') => Err("must hold no NUL".to_owned()),
            _ => Ok(()),
        }
    }

    fn pattern(&mut self, text: &str) -> Result<(), String> {
        self.patterns += 1;
        if text.len() > LONGEST_PATTERN {
            return Err(format!("must have no pattern longer than {LONGEST_PATTERN} bytes"));
        }
        Ok(())
    }
}

/// The parts of a schema with its definitions.
struct Parts<'a> {
    root: &'a Value,
    definitions: Option<&'a Map<String, Value>>,
}

impl<'a> Parts<'a> {
    /// How many parts a value has once its references are followed. A reference to what it stands in would have
    /// no end.
    fn of(&self, value: &'a Value, within: &mut Vec<&'a str>) -> Result<usize, String> {
        let mut count: usize = 1;
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            Value::Array(items) => {
                for item in items {
                    count = and(count, self.of(item, within)?)?;
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    // Definitions count where they are used.
                    if name == "$defs" && std::ptr::eq(value, self.root) {
                        continue;
                    }
                    count = and(count, self.of(member, within)?)?;
                    if name == "$ref" {
                        count = and(count, self.referred(member, within)?)?;
                    }
                }
            }
        }
        Ok(count)
    }

    fn referred(&self, reference: &'a Value, within: &mut Vec<&'a str>) -> Result<usize, String> {
        let name = reference.as_str().and_then(|text| text.strip_prefix(DEFINITIONS)).unwrap_or_default();
        let found = self.definitions.and_then(|all| all.get(name));
        let found = found.ok_or_else(|| format!("must define what it refers to: {name}"))?;
        if within.contains(&name) {
            return Err(format!("must not refer to itself: {name}"));
        }
        within.push(name);
        let count = self.of(found, within);
        within.pop();
        count
    }
}

/// A sum within the bound: beyond it nothing is counted any more.
fn and(count: usize, more: usize) -> Result<usize, String> {
    let sum = count.saturating_add(more);
    if sum > MOST_PARTS {
        return Err(format!("must have at most {MOST_PARTS} parts once its references are followed"));
    }
    Ok(sum)
}
