//! `fixtures.json`: everything a test or a newcomer needs to talk to this server.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::admin::scopes;
use crate::commands::output::Failed;
use crate::config::issuer::BaseUrl;
use crate::jose::algorithm::Algorithm;
use crate::jose::base64url;
use crate::model::device_code;
use crate::pki::certificate::Certificate;

use super::Options;
use super::certificates::CLIENTS;
use super::database::Urls;

/// The name of the file.
pub const FILE: &str = "fixtures.json";

/// The grant of whoever goes on with a token that it was shown (RFC 8693).
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// What a demonstration client authenticates with.
#[derive(Clone, Copy, Debug)]
pub enum Keys {
    /// A secret, or nothing.
    None,
    /// A key that signs assertions.
    Signing(Algorithm),
    /// A certificate.
    Certificate,
}

/// One demonstration client.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Its name in the fixtures.
    pub name: &'static str,
    /// What it authenticates with.
    pub keys: Keys,
    /// What stands in its registration, apart from keys.
    pub registration: Map<String, Value>,
    /// What stands in its fixture, apart from identifiers and secrets.
    pub entry: Map<String, Value>,
}

/// The demonstration clients.
#[must_use]
pub fn clients(issuer: &BaseUrl, fhir: &str) -> Vec<Demo> {
    let admin = issuer.join("/admin");
    let app = json!([issuer.join("/sandbox/app/callback"), "http://127.0.0.1/callback"]);
    let launch = issuer.join("/sandbox/app/launch");
    let app_scope = "launch launch/patient launch/encounter openid fhirUser profile offline_access online_access \
                     patient/*.cruds user/*.cruds";
    let app_entry = json!({"redirect_uris": app, "launch_url": launch, "scope": app_scope});
    let app_registration = json!({"grant_types": ["authorization_code", "refresh_token"], "redirect_uris": app, "launch_urls": [launch],
            "scope": app_scope, "resources": [fhir]});
    let back_end =
        |scope: &str| json!({"grant_types": ["client_credentials"], "resources": [fhir], "scope": scope});
    let payer = "system/Claim.cruds system/ClaimResponse.rs system/Coverage.rs system/Patient.rs";
    let mut all = vec![
        demo("admin-cli", "private_key_jwt", Keys::Signing(Algorithm::Es384))
            .with(&json!({"grant_types": ["client_credentials"], "resources": [admin],
                "tls_client_certificate_bound_access_tokens": true}))
            .showing(&json!({"scope": scopes::ALL, "resource": admin, "bound": true})),
        demo("ehr", "private_key_jwt", Keys::Signing(Algorithm::Es384))
            .with(&back_end("launch.write"))
            .showing(&json!({"scope": "launch.write"})),
        demo("app-public", "none", Keys::None)
            .with(&app_registration)
            .with(&json!({"client_name": "Growth Chart"}))
            .showing(&app_entry),
        demo("app-secret", "client_secret_basic", Keys::None)
            .with(&app_registration)
            .with(&json!({"client_name": "Heart Diary"}))
            .showing(&app_entry),
        demo("app-asymmetric", "private_key_jwt", Keys::Signing(Algorithm::Es384))
            .with(&app_registration)
            .with(&json!({"client_name": "Care Plan"}))
            .showing(&app_entry),
        demo("payer-es384", "private_key_jwt", Keys::Signing(Algorithm::Es384))
            .with(&back_end(payer))
            .with(&json!({"tls_client_certificate_bound_access_tokens": true, "purpose_of_use": "HPAYMT",
                "authorization_details_types": ["prior_authorization"]}))
            .showing(&json!({"scope": payer, "bound": true})),
        demo("payer-rs384", "private_key_jwt", Keys::Signing(Algorithm::Rs384))
            .with(&back_end("system/*.rs"))
            .showing(&json!({"scope": "system/*.rs"})),
        demo("payer-mtls", "tls_client_auth", Keys::Certificate)
            .with(&back_end("system/Claim.cruds"))
            .with(&json!({"tls_client_auth_san_uri": uri_of("payer-mtls")}))
            .showing(&json!({"scope": "system/Claim.cruds"})),
        demo("payer-self-signed", "self_signed_tls_client_auth", Keys::Certificate)
            .with(&back_end("system/Claim.cruds"))
            .showing(&json!({"scope": "system/Claim.cruds"})),
        demo("partner-secret", "client_secret_basic", Keys::None)
            .with(&back_end("capacity.read"))
            .showing(&json!({"scope": "capacity.read"})),
    ];
    all.extend(others(fhir));
    all
}

