//! A FHIR server can be used in the ways that its SMART configuration tells, and in no other (SMART App
//! Launch 2.2, conformance). `authorize-post` alone changes nothing: a form and a link are one request.

use crate::model::delegation::{OFFLINE_ACCESS, ONLINE_ACCESS};
use crate::policy::{Speaker, Wish};
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::protocol::resource_metadata::ResourceMetadata;
use crate::scope::dialects;
use crate::scope::narrow::holds;
use crate::scope::permission::{Level, Permission};
use crate::scope::set::ScopeSet;
use crate::scope::token::ScopeToken;

use super::person::own_scopes;
use super::scope::refusal;

/// Drops what the resource server has no capability for; refuses a client, or a launch, of a kind that it
/// does not take.
pub(in crate::policy) fn apply(wish: &Wish<'_>, scope: &ScopeSet) -> Result<ScopeSet, Refusal> {
    takes_client(wish)?;
    takes_launch(wish, scope)?;
    let kept = supported(wish.resource, scope);
    if kept.is_empty() {
        let told = "this resource server has no capability for any of the requested scopes";
        return Err(refusal(told, "scope_beyond_capabilities"));
    }
    Ok(kept)
}

/// Refuses an app that is opened in a way for which the resource server has no capability.
pub(in crate::policy) fn takes_launch(wish: &Wish<'_>, scope: &ScopeSet) -> Result<(), Refusal> {
    let Wish { speaker, resource, .. } = wish;
    let missing_launch = match speaker {
        // Later, a narrowed scope does not tell any more how the app was opened.
        Speaker::Client | Speaker::Person(_) => false,
        Speaker::Somebody if holds(scope, "launch") => !resource.has_capability("launch-ehr"),
        Speaker::Somebody => !resource.has_capability("launch-standalone"),
    };
    if missing_launch {
        let told = "this resource server does not take an app that is opened in this way";
        return Err(Refusal::new(ErrorCode::UnauthorizedClient, told, Reason::new("capability_of_launch")));
    }
    Ok(())
}

/// Refuses a client that authenticates in a way for which the resource server has no capability.
pub(super) fn takes_client(wish: &Wish<'_>) -> Result<(), Refusal> {
    let kind = of_method(&wish.client.metadata.token_endpoint_auth_method);
    if kind.is_some_and(|capability| !wish.resource.has_capability(capability)) {
        let told = "this resource server takes no client that authenticates in this way";
        return Err(Refusal::new(ErrorCode::UnauthorizedClient, told, Reason::new("capability_of_client")));
    }
    Ok(())
}

/// The scopes that can be granted for a resource server: its own, and this server's about people.
#[must_use]
pub fn supported_scopes(resource: &ResourceMetadata) -> ScopeSet {
    let all = ScopeSet::from_tokens(resource.scope.iter().chain(own_scopes().iter()).cloned());
    supported(resource, &all)
}

fn supported(resource: &ResourceMetadata, scope: &ScopeSet) -> ScopeSet {
    let held =
        |token: &&ScopeToken| needed(token).iter().all(|capability| resource.has_capability(capability));
    ScopeSet::from_tokens(scope.iter().filter(held).cloned())
}

/// The capability that a way of client authentication has; certificates have none of their own.
fn of_method(method: &str) -> Option<&'static str> {
    match method {
        "none" => Some("client-public"),
        "client_secret_basic" | "client_secret_post" => Some("client-confidential-symmetric"),
        "private_key_jwt" => Some("client-confidential-asymmetric"),
        _ => None,
    }
}

