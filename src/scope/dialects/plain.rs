//! Every other scope that was clearly named on purpose; it means itself and nothing else.

use super::openid::OpenId;
use super::{Dialect, uri};
use crate::scope::permission::Permission;
use crate::scope::token::ScopeToken;

/// `launch.write`, `admin/clients.read`, `https://example.org/scopes/reports`.
pub struct Plain;

impl Dialect for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn read(&self, token: &ScopeToken) -> Option<Permission> {
        let text = token.as_str();
        let named = if text.contains(':') {
            is_uri(text) && !uri::is_reserved(text)
        } else {
            OpenId.read(token).is_none() && is_name(text)
        };
        named.then(|| Permission::Named(text.to_owned()))
    }

    fn write(&self, permission: &Permission) -> Option<ScopeToken> {
        by_name(self, permission)
    }
}

/// A name written as itself, when the dialect would read it back as the same.
pub fn by_name(dialect: &dyn Dialect, permission: &Permission) -> Option<ScopeToken> {
    let Permission::Named(name) = permission else { return None };
    let token = ScopeToken::parse(name).ok()?;
    (dialect.read(&token).as_ref() == Some(permission)).then_some(token)
}

/// `word(.word)*`, or `word/word.word` where the first word is no level of SMART.
fn is_name(text: &str) -> bool {
    match text.split_once('/') {
        None => text.split('.').all(is_word),
        Some((collection, rest)) => {
            // In any letter case, lest a resource server that ignores case reads a level into it.
            let smart = ["patient", "user", "system", "launch"]
                .iter()
                .any(|word| collection.eq_ignore_ascii_case(word));
            let two_words = rest.split_once('.').is_some_and(|(left, right)| is_word(left) && is_word(right));
            !smart && is_word(collection) && two_words
        }
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// An absolute `https` or `http` URI with a host and without user information.
fn is_uri(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let host_only = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    !host.is_empty() && host_only && port.bytes().all(|byte| byte.is_ascii_digit())
}
