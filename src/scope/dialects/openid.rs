//! Scopes about the person and the session: OpenID Connect Core, 5.4 and 11; SMART launch context.

use super::{Dialect, query};
use crate::scope::permission::Permission;
use crate::scope::resource_types;
use crate::scope::token::ScopeToken;

/// The names that stand alone.
pub const NAMES: &[&str] = &[
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
        let name = if NAMES.contains(&text) { text } else { context(text)? };
        Some(Permission::Named(name.to_owned()))
    }

    fn write(&self, permission: &Permission) -> Option<ScopeToken> {
        super::plain::by_name(self, permission)
    }
}

/// The context that a scope asks for: `launch/patient`, `launch/encounter` or that of another type. A `?role=` says
/// what it is for; whoever does not know the role gives the context of that type all the same (SMART App Launch
/// 2.2, launch context), so that it is no part of the meaning.
fn context(text: &str) -> Option<&str> {
    let (name, role) = match text.split_once('?') {
        None => (text, None),
        Some((name, parameter)) => (name, Some(parameter.strip_prefix("role=")?)),
    };
    let is_role = role.is_none_or(|role| query::decode(role).is_some());
    (is_role && resource_types::is_known_in_lower_case(name.strip_prefix("launch/")?)).then_some(name)
}
