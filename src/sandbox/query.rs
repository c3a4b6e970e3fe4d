//! What a search asks for. A parameter that is not known refuses the search: one that is overlooked would
//! answer with more than was asked for.

use url::form_urlencoded;

use super::compartment::Resource;
use super::issue::{Issue, Kind};
use super::matching::Term;

/// How many resources a page has that does not say.
const PAGE: usize = 50;
/// The most resources of a page.
const MOST: usize = 200;

/// A search in one type.
#[derive(Clone, Debug)]
pub struct Query {
    kind: &'static str,
    terms: Vec<Term>,
    /// The parameters that narrow, as they were asked.
    asked: Vec<(String, String)>,
    /// How many resources a page has.
    pub count: usize,
    /// How many come before this page.
    pub offset: usize,
}

impl Query {
    /// Reads the parameters of a search at a server whose base URL is known.
    pub fn parse(kind: &'static str, text: &[u8], base: &str) -> Result<Self, Issue> {
        let mut query = Self { kind, terms: Vec::new(), asked: Vec::new(), count: PAGE, offset: 0 };
        for (name, value) in form_urlencoded::parse(text) {
            match name.as_ref() {
                "_count" => query.count = number(&value)?.min(MOST),
                "_offset" => query.offset = number(&value)?,
                "_format" => check_format(&value)?,
                // A wish, which no server has to fulfil (FHIR R4, search, 3.1.1.5.9).
                "_elements" => {}
                _ => {
                    let local = value.strip_prefix(base).and_then(|rest| rest.strip_prefix('/'));
                    let value = local.unwrap_or(&value).to_owned();
                    let term = Term::parse(kind, &name, &value).ok_or_else(|| unknown(kind, &name))?;
                    query.terms.push(term);
                    query.asked.push((name.into_owned(), value));
                }
            }
        }
        Ok(query)
    }

    /// Whether a resource is one of those asked for.
    #[must_use]
    pub fn matches(&self, resource: &Resource) -> bool {
        self.terms.iter().all(|term| term.matches(resource))
    }

    /// Whether the search names a patient other than this one.
    #[must_use]
    pub fn names_another(&self, patient: &str) -> bool {
        let own = format!("Patient/{patient}");
        self.terms.iter().any(|term| match (term.parameter.target, term.parameter.name) {
            (Some("Patient"), _) => term.values.iter().any(|value| term.reference(value) != own),
            (None, "_id") if self.kind == "Patient" => term.values.iter().any(|value| value != patient),
            (Some(_) | None, _) => false,
        })
    }

    /// The address of a page.
    #[must_use]
    pub fn page(&self, base: &str, offset: usize) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(&self.asked).append_pair("_count", &self.count.to_string());
        if offset > 0 {
            text.append_pair("_offset", &offset.to_string());
        }
        format!("{base}/{}?{}", self.kind, text.finish())
    }
}

/// The answers are JSON alone.
pub fn check_format(text: &str) -> Result<(), Issue> {
    match text {
        "json" | "application/json" | "application/fhir+json" => Ok(()),
        _ => Err(Issue::new(Kind::NotAcceptable, "only JSON is spoken here")),
    }
}

fn number(text: &str) -> Result<usize, Issue> {
    text.parse().map_err(|_| Issue::new(Kind::Invalid, "_count and _offset are numbers"))
}

fn unknown(kind: &str, name: &str) -> Issue {
    let known = super::parameters::find(kind, name).is_some();
    let name: String = name.chars().filter(|letter| !letter.is_control()).take(64).collect();
    let told = if known {
        format!("the value of the search parameter {name} cannot be read")
    } else {
        format!("{kind} has no search parameter {name} here")
    };
    Issue::new(Kind::Invalid, told)
}