/// A device, and the services of a payer.
fn others(fhir: &str) -> [Demo; 3] {
    let device_scope = "launch/patient openid fhirUser offline_access patient/*.rs user/*.rs";
    // What a payer's CRD service goes on with, once a hook has handed it a token for the FHIR server.
    let narrower = "patient/*.rs user/*.rs system/Coverage.rs system/Patient.rs";
    [
        demo("device-app", "none", Keys::None)
            .with(&json!({"client_name": "Waiting Room Screen", "grant_types": [device_code::GRANT, "refresh_token"],
                "resources": [fhir], "scope": device_scope}))
            .showing(&json!({"scope": device_scope})),
        demo("fhir-server", "private_key_jwt", Keys::Signing(Algorithm::Es384))
            .with(&json!({"grant_types": ["client_credentials"], "resources": [fhir], "scope": "authorization_decision.write"}))
            .with(&json!({"introspects": [fhir]}))
            .showing(&json!({"introspects": fhir, "scope": "authorization_decision.write"})),
        demo("crd-service", "private_key_jwt", Keys::Signing(Algorithm::Es384))
            .with(&json!({"grant_types": [EXCHANGE], "resources": [fhir], "introspects": [fhir], "scope": narrower}))
            .showing(&json!({"scope": narrower, "introspects": fhir})),
    ]
}

fn demo(name: &'static str, method: &'static str, keys: Keys) -> Demo {
    let registration =
        json!({"client_name": name, "organization": "Demonstration", "token_endpoint_auth_method": method});
    let mut entry = Map::from_iter([("method".to_owned(), json!(method))]);
    let certified =
        CLIENTS.iter().any(|(client, _)| *client == name) || name == super::certificates::SELF_SIGNED;
    if certified {
        entry.insert("certificate".to_owned(), json!(format!("{name}.pem")));
        entry.insert("key".to_owned(), json!(format!("{name}.key")));
    }
    Demo { name, keys, registration: object(&registration), entry }
}

impl Demo {
    fn with(mut self, members: &Value) -> Self {
        self.registration.extend(object(members));
        self
    }

    fn showing(mut self, members: &Value) -> Self {
        self.entry.extend(object(members));
        self
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn uri_of(name: &str) -> &'static str {
    CLIENTS.iter().find(|(client, _)| *client == name).map(|(_, uri)| *uri).unwrap_or_default()
}

/// The whole document.
#[must_use]
pub fn document(
    options: &Options,
    urls: &Urls,
    (fhir, sandbox): (&str, &str),
    (users, clients): (Value, Map<String, Value>),
) -> Value {
    json!({
        "issuer": options.issuer.as_str(),
        "mtls": options.issuer.at_port(options.mtls.port()).as_str(),
        "ops": format!("http://{}", options.ops),
        "ca": "ca.pem",
        "database_url": urls.runtime,
        "fhir": fhir,
        "sandbox": sandbox,
        "users": users,
        "clients": clients,
    })
}

/// A certificate as the key that `self_signed_tls_client_auth` registers: its public key and `x5c`.
pub fn certificate_jwk(certificate: &Certificate) -> Result<Value, Failed> {
    // The point of a P-256 key ends its SubjectPublicKeyInfo: 0x04, then x and y of 32 bytes each.
    let info = certificate.public_key_info();
    let point = info.len().checked_sub(64).and_then(|at| info.split_at_checked(at)).map(|(_, point)| point);
    let (x, y) = point
        .and_then(|point| point.split_at_checked(32))
        .ok_or_else(|| Failed("no P-256 key".to_owned()))?;
    Ok(json!({
        "kty": "EC",
        "crv": "P-256",
        "x": base64url::encode(x),
        "y": base64url::encode(y),
        "kid": certificate.thumbprint().as_base64url(),
        "use": "sig",
        "x5c": [STANDARD.encode(certificate.der())],
    }))
}
