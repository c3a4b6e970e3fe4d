//! The configuration: one TOML file, `hilum.toml`, and on top of it the environment.
//!
//! Every key is also a variable, `HILUM_SECTION__KEY`; `DATABASE_URL` is `database.url`. Nothing
//! else reads the environment. Each section parses itself into types that cannot hold nonsense;
//! all that is wrong is told at once.

pub mod database;
pub mod features;
pub mod hsm;
pub mod http;
pub mod issuer;
pub mod key_material;
pub mod limits;
pub mod log;
pub mod outbound;
pub mod pki;
pub mod problem;
mod production;
pub mod proxy;
pub mod revocation;
pub mod secrets;
pub mod sign_in;
mod source;
pub mod tls;
pub mod tokens;

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml::Value;

use database::Database;
use features::Features;
use hsm::Hsm;
use http::Http;
use issuer::Issuer;
use limits::Limits;
use log::Log;
use outbound::Outbound;
use pki::Pki;
use problem::{ConfigError, Problem, because};
use proxy::Proxy;
use revocation::Revocation;
use secrets::Secrets;
use sign_in::SignIn;
use source::Source;
use tls::Tls;
use tokens::Tokens;

/// The file that is read when none is named; it may be absent.
const FILE: &str = "hilum.toml";

/// The whole configuration.
#[derive(Debug)]
pub struct Config {
    /// The name of this server.
    pub issuer: Issuer,
    /// The listeners.
    pub http: Http,
    /// Where PostgreSQL is.
    pub database: Database,
    /// Certificates.
    pub tls: Tls,
    /// Who may hand on the certificate of a client.
    pub proxy: Option<Proxy>,
    /// How long things live.
    pub tokens: Tokens,
    /// How people sign in.
    pub sign_in: SignIn,
    /// What is offered only where it is wanted.
    pub features: Features,
    /// Where the master key is.
    pub secrets: Secrets,
    /// The hardware security module, where there is one.
    pub hsm: Option<Hsm>,
    /// What may be fetched from elsewhere.
    pub outbound: Outbound,
    /// How it is learnt that certificates were revoked.
    pub revocation: Revocation,
    /// The built-in client PKI.
    pub pki: Pki,
    /// How much is accepted.
    pub limits: Limits,
    /// How the log is written.
    pub log: Log,
}

/// What is left out when a configuration is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withhold {
    /// The passwords in URLs: to be shown.
    Secrets,
    /// Nothing: to be read again, from a file that its owner alone may read.
    Nothing,
}

impl Config {
    /// Reads the file, `hilum.toml` when none is named, and the environment.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let (text, named) = read_file(path)?;
        let read = environment().and_then(|given| Self::from_source(Source::read(&text, &named, given)));
        read.map_err(|error| ConfigError { nowhere: absent(path), ..error })
    }

    /// Parses the text of a file and the variables of an environment.
    pub fn parse(
        file: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        Self::from_source(Source::read(file, FILE, variables))
    }

    /// Combinations that no production server may run with, and files that it needs.
    /// What only the database can tell (its durability, its roles) is checked where it is opened.
    pub fn unsafe_for_production(&self) -> Vec<Problem> {
        production::problems(self)
    }

    /// Those of them that are about the files of certificates and keys, which may be replaced at any time.
    pub fn unsafe_files(tls: &Tls, proxy: Option<&Proxy>) -> Vec<Problem> {
        production::of_files(tls, proxy)
    }

    /// The effective configuration as TOML, with secrets withheld.
    pub fn shown(&self) -> String {
        self.to_toml(Withhold::Secrets)
    }

    /// The effective configuration as TOML, which `parse` reads back when nothing is withheld.
    pub fn to_toml(&self, withhold: Withhold) -> String {
        let sections = [
            ("issuer", self.issuer.to_table()),
            ("http", self.http.to_table()),
            ("database", self.database.to_table(withhold)),
            ("tls", self.tls.to_table()),
            ("proxy", self.proxy.as_ref().map(Proxy::to_table).unwrap_or_default()),
            ("tokens", self.tokens.to_table()),
            ("sign_in", self.sign_in.to_table()),
            ("features", self.features.to_table()),
            ("secrets", self.secrets.to_table(withhold)),
            ("hsm", self.hsm.as_ref().map(Hsm::to_table).unwrap_or_default()),
            ("outbound", self.outbound.to_table()),
            ("revocation", self.revocation.to_table()),
            ("pki", self.pki.to_table()),
            ("limits", self.limits.to_table()),
            ("log", self.log.to_table()),
        ];
        let written = sections.map(|(name, table)| format!("[{name}]\n{table}"));
        written.join("\n")
    }

    fn from_source(mut source: Source) -> Result<Self, ConfigError> {
        let issuer = source.section("issuer", Issuer::parse);
        let http = source.section("http", |section| Http::parse(section, issuer.as_ref()));
        let database = source.section("database", Database::parse);
        let tls = source.section("tls", Tls::parse);
        let proxy = source.section("proxy", Proxy::parse);
        let tokens = source.section("tokens", Tokens::parse);
        let sign_in = source.section("sign_in", SignIn::parse);
        let features = source.section("features", Features::parse);
        let hsm = source.section("hsm", Hsm::parse);
        let secrets = source.section("secrets", |section| Secrets::parse(section, hsm.as_ref()));
        let outbound = source.section("outbound", Outbound::parse);
        let revocation = source.section("revocation", Revocation::parse);
        let pki = source.section("pki", Pki::parse);
        let limits = source.section("limits", Limits::parse);
        let log = source.section("log", Log::parse);
        let problems = source.into_problems();
        match (issuer, http, secrets) {
            (Some(issuer), Some(http), Some(secrets)) if problems.is_empty() => Ok(Self {
                issuer,
                http,
                database,
                tls,
                proxy,
                tokens,
                sign_in,
                features,
                secrets,
                hsm,
                outbound,
                revocation,
                pki,
                limits,
                log,
            }),
            _ => Err(ConfigError::new(problems)),
        }
    }
}

