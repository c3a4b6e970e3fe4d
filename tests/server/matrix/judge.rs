//! What an answer is, and whether it is the one that the table says, in the form that the standard says.

use super::cells::{Cell, MARK, Row};
use super::endpoints::{Endpoint, Place, Told};
use super::scene::{Ask, BACK, CALLBACK};
use crate::harness::Answer;

/// A parameter of where a browser is sent.
fn param(answer: &Answer, name: &str) -> Option<String> {
    let base = url::Url::parse("https://base.example").unwrap();
    let url = base.join(answer.header("location")?).ok()?;
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

fn is_at_callback(answer: &Answer) -> bool {
    answer.header("location").is_some_and(|to| to.starts_with(CALLBACK))
}

fn is_own(answer: &Answer) -> bool {
    answer.header("location").is_none_or(|to| to.starts_with('/') || to.starts_with(BACK))
}

/// What an answer is: `fine`, or the error with its status, or the error at the callback, or a page with its status.
pub fn seen(endpoint: &Endpoint, ask: &Ask, answer: &Answer) -> String {
    let error = || {
        let body: serde_json::Value = serde_json::from_str(&answer.text).unwrap_or_default();
        body["error"].as_str().unwrap_or("no error").to_owned()
    };
    let is_good = answer.status == endpoint.good;
    match endpoint.told {
        Told::OAuth | Told::Bearer | Told::Problem if is_good => "fine".to_owned(),
        Told::OAuth | Told::Bearer | Told::Problem => format!("{} {}", answer.status, error()),
        Told::Callback if is_good && is_at_callback(answer) => {
            param(answer, "error").unwrap_or_else(|| "no error".to_owned())
        }
        Told::Callback if answer.text.contains(r#"<form id="answer""#) => "a form".to_owned(),
        Told::Callback | Told::Page if is_good && is_own(answer) => "fine".to_owned(),
        Told::Callback | Told::Page => {
            let _ = ask;
            format!("page {}", answer.status)
        }
    }
}

/// An error with the status that it has unless the table says otherwise.
fn with_status(endpoint: &Endpoint, expected: &str) -> String {
    let is_whole = expected == "fine" || expected.contains(' ');
    if is_whole || matches!(endpoint.told, Told::Callback | Told::Page) {
        return expected.to_owned();
    }
    let status = if ["invalid_client", "invalid_token"].contains(&expected) { 401 } else { 400 };
    format!("{status} {expected}")
}

/// Whether an answer is right; the error says which cell is not.
pub fn judge(
    endpoint: &Endpoint,
    (ask, row): (&Ask, &Row),
    (cell, answer): (&Cell, &Answer),
) -> Result<(), String> {
    let seen = seen(endpoint, ask, answer);
    let is_expected = cell.expected.split('|').any(|one| with_status(endpoint, one) == seen);
    let bad = if is_expected { form(endpoint, (ask, &row.name), (&seen, answer)) } else { Some("") };
    match bad {
        None => Ok(()),
        Some(why) => {
            let text: String = answer.text.chars().take(300).collect();
            let location =
                answer.header("location").unwrap_or_default().chars().take(300).collect::<String>();
            Err(format!(
                "{} / {} / {}: {seen}, not {}; {why}; {location} {text:?}",
                endpoint.name, row.name, cell.what, cell.expected
            ))
        }
    }
}

/// What is wrong with the form of an answer.
fn form(
    endpoint: &Endpoint,
    (ask, row): (&Ask, &str),
    (seen, answer): (&str, &Answer),
) -> Option<&'static str> {
    if answer.status >= 500 {
        return Some("a fault");
    }
    if answer.header("cache-control") != Some("no-store") {
        return Some("may be kept");
    }
    if answer.headers.contains_key("matrix-header") {
        return Some("a header was split");
    }
    let kind = answer.header("content-type").unwrap_or_default();
    let is_echo = endpoint.place == Place::Json && seen == "fine" && kind == "application/json";
    if !is_echo && (answer.text.contains(MARK) || answer.headers.values().any(|value| value.contains(MARK))) {
        return Some("says again what was sent");
    }
    if seen == "fine" {
        return None;
    }
    let has = |word: &str| answer.text.contains(&format!("\"{word}\":"));
    if ["access_token", "refresh_token", "id_token", "request_uri", "client_secret"].into_iter().any(has)
        || param(answer, "code").is_some()
    {
        return Some("gives something");
    }
    match endpoint.told {
        Told::OAuth | Told::Bearer => oauth(answer, kind),
        Told::Problem if kind != "application/problem+json" => Some("no problem document"),
        Told::Problem => challenge(answer),
        Told::Callback | Told::Page if seen.starts_with("page") => page(answer, kind),
        Told::Callback => callback(answer, (ask, row)),
        Told::Page => None,
    }
}

/// RFC 6749, 5.2.
fn oauth(answer: &Answer, kind: &str) -> Option<&'static str> {
    if kind != "application/json" || answer.header("pragma") != Some("no-cache") {
        return Some("no JSON that is not kept");
    }
    let body = answer.json();
    let names: Vec<&str> = body.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    if names != ["error", "error_description"] {
        return Some("other members than those of an error");
    }
    if !body["error_description"].as_str().is_some_and(is_sayable) {
        return Some("OA-01: a sign that no description has");
    }
    challenge(answer)
}

/// RFC 9110, 15.5.2.
fn challenge(answer: &Answer) -> Option<&'static str> {
    let challenge = answer.header("www-authenticate");
    (answer.status == 401 && challenge.is_none_or(|text| !text.contains("realm=\"hilum\"")))
        .then_some("no challenge")
}

fn is_sayable(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e'))
}

fn page(answer: &Answer, kind: &str) -> Option<&'static str> {
    if answer.status == 303 {
        return (!is_own(answer)).then_some("sends the browser away");
    }
    if kind != "text/html; charset=utf-8" {
        return Some("no page");
    }
    answer.header("location").is_some().then_some("sends the browser away")
}

/// RFC 6749, 4.1.2.1; RFC 9207, 2.
fn callback(answer: &Answer, (ask, row): (&Ask, &str)) -> Option<&'static str> {
    if param(answer, "iss").as_deref() != Some(&ask.issuer) {
        return Some("no issuer");
    }
    let is_state_kept =
        row == "state" || param(answer, "state").map(String::into_bytes) == Some(ask.value("state"));
    if !is_state_kept {
        return Some("not the state that was sent");
    }
    let said = param(answer, "error_description");
    (!said.as_deref().is_some_and(is_sayable)).then_some("OA-01: a sign that no description has")
}
