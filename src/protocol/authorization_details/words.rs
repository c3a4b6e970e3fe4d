//! Details told to the person who is asked to grant them.

use serde_json::Value;

use super::Detail;
use super::prior_authorization::{About, PriorAuthorization};

/// The most letters of what a detail of a registered type says.
const MOST_SAID: usize = 600;

/// A detail in plain words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What it is, in a few words.
    pub title: String,
    /// What may be done, for whom, and until when.
    pub says: String,
}

/// Tells a detail. `title` is that of its registered type.
#[must_use]
pub fn told(detail: &Detail, title: Option<&str>) -> Told {
    match detail.prior_authorization() {
        Some(request) => of_prior_authorization(&request),
        None => Told { title: title.unwrap_or_else(|| detail.kind()).to_owned(), says: members(detail) },
    }
}

fn of_prior_authorization(request: &PriorAuthorization) -> Told {
    let does: Vec<&str> = request
        .actions
        .iter()
        .map(|action| match action.as_str() {
            "$submit" => "submit the request to the health plan",
            _ => "ask the health plan what became of the request",
        })
        .collect();
    let about = match &request.about {
        About::Claim(reference) => format!("claim {reference}"),
        About::Order(reference) => format!("order {reference}"),
    };
    let PriorAuthorization { patient, coverage, .. } = request;
    Told {
        title: "Ask for prior authorization".to_owned(),
        says: format!(
            "For patient {patient}, {about}, {coverage}: {}. It ends when the health plan has decided.",
            does.join(", and ")
        ),
    }
}

/// The members as they stand, but for the type.
fn members(detail: &Detail) -> String {
    let said = |(name, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{name}: {value}")
    };
    let all: Vec<String> = detail.members().iter().filter(|(name, _)| *name != "type").map(said).collect();
    let all = all.join("; ");
    match all.char_indices().nth(MOST_SAID) {
        Some((end, _)) => format!("{}…", all.get(..end).unwrap_or_default()),
        None => all,
    }
}
