//! Hilum's side: `hilum dev` makes the database, the demonstration clients and people; `hilum serve`,
//! the server as it ships, is what is measured.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use hilum::jose::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::Outcome;
use crate::browser::Person;
use crate::operations::{App, DISCOVERY, Paths, SecretClient, Side, Signer};
use crate::processes::{Running, Watched};
use crate::wire::{Identity, Target};

/// How long a server may take to answer for the first time.
const READY: Duration = Duration::from_mins(2);

/// A running `hilum dev`, for its private PostgreSQL and its fixtures.
pub(crate) struct Dev {
    _running: Running,
    pub(crate) fixtures: Value,
    pub(crate) folder: PathBuf,
    pub(crate) postmaster: u32,
}

/// The certificate that both servers show; the load trusts this one alone.
pub(crate) struct Certificate {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

impl Certificate {
    pub(crate) fn make(work: &Path) -> Outcome<Self> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
        let (chain, key) = (work.join("server.pem"), work.join("server.key"));
        fs::write(&chain, made.cert.pem())?;
        write_secret(&key, &made.signing_key.serialize_pem())?;
        Ok(Self { chain, key })
    }
}

impl Dev {
    pub(crate) fn start(hilum: &Path, work: &Path, name: &str) -> Outcome<Self> {
        let folder = work.join(name);
        fs::create_dir(&folder)?;
        let [public, mtls, ops] = free_ports()?;
        let mut arguments = words(&["dev", "--json", "--data"]);
        arguments.push(folder.display().to_string());
        arguments
            .extend([format!("--issuer=https://localhost:{public}"), format!("--public=127.0.0.1:{public}")]);
        arguments.extend([format!("--mtls=127.0.0.1:{mtls}"), format!("--ops=127.0.0.1:{ops}")]);
        let mut running = Running::start(name, work, hilum, &arguments)?;
        let printed = work.join(format!("{name}.out"));
        let fixtures = eventually(&mut running, || {
            let text = fs::read_to_string(&printed).ok()?;
            serde_json::from_str(&text).ok()
        })?;
        let state = fs::read_to_string(folder.join("pg/postmaster.pid"))?;
        let postmaster = state.lines().next().unwrap_or_default().trim().parse()?;
        Ok(Self { _running: running, fixtures, folder, postmaster })
    }

    /// The socket's folder and the port of its PostgreSQL.
    pub(crate) fn socket(&self) -> Outcome<(String, u16)> {
        let url = url::Url::parse(text(&self.fixtures, "/database_url")?)?;
        let host = format!("host={}", url.host_str().unwrap_or_default());
        let host = url::form_urlencoded::parse(host.as_bytes()).next().map(|(_, host)| host.into_owned());
        Ok((host.unwrap_or_default(), url.port().unwrap_or(5432)))
    }

    /// Registers a client at the terminal and answers with its registration.
    fn register(&self, hilum: &Path, document: &Value) -> Outcome<Value> {
        let file = self.folder.join("registration.json");
        fs::write(&file, document.to_string())?;
        let answer = Command::new(hilum)
            .args(["client", "create", "--json", "--config"])
            .arg(self.folder.join("dev/hilum.toml"))
            .arg(&file)
            .env_remove("DATABASE_URL")
            .output()?;
        if !answer.status.success() {
            return Err(format!("hilum client create: {}", String::from_utf8_lossy(&answer.stderr)).into());
        }
        Ok(serde_json::from_slice(&answer.stdout)?)
    }
}

/// A `hilum serve` on the database of a `hilum dev`, on ports of its own.
pub(crate) struct Serve {
    pub(crate) arguments: Vec<String>,
    pub(crate) public: Target,
    pub(crate) mtls: Target,
}

impl Serve {
    pub(crate) fn configure(dev: &Dev, certificate: &Certificate, name: &str) -> Outcome<Self> {
        let [public, mtls, ops] = free_ports()?;
        let file = dev.folder.join(format!("{name}.toml"));
        let quoted = |path: &Path| toml::Value::String(path.display().to_string()).to_string();
        let dev_folder = dev.folder.join("dev").canonicalize()?;
        let text = format!(
            "[issuer]\nurl = \"https://localhost:{public}\"\n\
             [http]\npublic = [\"127.0.0.1:{public}\"]\nmtls = [\"127.0.0.1:{mtls}\"]\n\
             ops = [\"127.0.0.1:{ops}\"]\nmtls_url = \"https://localhost:{mtls}\"\n\
             [tls]\ncertificate_file = {}\nkey_file = {}\n\
             [database]\nurl = {}\n\
             [secrets]\nmaster_key_file = {}\n",
            quoted(&certificate.chain),
            quoted(&certificate.key),
            toml::Value::String(text(&dev.fixtures, "/database_url")?.to_owned()),
            quoted(&dev_folder.join("master.key")),
        );
        write_secret(&file, &text)?;
        let identity = Identity {
            certificate: &dev_folder.join(text_of(&dev.fixtures, "/clients/payer-es384/certificate")?),
            key: &dev_folder.join(text_of(&dev.fixtures, "/clients/payer-es384/key")?),
        };
        Ok(Self {
            arguments: vec!["serve".to_owned(), "--config".to_owned(), file.display().to_string()],
            public: Target::new(public, &certificate.chain, None)?,
            mtls: Target::new(mtls, &certificate.chain, Some(&identity))?,
        })
    }
}

