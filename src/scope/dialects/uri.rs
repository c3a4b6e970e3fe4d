//! The URI form of scopes (SMART App Launch, "Scopes as URIs"): a prefix before another notation.

use super::Dialect;
use super::openid::OpenId;
use super::smart_v1::SmartV1;
use super::smart_v2::SmartV2;
use crate::scope::permission::Permission;
use crate::scope::token::ScopeToken;

const OPENID_PREFIX: &str = "http://openid.net/specs/openid-connect-core-1_0#";
const SMART_PREFIX: &str = "http://smarthealthit.org/fhir/scopes/";

/// A notation whose tokens stand behind a prefix; the meaning is that of the token without it.
pub struct UriForm {
    name: &'static str,
    prefix: &'static str,
    inner: &'static dyn Dialect,
}

/// The scopes of OpenID Connect as URIs.
pub static OPENID: UriForm = UriForm { name: "openid_uri", prefix: OPENID_PREFIX, inner: &OpenId };
/// SMART's launch and identity scopes as URIs.
pub static SMART_CONTEXT: UriForm =
    UriForm { name: "smart_context_uri", prefix: SMART_PREFIX, inner: &OpenId };
/// SMART's resource scopes of version 2 as URIs.
pub static SMART_V2: UriForm = UriForm { name: "smart_v2_uri", prefix: SMART_PREFIX, inner: &SmartV2 };
/// SMART's resource scopes of version 1 as URIs.
pub static SMART_V1: UriForm = UriForm { name: "smart_v1_uri", prefix: SMART_PREFIX, inner: &SmartV1 };

/// Whether a URI is of this form, and so nobody else's to read.
pub fn is_reserved(text: &str) -> bool {
    prefix_of(text).is_some()
}

/// The prefix of this form that a text begins with.
pub fn prefix_of(text: &str) -> Option<&'static str> {
    [OPENID_PREFIX, SMART_PREFIX].into_iter().find(|prefix| text.starts_with(prefix))
}

impl Dialect for UriForm {
    fn name(&self) -> &'static str {
        self.name
    }

    fn read(&self, token: &ScopeToken) -> Option<Permission> {
        let rest = token.as_str().strip_prefix(self.prefix)?;
        self.inner.read(&ScopeToken::parse(rest).ok()?)
    }

    fn write(&self, permission: &Permission) -> Option<ScopeToken> {
        let token = self.inner.write(permission)?;
        ScopeToken::parse(&format!("{}{token}", self.prefix)).ok()
    }
}
