//! SMART scopes of version 1: `patient/Observation.read`.

use std::collections::BTreeSet;

use super::{Dialect, smart_v2};
use crate::scope::permission::{Interactions, Permission};
use crate::scope::token::ScopeToken;

/// The words of version 1 and what they mean in version 2 (SMART App Launch, scopes for v1).
const WORDS: [(&str, Interactions); 3] =
    [("read", Interactions::READ_SEARCH), ("write", Interactions::WRITE), ("*", Interactions::ALL)];

/// `(patient|user|system)/(Type|*).(read|write|*)`.
pub struct SmartV1;

impl Dialect for SmartV1 {
    fn name(&self) -> &'static str {
        "smart_v1"
    }

    fn read(&self, token: &ScopeToken) -> Option<Permission> {
        let (level, resource, word) = smart_v2::parts(token.as_str())?;
        let (_, interactions) = WORDS.iter().find(|(known, _)| *known == word)?;
        Some(Permission::Resource { level, resource, interactions: *interactions, filter: BTreeSet::new() })
    }

    fn write(&self, permission: &Permission) -> Option<ScopeToken> {
        let Permission::Resource { level, resource, interactions, filter } = permission else { return None };
        if !filter.is_empty() || !smart_v2::is_known(resource) {
            return None;
        }
        let (word, _) = WORDS.iter().find(|(_, meaning)| meaning == interactions)?;
        ScopeToken::parse(&format!("{}/{}.{word}", level.as_str(), resource.as_str())).ok()
    }
}