impl Database {
    /// Reads `[database]` alone, for `hilum migrate`, which needs no issuer and no keys.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let (text, named) = read_file(path)?;
        let mut source = Source::read(&text, &named, environment()?);
        let database = source.section("database", Database::parse);
        let problems = source.into_problems();
        if problems.is_empty() { Ok(database) } else { Err(ConfigError::new(problems)) }
    }
}

impl Http {
    /// Reads `http.ops` alone, for `hilum health`. Whatever else the configuration says now is not
    /// judged: a mistake made in it since the start must not make a server that runs look ill.
    pub fn load_ops(path: Option<&Path>) -> Result<Vec<SocketAddr>, ConfigError> {
        let (text, named) = read_file(path)?;
        let mut source = Source::read(&text, &named, environment()?);
        let ops = source.section("http", http::operations);
        let mut problems = source.into_problems();
        problems.retain(|problem| problem.key == named || problem.key == "http.ops");
        if problems.is_empty() { Ok(ops) } else { Err(ConfigError::new(problems)) }
    }
}

fn read_file(path: Option<&Path>) -> Result<(String, String), ConfigError> {
    let named = path.unwrap_or(Path::new(FILE));
    let key = named.display().to_string();
    match std::fs::read_to_string(named) {
        Ok(text) => Ok((text, key)),
        Err(error) if path.is_none() && error.kind() == io::ErrorKind::NotFound => Ok((String::new(), key)),
        Err(error) => {
            Err(ConfigError::new(vec![Problem::new(key, format!("cannot be read: {}", because(&error)))]))
        }
    }
}

/// The folder in which no configuration was found, when none was named.
#[must_use]
pub fn absent(named: Option<&Path>) -> Option<PathBuf> {
    if named.is_some() || Path::new(FILE).exists() {
        return None;
    }
    Some(std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")))
}

/// The environment of the process. `vars` would panic on what is not Unicode.
fn environment() -> Result<Vec<(String, String)>, ConfigError> {
    let (mut variables, mut problems) = (Vec::new(), Vec::new());
    for (name, value) in std::env::vars_os().filter(|(name, _)| is_own(name)) {
        let name = name.to_string_lossy().into_owned();
        match value.into_string() {
            Ok(value) => variables.push((name, value)),
            Err(_) => problems.push(Problem::new(name, "is not text in UTF-8; write it anew")),
        }
    }
    if problems.is_empty() { Ok(variables) } else { Err(ConfigError::new(problems)) }
}

/// The names of the variables of this process that are Hilum's, and may hold secrets: other programs are not told.
#[must_use]
pub fn own_variables() -> Vec<OsString> {
    std::env::vars_os().map(|(name, _)| name).filter(is_own).collect()
}

fn is_own(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    name == "DATABASE_URL" || name.starts_with("HILUM_")
}

/// A number as TOML writes it. Those of a configuration are far below the bound.
fn whole(number: impl TryInto<i64>) -> Value {
    Value::Integer(number.try_into().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;

/// Whether whoever sits at the terminal has nothing against colour (no-color.org).
#[must_use]
pub fn may_colour() -> bool {
    machine("NO_COLOR").is_none() && machine("TERM").as_deref() != Some("dumb")
}

/// What the machine says outside of Hilum's own settings, such as `PG_BINDIR` or `XDG_RUNTIME_DIR`.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "config reads the environment")]
pub fn machine(name: &str) -> Option<String> {
    std::env::var_os(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty())
}
