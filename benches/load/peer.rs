//! The peer's side: oidc-provider on a PostgreSQL that is started with the same settings.

use std::path::{Path, PathBuf};

use hilum::jose::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::Outcome;
use crate::browser::Person;
use crate::hilum::{APP_SCOPE, Certificate, Dev, free_ports, write_secret};
use crate::limit::Database;
use crate::operations::{App, Paths, SecretClient, Side, Signer, unique};
use crate::processes::{Running, Watched};
use crate::wire::{Identity, Target};

const RESOURCE: &str = "https://fhir.example.org/r4";
const OPAQUE: &str = "https://opaque.example.org/r4";
const SCOPE: &str = "capacity.read system/Coverage.rs";
const CALLBACK: &str = "https://app.example.org/callback";

/// oidc-provider, ready to be started.
pub(crate) struct Peer {
    node: PathBuf,
    arguments: Vec<String>,
    clients: Clients,
    pub(crate) public: Target,
    mtls: Target,
}

struct Clients {
    es384: SigningKey,
    rs384: SigningKey,
    secret: String,
}

impl Peer {
    /// Writes its settings; `payer` is the certificate that its certificate-bound client shows.
    pub(crate) fn configure(
        (node, folder): (&Path, &Path),
        dev: &Dev,
        certificate: &Certificate,
        payer: &Identity<'_>,
    ) -> Outcome<Self> {
        let database = Database::create(dev, "peer")?;
        let clients = Clients {
            es384: SigningKey::generate(Algorithm::Es384)?,
            rs384: SigningKey::generate(Algorithm::Rs384)?,
            secret: unique("a-secret-of-the-peer-as-long-as-those-that-hilum-makes"),
        };
        let [port, mtls_port] = free_ports()?;
        let settings = json!({
            "issuer": format!("https://localhost:{port}"), "port": port, "mtlsPort": mtls_port,
            "certificate": certificate.chain, "key": certificate.key,
            // As many connections as Hilum holds.
            "database": {"host": database.folder, "port": database.port, "user": "hilum_admin", "database": "peer", "max": 12},
            "resource": RESOURCE, "opaqueResource": OPAQUE, "scope": format!("{SCOPE} {APP_SCOPE}"),
            "keys": [SigningKey::generate(Algorithm::Es256)?.private_jwk("signing")?],
            "cookieSecret": unique("cookies"),
            "clients": clients.registrations(),
        });
        let file = dev.folder.join(format!("peer-{port}.json"));
        write_secret(&file, &settings.to_string())?;
        Ok(Self {
            node: node.to_owned(),
            arguments: vec![folder.join("server.mjs").display().to_string(), file.display().to_string()],
            clients,
            public: Target::new(port, &certificate.chain, None)?,
            mtls: Target::new(mtls_port, &certificate.chain, Some(payer))?,
        })
    }

    pub(crate) fn start(&self, work: &Path) -> Outcome<Running> {
        Running::start("oidc-provider", work, &self.node, &self.arguments)
    }

    /// The side that is measured, of a server that answers.
    pub(crate) fn side(self, dev: &Dev, server: u32) -> Outcome<Side> {
        let Self { clients, public, mtls, .. } = self;
        let secret = |id: &str, scope: &str| SecretClient {
            id: id.to_owned(),
            secret: clients.secret.clone(),
            scope: scope.to_owned(),
        };
        let (partner, introspector) = (secret("partner", "capacity.read"), secret("introspector", ""));
        let app = secret("app", APP_SCOPE);
        let signer = |id: &str, key: SigningKey| Signer {
            id: id.to_owned(),
            key,
            kid: id.to_owned(),
            scope: "system/Coverage.rs".to_owned(),
        };
        Ok(Side {
            name: "oidc-provider",
            watched: Watched { server: Some(server), postmaster: Some(dev.postmaster) },
            paths: Paths::discover(&public)?,
            public,
            mtls,
            secret: partner,
            es384: signer("es384", clients.es384),
            rs384: signer("rs384", clients.rs384),
            introspector,
            introspectable: vec![("resource", OPAQUE.to_owned())],
            app: App {
                client: app,
                redirect_uri: CALLBACK.to_owned(),
                resource: RESOURCE.to_owned(),
                person: Person::default(),
            },
        })
    }
}

impl Clients {
    fn registrations(&self) -> Value {
        let back_end = |id: &str, more: Value| {
            let mut client = json!({"client_id": id, "grant_types": ["client_credentials"], "redirect_uris": [],
                "response_types": [], "scope": SCOPE});
            merge(&mut client, more);
            client
        };
        let secret =
            json!({"token_endpoint_auth_method": "client_secret_basic", "client_secret": self.secret});
        let signed = |id: &str, key: &SigningKey, algorithm: &str| {
            json!({"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": algorithm,
                "jwks": {"keys": [key.public_jwk(id)]}})
        };
        let mut es384 = back_end("es384", signed("es384", &self.es384, "ES384"));
        merge(&mut es384, json!({"tls_client_certificate_bound_access_tokens": true}));
        let mut app = json!({"client_id": "app", "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": [CALLBACK], "response_types": ["code"], "scope": APP_SCOPE});
        merge(&mut app, secret.clone());
        json!([
            back_end("partner", secret.clone()),
            back_end("introspector", secret),
            es384,
            back_end("rs384", signed("rs384", &self.rs384, "RS384")),
            app,
        ])
    }
}

fn merge(into: &mut Value, members: Value) {
    if let (Some(into), Value::Object(members)) = (into.as_object_mut(), members) {
        into.extend(members);
    }
}