/// The side that is measured, of a server that answers.
pub(crate) fn side(hilum: &Path, dev: &Dev, serve: &Serve, server: u32) -> Outcome<Side> {
    let fixtures = &dev.fixtures;
    let resource = text_of(fixtures, "/fhir")?;
    let introspector = dev.register(
        hilum,
        &json!({
            "client_name": "A resource server with a secret", "organization": "Measurement",
            "token_endpoint_auth_method": "client_secret_basic", "introspects": [resource],
        }),
    )?;
    Ok(Side {
        name: "Hilum",
        watched: Watched { server: Some(server), postmaster: Some(dev.postmaster) },
        public: serve.public.clone(),
        mtls: serve.mtls.clone(),
        paths: Paths::discover(&serve.public)?,
        secret: secret(fixtures, "partner-secret", None)?,
        es384: signer(fixtures, "payer-es384", Algorithm::Es384, "system/Coverage.rs")?,
        rs384: signer(fixtures, "payer-rs384", Algorithm::Rs384, "system/Coverage.rs")?,
        introspector: SecretClient {
            id: text_of(&introspector, "/client_id")?,
            secret: text_of(&introspector, "/client_secret")?,
            scope: String::new(),
        },
        introspectable: Vec::new(),
        app: App {
            client: secret(fixtures, "app-secret", Some(&format!("{APP_SCOPE} offline_access")))?,
            redirect_uri: text_of(fixtures, "/clients/app-secret/redirect_uris/0")?,
            resource,
            person: person(fixtures)?,
        },
    })
}

/// No `openid`: an id token would be signed too, and its algorithm would be what is measured.
pub(crate) const APP_SCOPE: &str = "launch/patient patient/Patient.rs patient/Observation.rs";

fn secret(fixtures: &Value, name: &str, scope: Option<&str>) -> Outcome<SecretClient> {
    let of = |member: &str| text_of(fixtures, &format!("/clients/{name}/{member}"));
    let scope = scope.map_or_else(|| of("scope"), |scope| Ok(scope.to_owned()))?;
    Ok(SecretClient { id: of("client_id")?, secret: of("client_secret")?, scope })
}

fn signer(fixtures: &Value, name: &str, algorithm: Algorithm, scope: &str) -> Outcome<Signer> {
    let of = |member: &str| text_of(fixtures, &format!("/clients/{name}/{member}"));
    let jwk = fixtures.pointer(&format!("/clients/{name}/private_jwk")).ok_or("a fixture without a key")?;
    let key = SigningKey::from_private_jwk(algorithm, jwk)?;
    Ok(Signer { id: of("client_id")?, key, kid: of("private_jwk/kid")?, scope: scope.to_owned() })
}

/// The patient of the fixtures.
fn person(fixtures: &Value) -> Outcome<Person> {
    let users = fixtures.get("users").and_then(Value::as_array).ok_or("fixtures without users")?;
    let is_patient = |user: &&Value| user.get("username").and_then(Value::as_str) == Some("pat.rivera");
    // Without people the operations that need one fail, and say so.
    let Some(user) = users.iter().find(is_patient) else { return Ok(Person::default()) };
    Ok(Person { username: text_of(user, "/username")?, password: text_of(user, "/password")? })
}

fn text<'a>(value: &'a Value, pointer: &str) -> Outcome<&'a str> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("no {pointer} in what Hilum told").into())
}

fn text_of(value: &Value, pointer: &str) -> Outcome<String> {
    text(value, pointer).map(str::to_owned)
}

/// How long a server takes from its start to its first answer; the server goes on.
pub(crate) fn first_answer(
    start: impl FnOnce() -> Outcome<Running>,
    target: &Target,
) -> Outcome<(Running, Duration)> {
    let begin = Instant::now();
    let mut running = start()?;
    eventually(&mut running, || {
        let answer = target.connect().and_then(|mut connection| connection.ask(&target.get(DISCOVERY, "")));
        answer.ok().filter(|answer| answer.status == 200)
    })?;
    Ok((running, begin.elapsed()))
}

fn eventually<T>(running: &mut Running, mut look: impl FnMut() -> Option<T>) -> Outcome<T> {
    let begin = Instant::now();
    while begin.elapsed() < READY {
        if let Some(found) = look() {
            return Ok(found);
        }
        running.check()?;
        std::thread::sleep(Duration::from_millis(1));
    }
    Err("a server was not ready in time".into())
}

/// Ports that nobody listens on now.
pub(crate) fn free_ports<const N: usize>() -> Outcome<[u16; N]> {
    let mut listeners = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

/// Writes a file that its owner alone may read.
pub(crate) fn write_secret(path: &Path, content: &str) -> Outcome<()> {
    fs::write(path, "")?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(fs::write(path, content)?)
}

pub(crate) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
