//! SMART scopes of version 2: `patient/Observation.rs?category=laboratory`.

use super::{Dialect, query};
use crate::scope::permission::{Interactions, Level, Permission, ResourceType};
use crate::scope::resource_types;
use crate::scope::token::ScopeToken;

/// `(patient|user|system)/(Type|*).[c][r][u][d][s]`, with optional search parameters.
pub struct SmartV2;

impl Dialect for SmartV2 {
    fn name(&self) -> &'static str {
        "smart_v2"
    }

    fn read(&self, token: &ScopeToken) -> Option<Permission> {
        let (path, filter) = match token.as_str().split_once('?') {
            None => (token.as_str(), std::collections::BTreeSet::new()),
            Some((path, parameters)) => (path, query::parse(parameters)?),
        };
        let (level, resource, letters) = parts(path)?;
        // All of the letters or nothing: a prefix of `.read` must not be read as `.r`.
        let interactions = Interactions::from_letters(letters)?;
        Some(Permission::Resource { level, resource, interactions, filter })
    }

    fn write(&self, permission: &Permission) -> Option<ScopeToken> {
        let Permission::Resource { level, resource, interactions, filter } = permission else { return None };
        let letters = interactions.letters();
        let path = format!("{}/{}.{letters}", level.as_str(), resource.as_str());
        let text = if filter.is_empty() { path } else { format!("{path}?{}", query::write(filter)) };
        let token = ScopeToken::parse(&text).ok()?;
        // What cannot be read back (an unknown type, two values of one parameter) is not written.
        (self.read(&token).as_ref() == Some(permission)).then_some(token)
    }
}

/// Level, resource type and what follows the dot: the frame that both versions share.
pub fn parts(text: &str) -> Option<(Level, ResourceType, &str)> {
    let (level, rest) = text.split_once('/')?;
    let (resource, actions) = rest.split_once('.')?;
    let resource = match resource {
        "*" => ResourceType::Any,
        name => ResourceType::Named(name.to_owned()),
    };
    is_known(&resource).then_some((Level::parse(level)?, resource, actions))
}

/// Whether the type is one a scope may name.
pub fn is_known(resource: &ResourceType) -> bool {
    match resource {
        ResourceType::Any => true,
        ResourceType::Named(name) => resource_types::is_known(name),
    }
}
