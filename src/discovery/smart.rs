//! The SMART configuration (SMART App Launch 2.2, conformance), at the issuer and for each FHIR server.

use serde_json::{Map, Value, json};

use crate::config::features::Features;
use crate::model::device_code;
use crate::policy::supported_scopes;
use crate::protocol::error::Fault;
use crate::protocol::ids::ResourceName;
use crate::protocol::resource_metadata::{ResourceKind, ResourceMetadata};
use crate::scope::token::ScopeToken;
use crate::store::{self, Db};

use super::capabilities;
use super::details::DetailsTypes;
use super::endpoints::{ACCOUNT, Addresses};
use super::oauth;

/// The grants that need no person who has agreed: back-ends get tokens, and exchange them.
const PERSONLESS: [&str; 2] = ["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"];

/// The document of the issuer itself.
#[must_use]
pub fn document(at: &Addresses, features: &Features) -> Map<String, Value> {
    let mut document = oauth::document(at, features);
    document.insert("management_endpoint".to_owned(), json!(at.issuer.join(ACCOUNT)));
    document.insert("capabilities".to_owned(), json!(capabilities::of_server()));
    document
}

/// The documents of the registered FHIR servers.
#[derive(Clone)]
pub struct FhirServers {
    db: Db,
    types: DetailsTypes,
}

impl FhirServers {
    /// The FHIR servers that stand in a database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { types: DetailsTypes::new(db.clone()), db }
    }

    /// The document of one of them; `None` when there is none of that name.
    pub async fn document(
        &self,
        (at, features): (&Addresses, &Features),
        name: &ResourceName,
    ) -> Result<Option<Map<String, Value>>, Fault> {
        let resource = store::resource::find(&self.db, name).await?;
        let fhir = resource.filter(|resource| resource.metadata.kind == ResourceKind::Fhir);
        match fhir {
            Some(fhir) => self.types.named_in(of_base((at, features), &fhir.metadata)).await.map(Some),
            None => Ok(None),
        }
    }
}

/// The document of one FHIR server: it tells no way in which this one cannot be used.
fn of_base((at, features): (&Addresses, &Features), resource: &ResourceMetadata) -> Map<String, Value> {
    let mut document = document(at, features);
    let held = capabilities::held_by(resource);
    let has = |capability: &str| held.contains(&capability);
    if !has("sso-openid-connect") {
        // `jwks_uri` stays: the resource server checks access tokens with it.
        without(&mut document, &["issuer", "userinfo_endpoint"]);
    }
    if !has("launch-ehr") && !has("launch-standalone") {
        without(
            &mut document,
            &[
                "authorization_endpoint",
                "pushed_authorization_request_endpoint",
                "require_pushed_authorization_requests",
                "request_parameter_supported",
                "request_uri_parameter_supported",
                "require_signed_request_object",
                "request_object_signing_alg_values_supported",
                "authorization_response_iss_parameter_supported",
                "authorization_signing_alg_values_supported",
                "response_types_supported",
                "response_modes_supported",
                "management_endpoint",
            ],
        );
        keep(&mut document, "grant_types_supported", |grant| PERSONLESS.contains(&grant));
    }
    if !has("launch-standalone") {
        // No EHR opens a device.
        without(&mut document, &["device_authorization_endpoint"]);
        keep(&mut document, "grant_types_supported", |grant| grant != device_code::GRANT);
    }
    if !has("permission-offline") && !has("permission-online") {
        keep(&mut document, "grant_types_supported", |grant| grant != "refresh_token");
    }
    if !has("client-public") {
        keep_methods(&mut document, |method| method != "none");
    }
    if !has("client-confidential-symmetric") {
        keep_methods(&mut document, |method| !method.starts_with("client_secret_"));
    }
    if !has("client-confidential-asymmetric") {
        keep_methods(&mut document, |method| method != "private_key_jwt");
        document.retain(|name, _| !name.ends_with("_auth_signing_alg_values_supported"));
    }
    let scopes = supported_scopes(resource);
    let scopes: Vec<&str> = scopes.iter().map(ScopeToken::as_str).collect();
    document.insert("scopes_supported".to_owned(), json!(scopes));
    document.insert("capabilities".to_owned(), json!(held));
    document.extend(resource.published());
    document
}

/// Leaves members out, with their addresses on the listener for certificates.
fn without(document: &mut Map<String, Value>, names: &[&str]) {
    document.retain(|name, _| !names.contains(&name.as_str()));
    if let Some(Value::Object(aliases)) = document.get_mut("mtls_endpoint_aliases") {
        aliases.retain(|name, _| !names.contains(&name.as_str()));
    }
}

fn keep(document: &mut Map<String, Value>, name: &str, wanted: impl Fn(&str) -> bool) {
    if let Some(Value::Array(items)) = document.get_mut(name) {
        items.retain(|item| item.as_str().is_some_and(&wanted));
    }
}

/// Keeps methods of client authentication, at every endpoint that lists them.
fn keep_methods(document: &mut Map<String, Value>, wanted: impl Fn(&str) -> bool) {
    for (name, listed) in document.iter_mut() {
        if let (true, Value::Array(items)) = (name.ends_with("_auth_methods_supported"), listed) {
            items.retain(|item| item.as_str().is_some_and(&wanted));
        }
    }
}
