//! The notations in which permissions are asked for. A token has one reader or none.

pub mod openid;
pub mod plain;
pub mod query;
pub mod smart_v1;
pub mod smart_v2;
pub mod uri;

use super::permission::Permission;
use super::token::ScopeToken;

/// One notation.
pub trait Dialect: Sync {
    /// The name under which logs and documents speak of it.
    fn name(&self) -> &'static str;
    /// What the token means, if it is of this notation.
    fn read(&self, token: &ScopeToken) -> Option<Permission>;
    /// The one canonical way to write the permission, if this notation can say exactly that.
    fn write(&self, permission: &Permission) -> Option<ScopeToken>;
}

/// Every notation that is understood.
pub static DIALECTS: &[&dyn Dialect] = &[
    &openid::OpenId,
    &smart_v2::SmartV2,
    &smart_v1::SmartV1,
    &plain::Plain,
    &uri::OPENID,
    &uri::SMART_CONTEXT,
    &uri::SMART_V2,
    &uri::SMART_V1,
];

/// What a token means, and the notation it is written in.
pub fn read(token: &ScopeToken) -> Option<(Permission, &'static dyn Dialect)> {
    DIALECTS.iter().find_map(|dialect| dialect.read(token).map(|permission| (permission, *dialect)))
}
