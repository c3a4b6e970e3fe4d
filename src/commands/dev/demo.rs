//! The demonstration resource server and clients, made once for each data folder and brought up to
//! date at each start.

use serde_json::{Map, Value, json};

use crate::admin::{clients, resources, scopes};
use crate::commands::output::Failed;
use crate::commands::terminal::Terminal;
use crate::jose::algorithm::Algorithm;
use crate::jose::signing::SigningKey;
use crate::protocol::error::{Doing, Failure};
use crate::protocol::ids::{ClientId, ResourceName};
use crate::sandbox;

use super::database::Urls;
use super::files::Files;
use super::fixtures::{self, Demo, Keys};
use super::{Options, certificates, desk, people};

/// The scopes of the demonstration FHIR server.
const FHIR_SCOPES: &str = "system/*.cruds patient/*.cruds user/*.cruds capacity.read launch.write \
                           authorization_decision.write";

/// Makes what is missing, writes `fixtures.json`, and answers with its content.
pub async fn ensure(
    files: &Files,
    options: &Options,
    terminal: &Terminal,
    urls: &Urls,
) -> Result<Value, Failed> {
    let before =
        files.read(fixtures::FILE).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null);
    let fhir = options.issuer.join(sandbox::FHIR_PATH);
    ensure_resource(terminal, &fhir).await?;
    let mut entries = Map::new();
    for demo in fixtures::clients(&options.issuer, &fhir) {
        let entry =
            ensure_client(files, terminal, &demo, before.pointer(&format!("/clients/{}", demo.name))).await?;
        entries.insert(demo.name.to_owned(), Value::Object(entry));
    }
    let users = people::ensure(terminal, &fhir, before.get("users")).await?;
    let sandbox = desk::address(&options.issuer, &key(terminal, &before)?);
    let document = fixtures::document(options, urls, (&fhir, &sandbox), (users, entries));
    let text = serde_json::to_string_pretty(&document).doing("writing the fixtures")?;
    files.write(fixtures::FILE, &text)?;
    Ok(document)
}

/// The key of the sandbox's pages: that of before, or a new one.
fn key(terminal: &Terminal, before: &Value) -> Result<String, Failed> {
    match desk::key(before) {
        Some(key) => Ok(key.to_owned()),
        None => Ok(terminal.administration.entropy.token().doing("making the key of the sandbox")?),
    }
}

/// The one FHIR server, at the address that this issuer has now.
async fn ensure_resource(terminal: &Terminal, url: &str) -> Result<(), Failed> {
    let Terminal { administration, caller } = terminal;
    let name =
        ResourceName::parse(sandbox::RESOURCE).ok_or_else(|| Failed("sandbox is no name".to_owned()))?;
    let title = "Sandbox FHIR server";
    let mut document = object(&json!({"title": title, "url": url, "kind": "fhir", "scope": FHIR_SCOPES}));
    match administration.find_resource(&name).await {
        Ok(found) if found.audience() == url && found.metadata.scope.to_string() == FHIR_SCOPES => {
            return Ok(());
        }
        Ok(found) if found.audience() == url => {
            // What this release has scopes for and the one before had not.
            let target = resources::Target { name, version: None };
            administration.replace_resource(caller, target, document).await?;
            return Ok(());
        }
        Ok(_) => administration.delete_resource(caller, resources::Target { name, version: None }).await?,
        Err(Failure::Refusal(_)) => {}
        Err(Failure::Fault(fault)) => return Err(fault.into()),
    }
    document.insert("name".to_owned(), json!(sandbox::RESOURCE));
    administration.create_resource(caller, document).await?;
    Ok(())
}

/// One client: as it was, when its entry and its registration are still there; else made anew.
async fn ensure_client(
    files: &Files,
    terminal: &Terminal,
    demo: &Demo,
    before: Option<&Value>,
) -> Result<Map<String, Value>, Failed> {
    let Terminal { administration, caller } = terminal;
    let mut entry = demo.entry.clone();
    let known = before.and_then(|before| before.get("client_id")?.as_str()).and_then(ClientId::parse);
    let private = match demo.keys {
        Keys::Signing(algorithm) => Some(private_jwk(algorithm, before)?),
        Keys::None | Keys::Certificate => None,
    };
    let registration = registration(files, demo, private.as_ref())?;
    if let Some(private) = private {
        entry.insert("private_jwk".to_owned(), private);
    }
    let existing = match &known {
        Some(id) => administration.find_client(id).await.ok(),
        None => None,
    };
    let (id, secret) = if let Some(client) = existing {
        // Written only when it has changed, so that a start leaves no needless record.
        if client.metadata.to_json() != normal(&registration)? {
            let target = clients::Target { id: client.id.clone(), version: None };
            administration.replace_client(caller, target, &registration).await?;
        }
        (client.id, before.and_then(|before| before.get("client_secret").cloned()))
    } else {
        let made = administration.create_client(caller, &registration).await?;
        (made.client.id, made.secret.map(|secret| json!(secret.expose())))
    };
    entry.insert("client_id".to_owned(), json!(id.as_str()));
    if let Some(secret) = secret {
        entry.insert("client_secret".to_owned(), secret);
    }
    Ok(entry)
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// A registration as it would be stored.
fn normal(registration: &Map<String, Value>) -> Result<Map<String, Value>, Failed> {
    use crate::protocol::client_metadata::ClientMetadata;
    let parsed = ClientMetadata::parse(registration);
    parsed.map(|metadata| metadata.to_json()).map_err(|problems| Failed(format!("{problems:?}")))
}

/// The private key of before, or a new one.
fn private_jwk(algorithm: Algorithm, before: Option<&Value>) -> Result<Value, Failed> {
    if let Some(known) = before.and_then(|before| before.get("private_jwk"))
        && SigningKey::from_private_jwk(algorithm, known).is_ok()
    {
        return Ok(known.clone());
    }
    let key = SigningKey::generate(algorithm).doing("making a client's key")?;
    Ok(key.private_jwk(&format!("dev-{}", algorithm.as_str())).doing("writing a client's key")?)
}

/// The registration of a client: its keys or its certificate are added to what is fixed.
fn registration(files: &Files, demo: &Demo, private: Option<&Value>) -> Result<Map<String, Value>, Failed> {
    let mut registration = demo.registration.clone();
    if let (Keys::Signing(algorithm), Some(private)) = (demo.keys, private) {
        let key = SigningKey::from_private_jwk(algorithm, private).doing("reading a client's key")?;
        let kid = private.get("kid").and_then(Value::as_str).unwrap_or("dev");
        registration.insert("jwks".to_owned(), json!({"keys": [key.public_jwk(kid)]}));
        registration.insert("token_endpoint_auth_signing_alg".to_owned(), json!(algorithm.as_str()));
    }
    if demo.name == certificates::SELF_SIGNED {
        let certificate = certificates::certificate(files, demo.name)?;
        registration.insert("jwks".to_owned(), json!({"keys": [fixtures::certificate_jwk(&certificate)?]}));
    }
    if demo.name == "admin-cli" {
        registration.insert("scope".to_owned(), json!(scopes::ALL));
    }
    Ok(registration)
}
