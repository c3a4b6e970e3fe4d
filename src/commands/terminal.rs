//! What the commands that administer share: the configuration, the database, and who is at the terminal.

use std::future::Future;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use nix::unistd::{User, getuid};
use serde_json::{Map, Value};

use crate::admin::Administration;
use crate::admin::actor::{Actor, Caller};
use crate::app::Ground;
use crate::config::Config;
use crate::config::problem::because;
use crate::jose::object::{ObjectError, parse_object};
use crate::model::audit_event::Origin;
use crate::platform::tls;
use crate::protocol::error::Doing;

use super::output::{Failed, complain};

/// The configuration that `hilum dev` writes.
const DEVELOPMENT: &str = "data/dev/hilum.toml";

/// Options of every command that administers.
#[derive(Args, Clone, Debug)]
pub struct TerminalOptions {
    /// The configuration file [default: hilum.toml, or data/dev/hilum.toml where there is none]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
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
    let config = configuration(options.config.as_deref())?;
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
        Err(error) if error.nowhere.is_some() && development.exists() => {
            complain(&format!("using {DEVELOPMENT}"));
            Ok(Config::load(Some(development))?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads a JSON object from a file, or from the input stream when the file is `-`.
pub fn read_document(file: &Path) -> Result<Map<String, Value>, Failed> {
    let text = read_bytes(file)?;
    parse_object(&text).map_err(|error| Failed(unread(&named(file), &text, error)))
}

/// Why a text is no document, with the place where it ceases to be JSON.
fn unread(named: &str, text: &[u8], error: ObjectError) -> String {
    let json: Result<Value, serde_json::Error> = serde_json::from_slice(text);
    match (error, json) {
        (ObjectError::Malformed, Err(error)) => {
            let (line, column, says) = (error.line(), error.column(), error.to_string());
            let says = says.split_once(" at line ").map_or(says.as_str(), |(says, _)| says);
            format!("{named}, line {line} column {column}: {says}")
        }
        (ObjectError::Malformed, Ok(_)) => {
            format!("{named} holds JSON that is not a JSON object: write {{…}}")
        }
        (error @ (ObjectError::RepeatedMember | ObjectError::TooDeep | ObjectError::Nul), _) => {
            format!("{named} cannot be taken: {error}")
        }
    }
}

/// How a file is called that may be the input stream.
fn named(file: &Path) -> String {
    if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() }
}

/// Reads a file, or the input stream when the file is `-`.
pub fn read_bytes(file: &Path) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut bytes)?;
    } else {
        bytes = std::fs::read(file)
            .map_err(|error| Failed(format!("{} cannot be read: {}", file.display(), because(&error))))?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_document_is_told_with_the_place_where_it_ceases_to_be_one() {
        let rows = [
            ("{\"a\": }", "standard input, line 1 column 7: expected value"),
            ("{\"a\": 1,\n}", "standard input, line 2 column 1: trailing comma"),
            ("[]", "standard input holds JSON that is not a JSON object: write {…}"),
            ("{\"a\": 1, \"a\": 2}", "standard input cannot be taken: a member name occurs more than once"),
        ];
        for (text, expected) in rows {
            let error = parse_object(text.as_bytes()).unwrap_err();
            assert_eq!(unread(&named(Path::new("-")), text.as_bytes(), error), expected);
        }
    }
}
