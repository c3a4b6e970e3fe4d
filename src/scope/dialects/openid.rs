//! Scopes about the person and the session: OpenID Connect Core, 5.4 and 11; SMART launch context.

use super::{Dialect, query};
use crate::scope::permission::Permission;
use crate::scope::resource_types;
use crate::scope::token::ScopeToken;

const NAMES: &[&str] = &[
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "fhirUser",
    "launch",
    "offline_access",
    "online_access",
];

/// `openid`, `fhirUser`, `launch/patient`, `offline_access` and their like.
pub struct OpenId;

impl Dialect for OpenId {
    fn name(&self) -> &'static str {
        "openid"
    }

    fn read(&self, token: &ScopeToken) -> Option<Permission> {
        let text = token.as_str();
        let known = NAMES.contains(&text) || text.strip_prefix("launch/").is_some_and(is_context);
        known.then(|| Permission::Named(text.to_owned()))
    }

    fn write(&self, permission: &Permission) -> Option<ScopeToken> {
        super::plain::by_name(self, permission)
    }
}

/// `patient`, `encounter` or another type, with one optional `?role=`.
fn is_context(text: &str) -> bool {
    match text.split_once('?') {
        None => resource_types::is_known_in_lower_case(text),
        Some((resource, role)) => {
            resource_types::is_known_in_lower_case(resource)
                && role.strip_prefix("role=").and_then(query::decode).is_some()
        }
    }
}
