//! What of a person is told to a client, and which of it the person has agreed to (OpenID Connect Core, 5).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::moment::{Timestamp, seconds};
use crate::protocol::standard_claims::{StandardClaims, of_scope, scope_of};
use crate::scope::narrow::holds;
use crate::scope::set::ScopeSet;

use super::person::{Person, Username};

/// The claim that is told as the FHIR server of the token knows it, and not from here.
pub const FHIR_USER: &str = "fhirUser";

/// What could be told of a person.
#[derive(Clone, Debug)]
pub struct Identity {
    username: Username,
    name: Option<String>,
    claims: StandardClaims,
    updated_at: Timestamp,
}

impl From<&Person> for Identity {
    fn from(person: &Person) -> Self {
        Self {
            username: person.username.clone(),
            name: person.name.clone(),
            claims: person.claims.clone(),
            updated_at: person.updated_at,
        }
    }
}

impl Identity {
    /// The claims of these that there are.
    pub fn tell<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Map<String, Value> {
        let told = names.into_iter().filter_map(|name| Some((name.to_owned(), self.claim(name)?)));
        told.collect()
    }

    fn claim(&self, name: &str) -> Option<Value> {
        match name {
            "name" => self.name.as_ref().map(|name| json!(name)),
            "preferred_username" => Some(json!(self.username.as_str())),
            "updated_at" => Some(json!(seconds(self.updated_at))),
            other => self.claims.find(other).cloned(),
        }
    }
}

/// The claims that a client asked for one by one, where it wants them, and which of those that its scopes do not
/// cover the person has agreed to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AskedClaims {
    /// What is wanted in the id token.
    pub id_token: Vec<String>,
    /// What is wanted of userinfo.
    pub userinfo: Vec<String>,
    /// What was agreed to one by one.
    pub agreed: Vec<String>,
}

impl AskedClaims {
    /// Whether nothing was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.id_token.is_empty() && self.userinfo.is_empty()
    }

    /// What the id token tells of the person: what was asked for there, and no more.
    #[must_use]
    pub fn for_id_token<'a>(&'a self, scope: &'a ScopeSet, registered: &'a ScopeSet) -> BTreeSet<&'a str> {
        self.given(&self.id_token, (scope, registered)).collect()
    }

    /// What userinfo tells of the person: what the scopes ask for, and what was asked for one by one.
    #[must_use]
    pub fn for_userinfo<'a>(&'a self, scope: &'a ScopeSet, registered: &'a ScopeSet) -> BTreeSet<&'a str> {
        let of_scopes = ["profile", "email", "address", "phone", FHIR_USER];
        let of_scopes = of_scopes.into_iter().filter(|name| holds(scope, name)).flat_map(of_scope);
        let mut told: BTreeSet<&'a str> = of_scopes.collect();
        told.extend(self.given(&self.userinfo, (scope, registered)));
        told
    }

    /// What was agreed to one by one is told as long as the client is registered for the scope that it belongs to.
    fn given<'a>(
        &'a self,
        asked: &'a [String],
        (scope, registered): (&'a ScopeSet, &'a ScopeSet),
    ) -> impl Iterator<Item = &'a str> {
        let may = move |name: &&String| {
            is_covered(name, scope) || (self.agreed.contains(name) && is_covered(name, registered))
        };
        asked.iter().filter(may).map(String::as_str)
    }
}

/// Whether a claim is among those that scopes ask for.
#[must_use]
pub fn is_covered(claim: &str, scope: &ScopeSet) -> bool {
    scope_of(claim).is_some_and(|of| holds(scope, of))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> ScopeSet {
        ScopeSet::parse(text).unwrap()
    }

    #[test]
    fn nothing_is_told_but_what_was_granted() {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let asked = AskedClaims {
            id_token: texts(&["email", "name"]),
            userinfo: texts(&["phone_number", "nickname"]),
            agreed: texts(&["phone_number"]),
        };
        let all = scope("openid profile email phone address");
        assert!(asked.for_id_token(&scope("openid"), &all).is_empty());
        // A registration that is narrowed ends what was agreed to one by one.
        assert!(asked.for_userinfo(&scope("openid"), &scope("openid profile")).is_empty());
        assert_eq!(asked.for_id_token(&scope("openid email"), &all), BTreeSet::from(["email"]));
        assert_eq!(asked.for_userinfo(&scope("openid"), &all), BTreeSet::from(["phone_number"]));
        let of_email = BTreeSet::from(["email", "email_verified", "phone_number"]);
        assert_eq!(asked.for_userinfo(&scope("openid email"), &all), of_email);
        assert!(asked.for_userinfo(&scope("openid profile"), &all).contains("nickname"));
        let plain = AskedClaims::default();
        assert!(plain.for_id_token(&scope("openid profile email"), &all).is_empty() && plain.is_empty());
    }
}
