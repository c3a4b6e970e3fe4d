//! A world for one test: a database, an authority, a configuration, server processes, an administrator.

use std::path::{Path, PathBuf};

use reqwest::{Certificate, Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::{free_ports, run};
use super::{Answer, Authority, Database, FHIR, Identity, OPAQUE, Person, Process};

/// Everything of one test.
pub struct World {
    /// The database.
    pub database: Database,
    /// The authority that issued the server's certificate and is trusted for clients.
    pub authority: Authority,
    /// The server processes; the first one's port is in the issuer.
    pub processes: Vec<Process>,
    /// The administrator's certificate.
    pub admin: Identity,
    /// The administrator's `client_id`.
    pub admin_id: String,
    issuer: String,
    folder: TempDir,
}

/// One way to reach one process: its base URL and what is shown to it.
#[derive(Clone)]
pub struct Peer {
    client: Client,
    /// The base URL.
    pub base: String,
    /// What is sent with each request.
    headers: Vec<(&'static str, String)>,
}

/// A client for clear text on loopback.
#[expect(clippy::disallowed_methods, reason = "tests speak to the server as anybody would")]
pub fn plain_client() -> Client {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    // Without roots, since to read those of the system takes longer than to ask.
    Client::builder().no_proxy().tls_certs_only([]).build().expect("a client")
}

#[expect(clippy::disallowed_methods, reason = "tests speak to the server as anybody would")]
fn tls_client(authority: &str, identity: Option<&Identity>) -> Client {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let root = Certificate::from_pem(authority.as_bytes()).expect("the authority");
    let mut builder =
        Client::builder().no_proxy().tls_certs_only([root]).redirect(reqwest::redirect::Policy::none());
    if let Some(identity) = identity {
        let pem = format!("{}{}", identity.key, identity.certificate);
        builder = builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).expect("an identity"));
    }
    builder.build().expect("a client")
}

impl World {
    /// One process, a FHIR server with JWTs, one with opaque tokens, and an administrator.
    pub async fn start() -> Self {
        Box::pin(Self::with_processes(1)).await
    }

    /// So many processes on one database.
    pub async fn with_processes(count: usize) -> Self {
        Self::configured(count, "", super::database::Database::url).await
    }

    /// One process that lets requests, and its own end, take so many seconds.
    pub async fn patient(seconds: u32) -> Self {
        let mut world = Self::start().await;
        let ports = [world.processes[0].public, world.processes[0].mtls, world.processes[0].operations];
        world.processes[0].kill();
        let text = std::fs::read_to_string(world.config()).expect("a configuration");
        let more = format!("workers = 2\nrequest_timeout_seconds = {seconds}\ndrain_seconds = {seconds}\n");
        std::fs::write(world.config(), text.replace("workers = 2\n", &more)).expect("a configuration");
        world.processes[0] = world.spawn(ports, &world.database.url()).await;
        world
    }

    /// With more in its configuration, and another way to its database.
    pub async fn configured(count: usize, more: &str, url: impl FnOnce(&Database) -> String) -> Self {
        let authority = Authority::new("Test authority");
        let folder = TempDir::new().expect("a folder");
        let ports = free_ports();
        let issuer = format!("https://localhost:{}", ports[0]);
        write_files(&folder, &authority, &issuer, ports[1], more);
        let config = folder.path().join("hilum.toml");
        let database = if count == 0 {
            // No server has been here.
            let database = Database::fresh().await;
            resources(&config, &[("DATABASE_URL", database.url())]);
            database
        } else {
            Box::pin(Database::furnished(async |variables| furnish(&config, variables).await)).await
        };
        let admin = authority.client("https://admin.example/");
        let mut world = Self {
            database,
            authority,
            processes: Vec::new(),
            admin,
            admin_id: String::new(),
            issuer,
            folder,
        };
        world.set_up();
        let url = url(&world.database);
        for index in 0..count {
            let ports = if index == 0 { ports } else { free_ports() };
            let process = world.spawn(ports, &url).await;
            world.processes.push(process);
        }
        world
    }

    /// Registers the administrator, from the command line.
    fn set_up(&mut self) {
        let document = json!({"client_name": "Administrator", "organization": "Test", "grant_types": ["client_credentials"],
            "resources": [self.issuer_url("/admin")], "scope": super::ADMIN_SCOPES,
            "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_uri": "https://admin.example/"});
        let created =
            self.command(&["client", "create", "-", "--json"], &document.to_string()).expect_success();
        let created: Value = serde_json::from_str(&created).expect("a client");
        created["client_id"].as_str().expect("its identifier").clone_into(&mut self.admin_id);
    }