/// The capabilities without which a scope means nothing.
#[must_use]
pub fn needed(token: &ScopeToken) -> Vec<&'static str> {
    let Some((permission, dialect)) = dialects::read(token) else { return Vec::new() };
    match permission {
        Permission::Named(name) => match name.as_str() {
            "openid" | "fhirUser" | "profile" | "email" | "address" | "phone" => {
                vec!["sso-openid-connect"]
            }
            "launch" => vec!["launch-ehr"],
            "launch/patient" => vec!["context-standalone-patient"],
            "launch/encounter" => vec!["context-standalone-patient", "context-standalone-encounter"],
            OFFLINE_ACCESS => vec!["permission-offline"],
            ONLINE_ACCESS => vec!["permission-online"],
            _ => Vec::new(),
        },
        Permission::Resource { level, .. } => {
            let notation =
                if dialect.name().starts_with("smart_v1") { "permission-v1" } else { "permission-v2" };
            let of_level = match level {
                Level::Patient => Some("permission-patient"),
                Level::User => Some("permission-user"),
                Level::System => None,
            };
            of_level.into_iter().chain([notation]).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::client::{Client, ClientStatus};
    use crate::moment::Timestamp;
    use crate::protocol::client_metadata::ClientMetadata;
    use crate::protocol::ids::ClientId;

    fn resource(capabilities: &Value) -> ResourceMetadata {
        let says = json!({"title": "f", "url": "https://fhir.example/r4", "capabilities": capabilities,
            "scope": "patient/*.rs patient/*.read user/*.rs system/*.rs capacity.read"});
        ResourceMetadata::parse(says.as_object().unwrap()).unwrap()
    }

    fn client(method: &str) -> Client {
        let says = json!({"client_name": "a", "organization": "b", "token_endpoint_auth_method": method});
        let epoch = Timestamp::UNIX_EPOCH;
        Client {
            id: ClientId::parse("c").unwrap(),
            status: ClientStatus::Active,
            metadata: ClientMetadata::parse(says.as_object().unwrap()).unwrap(),
            version: 1,
            tokens_not_before: epoch,
            created_at: epoch,
            updated_at: epoch,
            provenance: crate::model::registration::Provenance::ADMINISTRATOR,
        }
    }

    fn ask(method: &str, capabilities: &Value, asked: &str) -> Result<String, &'static str> {
        let (client, resource) = (client(method), resource(capabilities));
        let wish = Wish { client: &client, speaker: Speaker::Somebody, resource: &resource };
        let kept = apply(&wish, &ScopeSet::parse(asked).unwrap());
        kept.map(|scope| scope.to_string()).map_err(|refusal| refusal.reason().code())
    }

    #[test]
    fn sm_d_22_a_scope_without_its_capability_is_dropped() {
        let rows = [
            ("patient/Observation.rs", vec!["permission-patient", "permission-v2"]),
            ("patient/Observation.read", vec!["permission-patient", "permission-v1"]),
            ("user/Observation.rs", vec!["permission-user", "permission-v2"]),
            ("system/Observation.rs", vec!["permission-v2"]),
            ("system/Observation.read", vec!["permission-v1"]),
            ("openid", vec!["sso-openid-connect"]),
            ("fhirUser", vec!["sso-openid-connect"]),
            ("profile", vec!["sso-openid-connect"]),
            ("launch/patient", vec!["context-standalone-patient"]),
            ("launch/encounter", vec!["context-standalone-patient", "context-standalone-encounter"]),
            ("offline_access", vec!["permission-offline"]),
            ("online_access", vec!["permission-online"]),
            ("capacity.read", vec![]),
        ];
        for (scope, needs) in rows {
            assert_eq!(needed(&ScopeToken::parse(scope).unwrap()), needs, "{scope}");
            let with = |left_out: &str| {
                let held = needs.iter().filter(|name| **name != left_out);
                json!(held.chain(&["launch-standalone"]).collect::<Vec<_>>())
            };
            assert_eq!(ask("tls_client_auth", &with(""), scope).as_deref(), Ok(scope));
            for left_out in &needs {
                let asked = format!("capacity.read {scope}");
                let kept = ask("tls_client_auth", &with(left_out), &asked);
                assert_eq!(kept.as_deref(), Ok("capacity.read"), "{scope} without {left_out}");
                let alone = ask("tls_client_auth", &with(left_out), scope);
                assert_eq!(alone, Err("scope_beyond_capabilities"), "{scope} without {left_out}");
            }
        }
    }

    #[test]
    fn sm_d_22_a_client_or_a_launch_without_its_capability_is_refused() {
        let rows = [
            ("none", "client-public"),
            ("client_secret_basic", "client-confidential-symmetric"),
            ("client_secret_post", "client-confidential-symmetric"),
            ("private_key_jwt", "client-confidential-asymmetric"),
        ];
        for (method, capability) in rows {
            let with = json!(["launch-standalone", capability]);
            assert!(ask(method, &with, "capacity.read").is_ok(), "{method}");
            let without = json!(["launch-standalone"]);
            assert_eq!(ask(method, &without, "capacity.read"), Err("capability_of_client"), "{method}");
        }
        let launches = [("launch capacity.read", "launch-ehr"), ("capacity.read", "launch-standalone")];
        for (scope, capability) in launches {
            assert!(ask("tls_client_auth", &json!([capability]), scope).is_ok(), "{scope}");
            assert_eq!(ask("tls_client_auth", &json!([]), scope), Err("capability_of_launch"), "{scope}");
        }
        assert!(
            ask("none", &Value::Null, "launch openid patient/Observation.read").is_ok(),
            "all, unless it says"
        );
    }

    #[test]
    fn sm_d_15_the_scopes_that_are_listed_are_those_it_has_capabilities_for() {
        let of = |capabilities: &[&str]| supported_scopes(&resource(&json!(capabilities))).to_string();
        let some = ["permission-patient", "permission-v1", "permission-offline"];
        let all = [
            "permission-v2",
            "permission-user",
            "permission-online",
            "sso-openid-connect",
            "context-standalone-patient",
            "context-standalone-encounter",
        ];
        for launch in ["launch-standalone", "launch-ehr"] {
            let listed = of(&[some.as_slice(), &[launch]].concat());
            let launch = if launch == "launch-ehr" { "launch " } else { "" };
            assert_eq!(listed, format!("patient/*.read capacity.read {launch}offline_access"));
        }
        // Where no app can be opened, nothing is for people.
        assert_eq!(of(&[some.as_slice(), &all].concat()), "system/*.rs capacity.read");
        let ehr = of(&[some.as_slice(), &all, &["launch-ehr"]].concat());
        assert!(!ehr.contains("launch/") && ehr.ends_with(" launch offline_access online_access"), "{ehr}");
    }
}
