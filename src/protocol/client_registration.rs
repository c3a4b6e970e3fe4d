//! What a client asks to be registered as (RFC 7591, 2), in the words of this server's registrations: members
//! that are not known are left out, defaults stand where nothing is said, and nothing goes beyond what is allowed.

use serde_json::{Map, Value, json};

use crate::scope::narrow::narrow;
use crate::scope::set::ScopeSet;

use super::allowance::Allowance;
use super::client_metadata::{ABOUT, ClientMetadata, IDENTITIES};
use super::error::FieldProblem;

/// What a client may say of itself, beside [`ABOUT`] and [`IDENTITIES`].
const MEMBERS: [&str; 32] = [
    "client_name",
    "grant_types",
    "redirect_uris",
    "launch_urls",
    "scope",
    "resources",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "jwks",
    "jwks_uri",
    "tls_client_certificate_bound_access_tokens",
    "dpop_bound_access_tokens",
    "require_pushed_authorization_requests",
    "require_signed_request_object",
    "request_object_signing_alg",
    "authorization_signed_response_alg",
    "introspection_signed_response_alg",
    "userinfo_signed_response_alg",
    "id_token_signed_response_alg",
    "authorization_details_types",
    "post_logout_redirect_uris",
    "backchannel_logout_uri",
    "backchannel_logout_session_required",
    "subject_type",
    "sector_identifier_uri",
    "default_max_age",
    "require_auth_time",
    "default_acr_values",
    "contacts",
    "response_types",
    "client_id",
    "client_secret",
];

/// What an administrator says of a client, and the client never does.
const RESERVED: [&str; 7] = [
    "organization",
    "profile",
    "introspects",
    "clinician_consent",
    "refresh_token_max_days",
    "purpose_of_use",
    "trust_community",
];

/// What makes a client safer, and is never taken back by the client itself.
const RATCHETS: [&str; 4] = [
    "tls_client_certificate_bound_access_tokens",
    "dpop_bound_access_tokens",
    "require_pushed_authorization_requests",
    "require_signed_request_object",
];

/// Members that stay as they were when an update leaves them out: without them less would be signed, or told apart.
const LASTING: [&str; 4] = [
    "authorization_signed_response_alg",
    "request_object_signing_alg",
    "token_endpoint_auth_signing_alg",
    "subject_type",
];

/// Members that this server sets, and that an update must not carry (RFC 7592, 2.2).
const SERVERS_OWN: [&str; 4] = [
    "registration_access_token",
    "registration_client_uri",
    "client_secret_expires_at",
    "client_id_issued_at",
];

/// What stands around a registration by the client itself.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// What the client may be at most.
    pub allowance: &'a Allowance,
    /// The claims of its software statement, which win over what the client says (RFC 7591, 2.3).
    pub vouched: Option<&'a Map<String, Value>>,
    /// What it is called when it has no name (RFC 7591, 2, `client_name`).
    pub name: &'a str,
    /// Its registration until now, which this one replaces (RFC 7592, 2.2).
    pub before: Option<&'a ClientMetadata>,
}

/// Whether claims name software: its `software_id`, or metadata of a client. What tokens and assertions carry too
/// says nothing of that.
#[must_use]
pub fn names_software(claims: &Map<String, Value>) -> bool {
    const OF_TOKENS: [&str; 3] = ["client_id", "client_secret", "scope"];
    chosen(claims).keys().any(|name| !OF_TOKENS.contains(&name.as_str()))
}

/// Puts what a client asks for into the words of a registration; whether the whole is acceptable is judged as an
/// administrator's is.
pub fn translate(
    asked: &Map<String, Value>,
    around: &Around<'_>,
) -> Result<ClientMetadata, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let mut document = chosen(asked);
    document.extend(around.vouched.map(chosen).unwrap_or_default());
    let response_types = document.remove("response_types");
    for own in ["client_id", "client_secret"] {
        document.remove(own);
    }
    document.entry("client_name").or_insert_with(|| json!(around.name));
    document.entry("token_endpoint_auth_method").or_insert_with(|| json!("client_secret_basic"));
    document.entry("grant_types").or_insert_with(|| json!(["authorization_code"]));
    document.entry("resources").or_insert_with(|| json!(around.allowance.resources));
    let Allowance { grant_types, resources, authorization_details_types, .. } = around.allowance;
    for (name, allowed) in [
        ("grant_types", grant_types),
        ("resources", resources),
        ("authorization_details_types", authorization_details_types),
    ] {
        problems.extend(cut(&mut document, name, allowed));
    }
    problems.extend(scope(&mut document, &around.allowance.scope));
    problems.extend(answers(response_types.as_ref(), &document));
    problems.extend(reserve(&mut document, around));
    match ClientMetadata::parse(&document) {
        Ok(metadata) if problems.is_empty() => Ok(metadata),
        Ok(_) => Err(problems),
        Err(others) => Err(problems.into_iter().chain(others).collect()),
    }
}