    /// Registers an administrator who approves certificates and does nothing else, from the command line.
    pub fn approver(&self) -> (String, Identity) {
        let name = "https://approver.example/";
        let members = json!({"resources": [self.issuer_url("/admin")], "scope": super::APPROVER_SCOPES,
            "tls_client_auth_san_uri": name});
        let document = super::registration("tls_client_auth", members).to_string();
        let created = self.command(&["client", "create", "-", "--json"], &document).expect_success();
        let created: Value = serde_json::from_str(&created).expect("a client");
        let id = created["client_id"].as_str().expect("its identifier").to_owned();
        (id, self.authority.client(name))
    }

    /// A request of another administrator, with these scopes.
    pub async fn administer_as(
        &self,
        (id, identity): &(String, Identity),
        scope: &str,
        (method, path, body): (Method, &str, Option<Value>),
    ) -> Answer {
        let peer = self.mtls(identity);
        let form = [("grant_type", "client_credentials"), ("client_id", id.as_str()), ("scope", scope)];
        let token = peer.post("/oauth2/token", &form).await.token();
        peer.send(method, path, Some(&token), body).await
    }

    async fn spawn(&self, ports: [u16; 3], url: &str) -> Process {
        let log = self.folder.path().join(format!("{}.log", ports[0]));
        Process::serve(&self.config(), ports, &log, &[("DATABASE_URL", url.to_owned())]).await
    }

    /// Starts a killed process again on its ports.
    pub async fn restart(&mut self, index: usize) {
        let ports =
            [self.processes[index].public, self.processes[index].mtls, self.processes[index].operations];
        self.processes[index] = self.spawn(ports, &self.database.url()).await;
    }

    /// Runs a command of the terminal against this world.
    pub fn command(&self, arguments: &[&str], input: &str) -> super::process::Ran {
        let config = self.config();
        let mut all = arguments.to_vec();
        let config = config.to_string_lossy();
        all.extend(["--config", &config]);
        run(&all, &[("DATABASE_URL", self.database.url())], input)
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("hilum.toml")
    }

    /// A file beside the configuration.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A URL under the issuer.
    pub fn issuer_url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// The public listener of the first process.
    pub fn public(&self) -> Peer {
        self.public_of(0)
    }

    /// The public listener of a process.
    pub fn public_of(&self, index: usize) -> Peer {
        let base = format!("https://localhost:{}", self.processes[index].public);
        Peer { client: tls_client(&self.authority.pem, None), base, headers: Vec::new() }
    }

    /// The mutual-TLS listener of the first process, with a certificate.
    pub fn mtls(&self, identity: &Identity) -> Peer {
        self.mtls_of(0, Some(identity))
    }

    /// The mutual-TLS listener of a process, with or without a certificate.
    pub fn mtls_of(&self, index: usize, identity: Option<&Identity>) -> Peer {
        let base = format!("https://localhost:{}", self.processes[index].mtls);
        Peer { client: tls_client(&self.authority.pem, identity), base, headers: Vec::new() }
    }

