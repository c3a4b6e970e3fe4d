//! What the commands that administer share: the configuration, the database, and who is at the terminal.

use std::future::Future;
use std::io::Read;
use std::path::Path;

use clap::Args;
use nix::unistd::{User, getuid};
use serde_json::{Map, Value};

use crate::admin::Administration;
use crate::admin::actor::{Actor, Caller};
use crate::app::Ground;
use crate::config::Config;
use crate::model::audit_event::Origin;
use crate::platform::tls;
use crate::protocol::error::Doing;

use super::ConfigFile;
use super::output::{Failed, complain};

/// The configuration that `hilum dev` writes.
const DEVELOPMENT: &str = "data/dev/hilum.toml";

/// Options of every command that administers.
#[derive(Args, Clone, Debug)]
pub struct TerminalOptions {
    /// Where the configuration is.
    #[command(flatten)]
    pub file: ConfigFile,
    /// Print JSON instead of a table
    #[arg(long, global = true)]
    pub json: bool,
}

/// Somebody at a terminal, connected to the database.
pub struct Terminal {
    /// What administrators do.
    pub administration: Administration,
    /// Who does it.
    pub caller: Caller,
}

/// Connects and runs one piece of administration.
pub fn with<T, F>(options: &TerminalOptions, work: impl FnOnce(Terminal) -> F) -> Result<T, Failed>
where
    F: Future<Output = Result<T, Failed>>,
{
    tls::install();
    let config = configuration(options.file.config.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let ground = Ground::connect(&config).await?;
        work(at_terminal(&ground)?).await
    })
}

/// Whoever is at the terminal, over a ground.
pub fn at_terminal(ground: &Ground) -> Result<Terminal, Failed> {
    let administration = ground.administration.clone();
    let request = administration.entropy.id(administration.clock.now()).doing("naming a command")?;
    let user = User::from_uid(getuid()).ok().flatten();
    let account = user.map_or_else(|| getuid().to_string(), |user| user.name);
    let origin = Origin { peer: None, certificate: None, request, process: ground.process.clone() };
    Ok(Terminal { administration, caller: Caller { actor: Actor::Terminal { account }, origin } })
}

/// The configuration that is named, or `hilum.toml`, or the one of `hilum dev` in this folder.
fn configuration(named: Option<&Path>) -> Result<Config, Failed> {
    let development = Path::new(DEVELOPMENT);
    match Config::load(named) {
        Ok(config) => Ok(config),
        Err(_) if named.is_none() && !Path::new("hilum.toml").exists() && development.exists() => {
            complain(&format!("using {DEVELOPMENT}"));
            Ok(Config::load(Some(development))?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads a JSON object from a file, or from the input stream when the file is `-`.
pub fn read_document(file: &Path) -> Result<Map<String, Value>, Failed> {
    let text = read_bytes(file)?;
    crate::jose::object::parse_object(&text)
        .map_err(|_| Failed(format!("{} is not a JSON object without repeated members", file.display())))
}

/// Reads a file, or the input stream when the file is `-`.
pub fn read_bytes(file: &Path) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut bytes)?;
    } else {
        bytes = std::fs::read(file).map_err(|error| Failed(format!("{}: {error}", file.display())))?;
    }
    Ok(bytes)
}
