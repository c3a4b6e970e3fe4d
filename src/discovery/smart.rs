//! The SMART configuration (SMART App Launch 2.2, conformance), at the issuer and for each FHIR server.

use serde_json::{Map, Value, json};

use crate::clients::methods::METHODS;
use crate::grants::GRANTS;
use crate::policy::{OWN_SCOPES, Strength};
use crate::protocol::error::Fault;
use crate::protocol::ids::ResourceName;
use crate::protocol::resource_metadata::{ResourceKind, ResourceMetadata};
use crate::scope::dialects::DIALECTS;
use crate::scope::token::ScopeToken;
use crate::store::{self, Db};

use super::endpoints::Addresses;
use super::oauth;

/// The document of the issuer itself.
#[must_use]
pub fn document(at: &Addresses) -> Map<String, Value> {
    let mut document = oauth::document(at);
    document.insert("capabilities".to_owned(), json!(capabilities()));
    document
}

/// The documents of the registered FHIR servers.
#[derive(Clone)]
pub struct FhirServers {
    db: Db,
}

impl FhirServers {
    /// The FHIR servers that stand in a database.
    #[must_use]
    pub const fn new(db: Db) -> Self {
        Self { db }
    }

    /// The document of one of them; `None` when there is none of that name.
    pub async fn document(
        &self,
        at: &Addresses,
        name: &ResourceName,
    ) -> Result<Option<Map<String, Value>>, Fault> {
        let resource = store::resource::find(&self.db, name).await?;
        let fhir = resource.filter(|resource| resource.metadata.kind == ResourceKind::Fhir);
        Ok(fhir.map(|resource| with_scopes(at, &resource.metadata)))
    }
}

fn with_scopes(at: &Addresses, resource: &ResourceMetadata) -> Map<String, Value> {
    let mut document = document(at);
    let scopes: Vec<&str> = resource.scope.iter().map(ScopeToken::as_str).chain(OWN_SCOPES).collect();
    document.insert("scopes_supported".to_owned(), json!(scopes));
    document
}

/// What this server can do, in the words of the standard.
fn capabilities() -> Vec<&'static str> {
    let has = |strength: Strength| METHODS.iter().any(|method| method.strength() == strength);
    let people = GRANTS.iter().any(|grant| grant.grant_type() == "authorization_code");
    let own = |scope: &str| OWN_SCOPES.contains(&scope);
    let reads = |dialect: &str| DIALECTS.iter().any(|known| known.name() == dialect);
    [
        ("launch-standalone", people),
        ("authorize-post", people),
        ("client-public", has(Strength::Named)),
        ("client-confidential-asymmetric", has(Strength::PrivateKey)),
        ("client-confidential-symmetric", has(Strength::SharedSecret)),
        ("sso-openid-connect", people && own("openid") && own("fhirUser")),
        ("context-standalone-patient", people && own("launch/patient")),
        ("permission-offline", people && own("offline_access")),
        ("permission-online", people && own("online_access")),
        ("permission-patient", people),
        ("permission-user", people),
        ("permission-v1", reads("smart_v1")),
        ("permission-v2", reads("smart_v2")),
    ]
    .into_iter()
    .filter_map(|(name, present)| present.then_some(name))
    .collect()
}
