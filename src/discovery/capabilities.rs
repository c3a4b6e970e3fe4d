//! What this server can do, in the words of SMART App Launch 2.2 (conformance), computed from what is there.

use crate::clients::methods::METHODS;
use crate::grants::GRANTS;
use crate::policy::{OWN_SCOPES, Strength};
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::scope::dialects::DIALECTS;

/// Apps are given a style: by the EHR that launches them, or by the FHIR server's registration.
const STYLE: &str = "context-style";

/// The capabilities of this server itself.
#[must_use]
pub fn of_server() -> Vec<&'static str> {
    let has = |strength: Strength| METHODS.iter().any(|method| method.strength() == strength);
    let people = GRANTS.iter().any(|grant| grant.grant_type() == "authorization_code");
    let own = |scope: &str| people && OWN_SCOPES.contains(&scope);
    let reads = |dialect: &str| DIALECTS.iter().any(|known| known.name() == dialect);
    [
        ("launch-ehr", own("launch")),
        ("launch-standalone", people),
        ("authorize-post", people),
        ("client-public", has(Strength::Named)),
        ("client-confidential-asymmetric", has(Strength::PrivateKey)),
        ("client-confidential-symmetric", has(Strength::SharedSecret)),
        ("sso-openid-connect", own("openid") && own("fhirUser")),
        ("context-banner", own("launch")),
        (STYLE, own("launch")),
        ("context-ehr-patient", own("launch")),
        ("context-ehr-encounter", own("launch")),
        ("context-standalone-patient", own("launch/patient")),
        ("context-standalone-encounter", own("launch/encounter")),
        ("permission-offline", own("offline_access")),
        ("permission-online", own("online_access")),
        ("permission-patient", people),
        ("permission-user", people),
        ("permission-v1", reads("smart_v1")),
        ("permission-v2", reads("smart_v2")),
    ]
    .into_iter()
    .filter_map(|(name, present)| present.then_some(name))
    .collect()
}

/// The capabilities that this server can have for a FHIR server.
#[must_use]
pub fn available_to(resource: &ResourceMetadata) -> Vec<&'static str> {
    let mut available = of_server();
    if resource.smart_style_url.is_some() && !available.contains(&STYLE) {
        available.push(STYLE);
    }
    available
}

/// The capabilities that hold for a FHIR server: what both have, and the URIs of its registration.
#[must_use]
pub fn held_by(resource: &ResourceMetadata) -> Vec<&str> {
    let available = available_to(resource).into_iter();
    let registered = resource.capabilities.iter().flatten().map(String::as_str);
    available
        .filter(|capability| resource.has_capability(capability))
        .chain(registered.filter(|capability| is_foreign(capability)))
        .collect()
}

/// Whether a capability is a URI of somebody's own, and no word of the standard.
#[must_use]
pub fn is_foreign(capability: &str) -> bool {
    capability.contains(':')
}
