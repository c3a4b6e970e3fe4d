//! The registration of a resource server, such as a FHIR server.

use serde_json::{Map, Value, json};

use crate::jose::algorithm::Algorithm;
use crate::scope::set::ScopeSet;

use super::client_metadata::resource_url;
use super::error::FieldProblem;
use super::fields::Fields;

/// What kind of API the resource server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// A FHIR server: it has a SMART configuration of its own.
    Fhir,
    /// Any other API.
    Api,
}

/// How access tokens for the resource server are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFormat {
    /// A JWT that it can check by itself (RFC 9068).
    Jwt,
    /// A random text that only introspection explains (RFC 7662).
    Opaque,
}

/// What the registration of a resource server says.
#[derive(Clone, Debug)]
pub struct ResourceMetadata {
    /// The name that people read.
    pub title: String,
    /// What stands in `aud`: the FHIR base URL.
    pub url: String,
    /// What kind of API it has.
    pub kind: ResourceKind,
    /// The scopes that can be granted for it.
    pub scope: ScopeSet,
    /// How its access tokens are written.
    pub token_format: TokenFormat,
    /// The algorithm of its JWTs: ES256, or RS256 for what cannot read that.
    pub token_signing_alg: Algorithm,
    /// How long its access tokens live, in seconds, when less than the server's setting.
    pub token_seconds: Option<i64>,
}

impl ResourceMetadata {
    /// Reads a registration; the error names every member that is wrong or unknown.
    pub fn parse(object: &Map<String, Value>) -> Result<Self, Vec<FieldProblem>> {
        let mut fields = Fields::of(object);
        for name in ["title", "url", "scope"] {
            if fields.value(name).is_none() {
                fields.problem(name, "is required");
            }
        }
        let metadata = Self {
            title: fields.text("title").unwrap_or_default().to_owned(),
            url: fields.parsed("url", resource_url).unwrap_or_default(),
            kind: fields.parsed("kind", kind).unwrap_or(ResourceKind::Fhir),
            scope: fields.parsed("scope", ScopeSet::parse).unwrap_or_default(),
            token_format: fields.parsed("token_format", format).unwrap_or(TokenFormat::Jwt),
            token_signing_alg: fields.parsed("token_signing_alg", algorithm).unwrap_or(Algorithm::Es256),
            token_seconds: fields.number("token_seconds", 30..=3600),
        };
        let problems = fields.finish();
        if problems.is_empty() { Ok(metadata) } else { Err(problems) }
    }

    /// The registration as JSON; [`Self::parse`] reads it back.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("title".to_owned(), json!(self.title));
        object.insert("url".to_owned(), json!(self.url));
        object.insert("kind".to_owned(), json!(self.kind.as_str()));
        object.insert("scope".to_owned(), json!(self.scope.to_string()));
        object.insert("token_format".to_owned(), json!(self.token_format.as_str()));
        object.insert("token_signing_alg".to_owned(), json!(self.token_signing_alg.as_str()));
        if let Some(seconds) = self.token_seconds {
            object.insert("token_seconds".to_owned(), json!(seconds));
        }
        object
    }
}

impl ResourceKind {
    /// The word in registrations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fhir => "fhir",
            Self::Api => "api",
        }
    }
}

impl TokenFormat {
    /// The word in registrations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Opaque => "opaque",
        }
    }
}

fn kind(text: &str) -> Result<ResourceKind, &'static str> {
    match text {
        "fhir" => Ok(ResourceKind::Fhir),
        "api" => Ok(ResourceKind::Api),
        _ => Err("must be fhir or api"),
    }
}

fn format(text: &str) -> Result<TokenFormat, &'static str> {
    match text {
        "jwt" => Ok(TokenFormat::Jwt),
        "opaque" => Ok(TokenFormat::Opaque),
        _ => Err("must be jwt or opaque"),
    }
}

fn algorithm(text: &str) -> Result<Algorithm, &'static str> {
    match Algorithm::parse(text) {
        Some(found @ (Algorithm::Es256 | Algorithm::Rs256)) => Ok(found),
        _ => Err("must be ES256 or RS256"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_is_read_back_as_it_was_written() {
        let value = json!({"title": "FHIR", "url": "https://fhir.example/r4", "scope": "system/*.cruds",
            "token_format": "opaque", "token_signing_alg": "RS256", "token_seconds": 60});
        let first = ResourceMetadata::parse(value.as_object().unwrap()).unwrap().to_json();
        assert_eq!(ResourceMetadata::parse(&first).unwrap().to_json(), first);
    }

    #[test]
    fn each_member_that_is_wrong_is_named() {
        let value = json!({"title": 1, "url": "http://x", "scope": "", "kind": "soap", "token_format": "saml",
            "token_signing_alg": "ES384", "token_seconds": 3601, "extra": 1});
        let problems = ResourceMetadata::parse(value.as_object().unwrap()).err().unwrap();
        let named: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(
            named,
            ["title", "url", "kind", "scope", "token_format", "token_signing_alg", "token_seconds", "extra"]
        );
    }
}
