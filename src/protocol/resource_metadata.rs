//! The registration of a resource server, such as a FHIR server.

mod capabilities;
mod members;

use serde_json::{Map, Value, json};
use time::Duration;

use crate::jose::algorithm::Algorithm;
use crate::scope::set::ScopeSet;

use super::client_metadata::resource_url;
use super::error::FieldProblem;
use super::fields::Fields;
use super::ids::ClientId;

/// The longest that anything may live which this server signs, whoever it is for.
pub const LONGEST_TOKEN: Duration = Duration::hours(1);

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

/// Where the patients of a FHIR server are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatientSource {
    /// In the relationships of people that are registered here.
    Registered,
    /// By a search on the FHIR server itself.
    Search {
        /// The search parameter of Patient that takes a reference to a practitioner, and so tells whose
        /// patients are found, such as `general-practitioner`; every patient is found without it.
        restricted_by: Option<String>,
    },
}

/// Which organization of a brand bundle stands for the FHIR server (User-access Brands).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrandIdentifier {
    /// The namespace of the value.
    pub system: Option<String>,
    /// What stands in `Organization.identifier`.
    pub value: String,
}

/// Another endpoint that shares the FHIR server's way of authorization (SMART App Launch 2.2, conformance).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssociatedEndpoint {
    /// Where it is.
    pub url: String,
    /// What it can do.
    pub capabilities: Vec<String>,
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
    /// What a request may name instead of the URL; the token's `aud` is the URL all the same.
    pub audiences: Vec<String>,
    /// The clients that may introspect its tokens, beside those whose own registration says so.
    pub introspection_clients: Vec<ClientId>,
    /// Which of this server's SMART capabilities hold for it, and URIs of the registrant's own; all of this
    /// server's when absent.
    pub capabilities: Option<Vec<String>>,
    /// Where the brands of the organizations stand that offer it.
    pub user_access_brand_bundle: Option<String>,
    /// Which of those brands is its own.
    pub user_access_brand_identifier: Option<BrandIdentifier>,
    /// Where apps find the colours and sizes of the page that they are shown in.
    pub smart_style_url: Option<String>,
    /// Endpoints that share its way of authorization.
    pub associated_endpoints: Vec<AssociatedEndpoint>,
    /// Where its patients are found.
    pub patients: PatientSource,
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
            token_seconds: fields.number("token_seconds", 30..=LONGEST_TOKEN.whole_seconds()),
            audiences: fields.list("audiences", resource_url),
            introspection_clients: fields.list("introspection_clients", members::client),
            capabilities: members::capabilities(&mut fields),
            user_access_brand_bundle: fields.parsed("user_access_brand_bundle", members::https),
            user_access_brand_identifier: members::brand(&mut fields),
            smart_style_url: fields.parsed("smart_style_url", members::https),
            associated_endpoints: members::associated(&mut fields),
            patients: members::patients(&mut fields),
        };
        metadata.agree(&mut fields);
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
        members::write(self, &mut object);
        object
    }

    /// Whether a request that names this text means the resource server: compared byte for byte.
    #[must_use]
    pub fn answers_to(&self, audience: &str) -> bool {
        self.url == audience || self.audiences.iter().any(|further| further == audience)
    }

    /// Whether a SMART capability holds here, with one that it rests on; whether this server has it is another
    /// question.
    #[must_use]
    pub fn has_capability(&self, name: &str) -> bool {
        let Some(registered) = &self.capabilities else { return true };
        let foundations = capabilities::foundations(name);
        registered.iter().any(|capability| capability == name)
            && (foundations.is_empty() || foundations.iter().any(|below| self.has_capability(below)))
    }

    /// The capabilities of the registration that cannot hold, by their places, each with those of which it needs
    /// one.
    pub fn unfounded_capabilities(&self) -> impl Iterator<Item = (usize, &'static [&'static str])> + '_ {
        let registered = self.capabilities.iter().flatten().enumerate();
        let unfounded = registered.filter(|(_, capability)| !self.has_capability(capability));
        unfounded.map(|(index, capability)| (index, capabilities::foundations(capability)))
    }

    /// Notes what is wrong with members beside each other.
    fn agree(&self, fields: &mut Fields<'_>) {
        for (index, further) in self.audiences.iter().enumerate() {
            if *further == self.url {
                fields.problem(format!("audiences[{index}]"), "is the url itself");
            }
        }
        if self.user_access_brand_identifier.is_some() && self.user_access_brand_bundle.is_none() {
            fields.problem(
                "user_access_brand_identifier",
                "needs user_access_brand_bundle, in which it stands",
            );
        }
        if self.kind == ResourceKind::Api {
            if self.patients != PatientSource::Registered {
                fields.problem("patients", "is of a FHIR server");
            }
            for name in members::OF_FHIR_SERVERS {
                if fields.value(name).is_some() {
                    fields.problem(name, "is of a FHIR server");
                }
            }
        }
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
mod tests;
