//! The registration of a trusted issuer: whose word about a person is taken for a token (RFC 7523, 2.1).

use serde_json::{Map, Value, json};

use super::client_metadata::{Keys, resource_url};
use super::error::FieldProblem;
use super::fields::Fields;
use super::ids::ClientId;

/// How far ahead an assertion may expire at most, in seconds.
const MOST_SECONDS: i64 = 300;

/// What an issuer calls a person by, in `sub`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// By the name that the person signs in with here.
    Username,
    /// By the `sub` that the person has here.
    Subject,
}

impl Naming {
    /// The word in registrations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Subject => "subject",
        }
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        [Self::Username, Self::Subject]
            .into_iter()
            .find(|naming| naming.as_str() == text)
            .ok_or("must be username or subject")
    }
}

/// What the registration of a trusted issuer says.
#[derive(Clone, Debug)]
pub struct TrustedIssuerMetadata {
    /// What stands in `iss`, byte for byte.
    pub issuer: String,
    /// Where its public keys come from.
    pub keys: Keys,
    /// The clients that may show its assertions.
    pub clients: Vec<ClientId>,
    /// What it calls people by.
    pub naming: Naming,
    /// How far ahead its assertions may expire, in seconds.
    pub assertion_seconds: i64,
}

impl TrustedIssuerMetadata {
    /// Reads a registration; the error names every member that is wrong or unknown.
    pub fn parse(object: &Map<String, Value>) -> Result<Self, Vec<FieldProblem>> {
        let mut fields = Fields::of(object);
        for name in ["issuer", "subject_is"] {
            if fields.value(name).is_none() {
                fields.problem(name, "is required");
            }
        }
        let metadata = Self {
            issuer: fields.parsed("issuer", resource_url).unwrap_or_default(),
            keys: Keys::read(&mut fields),
            clients: fields.list("clients", |text| ClientId::parse(text).ok_or("is not a client_id")),
            naming: fields.parsed("subject_is", Naming::parse).unwrap_or(Naming::Subject),
            assertion_seconds: fields.number("assertion_seconds", 30..=MOST_SECONDS).unwrap_or(MOST_SECONDS),
        };
        if matches!(metadata.keys, Keys::None) && object.get("jwks").is_none_or(Value::is_null) {
            fields.problem("jwks", "is required, or jwks_uri");
        }
        let problems = fields.finish();
        if problems.is_empty() { Ok(metadata) } else { Err(problems) }
    }

    /// The registration as JSON; [`Self::parse`] reads it back.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let clients: Vec<&str> = self.clients.iter().map(ClientId::as_str).collect();
        let mut object = Map::from_iter([
            ("issuer".to_owned(), json!(self.issuer)),
            ("clients".to_owned(), json!(clients)),
            ("subject_is".to_owned(), json!(self.naming.as_str())),
            ("assertion_seconds".to_owned(), json!(self.assertion_seconds)),
        ]);
        match &self.keys {
            Keys::None => None,
            Keys::Inline(keys) => object.insert("jwks".to_owned(), keys.to_json()),
            Keys::At(uri) => object.insert("jwks_uri".to_owned(), json!(uri)),
        };
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(document: &Value) -> Vec<String> {
        let found = TrustedIssuerMetadata::parse(document.as_object().unwrap()).unwrap_err();
        found.into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn a_registration_is_read_and_written() {
        let document = json!({"issuer": "https://idp.example", "jwks_uri": "https://idp.example/jwks",
            "clients": ["app"], "subject_is": "username", "assertion_seconds": 60});
        let parsed = TrustedIssuerMetadata::parse(document.as_object().unwrap()).unwrap();
        assert_eq!(Value::Object(parsed.to_json()), document);
        assert_eq!(parsed.naming, Naming::Username);
    }

    #[test]
    fn everything_that_is_wrong_is_named() {
        assert_eq!(problems(&json!({})), ["issuer", "subject_is", "jwks"]);
        let document = json!({"issuer": "http://idp.example", "jwks": {"keys": [{"kty": "oct", "k": "x"}]},
            "clients": ["a b"], "subject_is": "email", "assertion_seconds": 301, "trusted": true});
        let mut found = problems(&document);
        found.sort();
        assert_eq!(found, ["assertion_seconds", "clients[0]", "issuer", "jwks", "subject_is", "trusted"]);
    }
}
