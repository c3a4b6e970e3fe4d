//! `hilum dev`: everything on this machine, for development: a private PostgreSQL, certificates,
//! demonstration people, clients and one FHIR server.

pub mod certificates;
mod claims;
pub mod cluster;
pub mod database;
pub mod demo;
pub mod desk;
pub mod files;
pub mod fixtures;
mod patients;
pub mod people;
pub mod welcome;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::app::{Beside, Ground};
use crate::config::issuer::{BaseUrl, at_the_root};
use crate::config::{Config, machine};
use crate::platform::{telemetry, tls};
use crate::protocol::error::Doing;

use super::output::{Failed, complain, print_json};
use super::running::{self, Running};
use super::terminal;
use cluster::{Cluster, Settings};
use database::Urls;
use files::Files;

/// What to do about an address that another program has.
const TAKEN: &str = "choose others with --public, --mtls and --ops";

/// The arguments of `hilum dev`.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Where everything is kept
    #[arg(long, default_value = "data", value_name = "DIR")]
    data: PathBuf,
    /// The issuer [default: https://localhost at the port of --public]
    #[arg(long, value_name = "URL", value_parser = issuer)]
    issuer: Option<BaseUrl>,
    /// The address of the public listener
    #[arg(long, default_value = "127.0.0.1:8443", value_name = "ADDR")]
    public: SocketAddr,
    /// The address of the mutual-TLS listener
    #[arg(long, default_value = "127.0.0.1:8444", value_name = "ADDR")]
    mtls: SocketAddr,
    /// The address of the operations listener
    #[arg(long, default_value = "127.0.0.1:9464", value_name = "ADDR")]
    ops: SocketAddr,
    /// Print fixtures.json once ready, in place of the welcome
    #[arg(long)]
    json: bool,
}

/// What `hilum dev` was told, or takes where it was told nothing.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where everything is kept.
    pub data: PathBuf,
    /// The issuer.
    pub issuer: BaseUrl,
    /// The address of the public listener.
    pub public: SocketAddr,
    /// The address of the mutual-TLS listener.
    pub mtls: SocketAddr,
    /// The address of the operations listener.
    pub ops: SocketAddr,
    /// Whether fixtures.json is printed in place of the welcome.
    pub json: bool,
}

impl Arguments {
    /// An issuer that is not given is where the public listener is: metadata name it.
    fn options(self) -> Result<Options, String> {
        let Self { data, issuer: given, public, mtls, ops, json } = self;
        let usual = || issuer(&format!("https://localhost:{}", public.port()));
        Ok(Options { data, issuer: given.map_or_else(usual, Ok)?, public, mtls, ops, json })
    }
}

fn issuer(text: &str) -> Result<BaseUrl, String> {
    let url = at_the_root(text).map_err(str::to_owned)?;
    if url.is_https() { Ok(url) } else { Err("give an https URL: hilum dev always serves TLS".to_owned()) }
}

/// Runs `hilum dev`.
pub fn run(arguments: Arguments) -> Result<(), Failed> {
    let options = &arguments.options().map_err(Failed)?;
    let files = Files::at(&options.data)?;
    // PostgreSQL ends with the thread that started it: this one, before any other exists.
    let (cluster, urls) = start_database(options)?;
    files.write_master_key()?;
    files.write_config(options, &urls)?;
    let config = Config::load(Some(&files.config()))?;
    tls::install();
    let log = telemetry::start(&config.log).doing("starting the log")?;
    let served = running::runtime()?.block_on(async {
        database::prepare(&urls).await?;
        let ground = Ground::connect(&config).await?;
        certificates::ensure(&files, options, ground.administration.clock.now())?;
        let terminal = terminal::at_terminal(&ground)?;
        let fixtures = demo::ensure(&files, options, &terminal, &urls).await?;
        let reload = || Config::load(Some(&files.config()));
        let beside = desk::of(options, &files, &fixtures).map_or(Beside::Nothing, Beside::Sandbox);
        let (reload, judge) = (Box::new(reload), |_: &_| Vec::new());
        let running = Running { config: &config, ground: &ground, beside, log, taken: TAKEN, reload, judge };
        running::serve(running, || {
            if options.json {
                print_json(&fixtures);
            } else {
                welcome::print(options, &files, &fixtures);
            }
        })
        .await
    });
    if let Some(cluster) = cluster {
        cluster.stop().map_err(|error| Failed(error.to_string()))?;
    }
    served
}

/// The private cluster, unless `DATABASE_URL` names another database.
fn start_database(options: &Options) -> Result<(Option<Cluster>, Urls), Failed> {
    if let Some(url) = machine("DATABASE_URL") {
        let owner = machine("HILUM_DATABASE__OWNER_URL").ok_or_else(|| {
            Failed(
                "DATABASE_URL is set: set HILUM_DATABASE__OWNER_URL too, or neither for a private PostgreSQL"
                    .to_owned(),
            )
        })?;
        return Ok((None, Urls { runtime: url, owner, admin: None }));
    }
    if !options.data.join("pg").exists() {
        complain("making a private PostgreSQL (once) ...");
    }
    let settings = Settings {
        data: options.data.clone(),
        bindir: machine("PG_BINDIR").map(PathBuf::from),
        runtime: machine("XDG_RUNTIME_DIR").map(PathBuf::from),
        executable: std::env::current_exe()?,
    };
    let cluster = Cluster::start(&settings).map_err(|error| Failed(error.to_string()))?;
    let urls = Urls {
        runtime: cluster.url("hilum_app", "hilum"),
        owner: cluster.url("hilum_owner", "hilum"),
        admin: Some(cluster.url("hilum_admin", "postgres")),
    };
    Ok((Some(cluster), urls))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Dev {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn the_issuer_is_where_the_public_listener_is_unless_it_is_given() {
        let rows: [(&[&str], &str); 4] = [
            (&[], "https://localhost:8443"),
            (&["--public", "127.0.0.1:8943"], "https://localhost:8943"),
            (&["--public", "127.0.0.1:443"], "https://localhost"),
            (&["--public", "127.0.0.1:8943", "--issuer", "https://a.example"], "https://a.example"),
        ];
        for (given, expected) in rows {
            let dev = Dev::try_parse_from([&["dev"], given].concat()).unwrap();
            assert_eq!(dev.arguments.options().unwrap().issuer.as_str(), expected, "{given:?}");
        }
    }
}
