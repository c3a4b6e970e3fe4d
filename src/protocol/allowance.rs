//! What a client may be at most that registers itself: said by an administrator beforehand.

use serde_json::{Map, Value, json};

use crate::scope::set::ScopeSet;

use super::client_metadata::{ClientMetadata, Keys, Profile, resource_url, short, word};
use super::error::FieldProblem;
use super::fields::Fields;

/// The grants of an app, where nothing else is said.
const USUAL_GRANTS: [&str; 2] = ["authorization_code", "refresh_token"];

/// What a client may be at most that registers itself.
#[derive(Clone, Debug)]
pub struct Allowance {
    /// The organization that answers for it.
    pub organization: String,
    /// Which standard decides where they conflict.
    pub profile: Profile,
    /// The grants it may use.
    pub grant_types: Vec<String>,
    /// The scopes it may be granted.
    pub scope: ScopeSet,
    /// The URLs of the resource servers it may get tokens for.
    pub resources: Vec<String>,
    /// The types of rich authorization requests it may make (RFC 9396, 10).
    pub authorization_details_types: Vec<String>,
}

/// What an administrator says of whoever may have an initial access token (RFC 7591, 1.2).
#[derive(Clone, Debug)]
pub struct Invitation {
    /// What a client may be at most.
    pub allowance: Allowance,
    /// How many clients may register with it.
    pub registrations: i64,
    /// For how many seconds.
    pub seconds: i64,
    /// Whom it is for.
    pub note: Option<String>,
}

/// What an administrator says of an issuer of software statements (RFC 7591, 2.3).
#[derive(Clone, Debug)]
pub struct StatementIssuerMetadata {
    /// Its name, as `iss` of its statements.
    pub issuer: String,
    /// Where its keys come from.
    pub keys: Keys,
    /// How many clients may register by its statements on one day.
    pub per_day: i64,
    /// What a client may be at most.
    pub allowance: Allowance,
}

impl Allowance {
    fn read(fields: &mut Fields<'_>) -> Self {
        if fields.value("organization").is_none() {
            fields.problem("organization", "is required: who answers for the clients");
        }
        let mut grant_types = fields.list("grant_types", word);
        if fields.value("grant_types").is_none() {
            grant_types = USUAL_GRANTS.map(str::to_owned).to_vec();
        }
        Self {
            organization: fields.parsed("organization", short).unwrap_or_default(),
            profile: fields.parsed("profile", Profile::parse).unwrap_or(Profile::Smart),
            grant_types,
            scope: fields.parsed("scope", ScopeSet::parse).unwrap_or_default(),
            resources: fields.list("resources", resource_url),
            authorization_details_types: fields.list("authorization_details_types", short),
        }
    }

    /// Reads an allowance.
    pub fn parse(object: &Map<String, Value>) -> Result<Self, Vec<FieldProblem>> {
        let mut fields = Fields::of(object);
        let allowance = Self::read(&mut fields);
        finished(fields, allowance)
    }

    /// The allowance as JSON; [`Self::parse`] reads it back.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let mut object = Map::from_iter([
            ("organization".to_owned(), json!(self.organization)),
            ("profile".to_owned(), json!(self.profile.as_str())),
            ("grant_types".to_owned(), json!(self.grant_types)),
            ("resources".to_owned(), json!(self.resources)),
            ("authorization_details_types".to_owned(), json!(self.authorization_details_types)),
        ]);
        if !self.scope.is_empty() {
            object.insert("scope".to_owned(), json!(self.scope.to_string()));
        }
        object
    }

    /// What a registration is, as the most that its client may make of itself.
    #[must_use]
    pub fn of(metadata: &ClientMetadata) -> Self {
        Self {
            organization: metadata.organization.clone(),
            profile: metadata.profile,
            grant_types: metadata.grant_types.clone(),
            scope: metadata.scope.clone(),
            resources: metadata.resources.clone(),
            authorization_details_types: metadata.authorization_details_types.clone(),
        }
    }
}

impl Invitation {
    /// Reads what an administrator says.
    pub fn parse(object: &Map<String, Value>) -> Result<Self, Vec<FieldProblem>> {
        let mut fields = Fields::of(object);
        let invitation = Self {
            allowance: Allowance::read(&mut fields),
            registrations: fields.number("registrations", 1..=10_000).unwrap_or(1),
            seconds: fields.number("expires_in", 60..=31_536_000).unwrap_or(86_400),
            note: fields.parsed("note", short),
        };
        finished(fields, invitation)
    }
}

impl StatementIssuerMetadata {
    /// Reads what an administrator says.
    pub fn parse(object: &Map<String, Value>) -> Result<Self, Vec<FieldProblem>> {
        let mut fields = Fields::of(object);
        if fields.value("issuer").is_none() {
            fields.problem("issuer", "is required: the iss of its statements");
        }
        let metadata = Self {
            issuer: fields.parsed("issuer", short).unwrap_or_default(),
            keys: Keys::read(&mut fields),
            per_day: fields.number("registrations_per_day", 1..=100_000).unwrap_or(100),
            allowance: Allowance::read(&mut fields),
        };
        if matches!(metadata.keys, Keys::None) && fields.value("jwks").is_none() {
            fields.problem("jwks", "is required, or a jwks_uri: by what its statements are known");
        }
        finished(fields, metadata)
    }

    /// What an administrator says as JSON; [`Self::parse`] reads it back.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let mut object = self.allowance.to_json();
        object.insert("issuer".to_owned(), json!(self.issuer));
        object.insert("registrations_per_day".to_owned(), json!(self.per_day));
        match &self.keys {
            Keys::None => None,
            Keys::Inline(set) => object.insert("jwks".to_owned(), set.to_json()),
            Keys::At(uri) => object.insert("jwks_uri".to_owned(), json!(uri)),
        };
        object
    }
}

fn finished<T>(fields: Fields<'_>, read: T) -> Result<T, Vec<FieldProblem>> {
    let problems = fields.finish();
    if problems.is_empty() { Ok(read) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(problems: Vec<FieldProblem>) -> Vec<String> {
        problems.into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn an_allowance_is_read_back_as_it_was_written() {
        let document =
            json!({"organization": "Acme", "scope": "patient/*.rs", "resources": ["https://f.example"]});
        let first = Allowance::parse(document.as_object().unwrap()).unwrap().to_json();
        assert_eq!(first["grant_types"], json!(USUAL_GRANTS));
        assert_eq!(Allowance::parse(&first).unwrap().to_json(), first);
        let none = json!({"organization": "Acme", "grant_types": []});
        assert!(Allowance::parse(none.as_object().unwrap()).unwrap().grant_types.is_empty());
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let found = Invitation::parse(json!({"registrations": 0, "token": "x"}).as_object().unwrap());
        assert_eq!(fields(found.unwrap_err()), ["organization", "registrations", "token"]);
        let found = StatementIssuerMetadata::parse(json!({"organization": "a"}).as_object().unwrap());
        assert_eq!(fields(found.unwrap_err()), ["issuer", "jwks"]);
    }
}
