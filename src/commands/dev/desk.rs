//! What the sandbox's pages are told, out of the fixtures.

use serde_json::{Map, Value, json};

use crate::config::issuer::BaseUrl;
use crate::discovery::endpoints;
use crate::protocol::secret::Secret;
use crate::sandbox::desk::Desk;

use super::Options;
use super::files::Files;
use super::welcome::{from_here, program};

/// The one that administers needs a certificate, which no page has, and could change the server.
const WITHHELD: [&str; 2] = ["admin-cli", "admin"];

/// The address that opens the sandbox in a browser.
#[must_use]
pub fn address(issuer: &BaseUrl, key: &str) -> String {
    issuer.join(&format!("/sandbox?key={key}"))
}

/// The key in such an address, as it stands in fixtures.
#[must_use]
pub fn key(fixtures: &Value) -> Option<&str> {
    let (_, key) = fixtures.get("sandbox")?.as_str()?.split_once("/sandbox?key=")?;
    let is_sign = |sign: u8| sign.is_ascii_alphanumeric() || b"-_".contains(&sign);
    (key.len() == KEY_LENGTH && key.bytes().all(is_sign)).then_some(key)
}

/// 32 bytes in base64url.
const KEY_LENGTH: usize = 43;

/// The desk for these fixtures; without their key no browser can open it.
#[must_use]
pub fn of(options: &Options, files: &Files, fixtures: &Value) -> Option<Desk> {
    let key = Secret::new(key(fixtures)?.to_owned());
    let issuer = &options.issuer;
    let named = |member: &str| fixtures.get(member).cloned().unwrap_or_default();
    let is_told = |name: Option<&str>| name.is_some_and(|name| !WITHHELD.contains(&name));
    let users: Vec<Value> = match named("users") {
        Value::Array(users) => {
            users.into_iter().filter(|user| is_told(user.get("username").and_then(Value::as_str))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Vec::new(),
    };
    let clients: Map<String, Value> = fixtures
        .get("clients")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(|(name, _)| is_told(Some(name)))
        .map(|(name, client)| (name.clone(), client.clone()))
        .collect();
    let document = json!({
        "issuer": issuer.as_str(),
        "mtls": named("mtls"),
        "fhir": named("fhir"),
        "authorization_endpoint": issuer.join(endpoints::AUTHORIZE),
        "token_endpoint": issuer.join(endpoints::TOKEN),
        "introspection_endpoint": issuer.join(endpoints::INTROSPECTION),
        "revocation_endpoint": issuer.join(endpoints::REVOCATION),
        "userinfo_endpoint": issuer.join(endpoints::USERINFO),
        "jwks_uri": issuer.join(endpoints::JWKS),
        "logout": issuer.join(endpoints::LOGOUT),
        "launch_endpoint": issuer.join("/launch"),
        "folder": from_here(&files.path("")),
        "program": program(),
        "users": users,
        "clients": clients,
    });
    Some(Desk::new(document, key))
}