    /// An admin token with these scopes.
    pub async fn admin_token(&self, scope: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("client_id", &self.admin_id), ("scope", scope)];
        self.mtls(&self.admin).post("/oauth2/token", &form).await.token()
    }

    /// An admin request with every scope.
    pub async fn administer(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let token = self.admin_token(super::ADMIN_SCOPES).await;
        self.mtls(&self.admin).send(method, path, Some(&token), body).await
    }

    /// Registers a client through the admin API and answers with its identifier.
    pub async fn register(&self, document: Value) -> String {
        self.register_whole(document).await["client_id"].as_str().expect("its identifier").to_owned()
    }

    /// Registers a client through the admin API and answers with all of it, its secret included.
    pub async fn register_whole(&self, document: Value) -> Value {
        let answer = self.administer(Method::POST, "/admin/v1/clients", Some(document)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()
    }

    /// Creates a person who can sign in, with these members over those of a patient.
    pub async fn person(&self, username: &str, members: Value) -> Person {
        let mut document = json!({"username": username, "organization": "Mercy", "roles": ["patient"],
            "fhir_user": "Patient/rivera", "password": super::PASSWORD});
        for (name, value) in members.as_object().expect("an object") {
            document[name] = value.clone();
        }
        let answer = self.administer(Method::POST, "/admin/v1/users", Some(document)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let subject = answer.json()["subject"].as_str().expect("a subject").to_owned();
        Person { username: username.to_owned(), password: super::PASSWORD.to_owned(), subject }
    }

    /// A patient who can sign in: `pat`, who is `Patient/rivera`.
    pub async fn patient_person(&self) -> Person {
        self.person("pat", json!({"name": "Pat Rivera"})).await
    }

    /// A clinician who can sign in: `dr.lee`.
    pub async fn clinician(&self) -> Person {
        let members = json!({"name": "Dr. Kim Lee", "roles": ["clinician"], "fhir_user": "Practitioner/lee"});
        self.person("dr.lee", members).await
    }

    /// The records of an action, the newest first.
    pub async fn audit(&self, action: &str) -> Vec<Value> {
        let path = format!("/admin/v1/audit?action={action}&limit=200");
        let answer = self.administer(Method::GET, &path, None).await;
        answer.json()["items"].as_array().expect("records").clone()
    }

    /// Whether these errors tell no more than that somebody waited too long: a fault has been a time-out, and nothing
    /// else.
    pub fn was_too_busy(&self, errors: &[String]) -> bool {
        let timed_out = || self.processes.iter().any(|process| process.log().contains(" timeout"));
        errors.iter().all(|error| match error.as_str() {
            "temporarily_unavailable" => true,
            "server_error" => timed_out(),
            _ => false,
        })
    }
}

impl Peer {
    /// A port of this machine, with a certificate or without.
    pub fn at(port: u16, authority: &str, identity: Option<&Identity>) -> Self {
        let base = format!("https://localhost:{port}");
        Self { client: tls_client(authority, identity), base, headers: Vec::new() }
    }

    /// The same, with one more header in each request.
    #[must_use]
    pub fn with(&self, name: &'static str, value: &str) -> Self {
        let mut peer = self.clone();
        peer.headers.push((name, value.to_owned()));
        peer
    }

    /// Posts a form.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = encoded(self.request(Method::POST, path), form);
        Answer::read(request.send().await.expect("an answer")).await
    }

    /// Posts a form with HTTP Basic.
    pub async fn post_basic(&self, path: &str, (id, secret): (&str, &str), form: &[(&str, &str)]) -> Answer {
        let request = self.request(Method::POST, path).basic_auth(id, Some(secret));
        let request = encoded(request, form);
        Answer::read(request.send().await.expect("an answer")).await
    }

    /// Sends JSON, with a token or without.
    pub async fn send(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::read(request.send().await.expect("an answer")).await
    }

    /// A request to be made as the test wants.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        self.headers.iter().fold(request, |request, (name, value)| request.header(*name, value))
    }

    /// Gets a document.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, None).await
    }
}

/// A request with a form as its body.
pub fn encoded(request: reqwest::RequestBuilder, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

/// Writes certificates, keys and the configuration.
/// What every world has whatever its address: what a server makes when it starts for the first time, and two resource
/// servers.
async fn furnish(config: &Path, variables: &[(&'static str, String)]) {
    Process::serve(config, free_ports(), &config.with_extension("first.log"), variables).await.kill();
    resources(config, variables);
}

fn resources(config: &Path, variables: &[(&str, String)]) {
    let config = config.to_string_lossy();
    for (name, url, format) in [("fhir", FHIR, "jwt"), ("opaque", OPAQUE, "opaque")] {
        let document = json!({"name": name, "title": name, "url": url, "token_format": format,
            "scope": "system/*.cruds capacity.read launch.write patient/*.cruds user/*.cruds"});
        let arguments = ["resource", "create", "-", "--config", &config];
        run(&arguments, variables, &document.to_string()).expect_success();
    }
}

fn write_files(folder: &TempDir, authority: &Authority, issuer: &str, mtls: u16, more: &str) {
    use std::os::unix::fs::OpenOptionsExt;
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        let mut options = std::fs::OpenOptions::new();
        let mut file =
            options.create(true).write(true).truncate(true).mode(0o600).open(&path).expect("a file");
        std::io::Write::write_all(&mut file, content.as_bytes()).expect("its content");
        path.to_string_lossy().into_owned()
    };
    let server = authority.server();
    let certificate = write("server.pem", &server.certificate);
    let key = write("server.key", &server.key);
    let anchors = write("anchors.pem", &authority.pem);
    let crl = write("anchors.crl", &authority.revoke(&[666]));
    let master = write("master.key", "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0");
    let config = format!(
        "[issuer]\nurl = \"{issuer}\"\n[http]\nmtls_url = \"https://localhost:{mtls}\"\nworkers = 2\n\
         [tls]\ncertificate_file = \"{certificate}\"\nkey_file = \"{key}\"\nclient_anchors_file = \"{anchors}\"\n\
         client_crl_files = [\"{crl}\"]\n[secrets]\nmaster_key_file = \"{master}\"\n{more}\n"
    );
    write("hilum.toml", &config);
}