/// Members that an update must not carry.
#[must_use]
pub fn not_for_updates(asked: &Map<String, Value>) -> Vec<FieldProblem> {
    let found = SERVERS_OWN.iter().filter(|name| asked.contains_key(**name));
    found.map(|name| problem(name, "is this server's to say, and must not be sent (RFC 7592, 2.2)")).collect()
}

/// What a client answers with, of which there is one (RFC 7591, 2.1).
#[must_use]
pub fn response_types(metadata: &ClientMetadata) -> &'static [&'static str] {
    let asks_people = metadata.grant_types.iter().any(|grant| grant == "authorization_code");
    if asks_people { &["code"] } else { &[] }
}

/// The members that mean something here. `null` says nothing.
fn chosen(asked: &Map<String, Value>) -> Map<String, Value> {
    let is_known =
        |name: &str| MEMBERS.contains(&name) || ABOUT.contains(&name) || IDENTITIES.contains(&name);
    let known = asked.iter().filter(|(name, value)| is_known(name) && !value.is_null());
    known.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Leaves out of a list what is not allowed (RFC 7591, 3.2.1: the answer tells). What is no list is left for whoever
/// reads it to refuse.
fn cut(document: &mut Map<String, Value>, name: &str, allowed: &[String]) -> Option<FieldProblem> {
    let list = document.get_mut(name)?.as_array_mut()?;
    let asked_any = !list.is_empty();
    // What is no text stays, to be refused as that.
    list.retain(|item| item.as_str().is_none_or(|text| allowed.iter().any(|allowed| allowed == text)));
    (asked_any && list.is_empty()).then(|| problem(name, "has nothing that whoever registers so may have"))
}

/// Narrows the scope to what is allowed; all of that when none is named.
fn scope(document: &mut Map<String, Value>, allowed: &ScopeSet) -> Option<FieldProblem> {
    let asked = match document.get("scope") {
        None => allowed.clone(),
        // What cannot be read is left for whoever reads it to refuse.
        Some(text) => text.as_str().and_then(|text| ScopeSet::parse(text).ok())?,
    };
    let granted = narrow(&asked, allowed).granted;
    if !asked.is_empty() && granted.is_empty() {
        return Some(problem("scope", "has nothing that whoever registers so may have"));
    }
    if granted.is_empty() {
        document.remove("scope");
    } else {
        document.insert("scope".to_owned(), json!(granted.to_string()));
    }
    None
}

/// `response_types` says the same as `grant_types` (RFC 7591, 2.1), and nothing but `code` is known here.
fn answers(response_types: Option<&Value>, document: &Map<String, Value>) -> Option<FieldProblem> {
    let response_types = response_types?;
    let Some(types) = response_types.as_array() else {
        return Some(problem("response_types", "must be a list of texts"));
    };
    let grants = document.get("grant_types").and_then(Value::as_array);
    let asks_people = grants.is_some_and(|grants| grants.iter().any(|grant| grant == "authorization_code"));
    match (types.as_slice(), asks_people) {
        ([one], true) if one == "code" => None,
        ([], false) => None,
        (_, true) => {
            Some(problem("response_types", "must be [code], the one that goes with authorization_code"))
        }
        (_, false) => Some(problem("response_types", "must be empty without the grant authorization_code")),
    }
}

/// Sets what is not the client's to say, and keeps what it cannot take back.
fn reserve(document: &mut Map<String, Value>, around: &Around<'_>) -> Vec<FieldProblem> {
    let Some(before) = around.before.map(ClientMetadata::to_json) else {
        document.insert("organization".to_owned(), json!(around.allowance.organization));
        document.insert("profile".to_owned(), json!(around.allowance.profile.as_str()));
        return Vec::new();
    };
    for name in RESERVED {
        if let Some(value) = before.get(name) {
            document.insert(name.to_owned(), value.clone());
        }
    }
    let raised = RATCHETS.iter().filter(|name| before.get(**name) == Some(&json!(true)));
    for name in LASTING {
        if let Some(value) = before.get(name) {
            document.entry(name).or_insert_with(|| value.clone());
        }
    }
    let mut problems = Vec::new();
    for name in raised {
        if document.get(*name) == Some(&json!(false)) {
            problems.push(problem(name, "is true, and only an administrator can take it back"));
        }
        document.entry(*name).or_insert(json!(true));
    }
    problems
}

fn problem(field: &str, says: &str) -> FieldProblem {
    FieldProblem { field: field.to_owned(), says: says.to_owned() }
}

#[cfg(test)]
mod tests;
