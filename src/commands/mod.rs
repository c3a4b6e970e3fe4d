//! The commands of the terminal, one file each. Exit 0: done; 1: refused or failed; 2: wrong usage.

pub mod audit;
pub mod check;
pub mod client;
pub mod dev;
pub mod health;
pub mod keys;
pub mod migrate;
pub mod output;
pub mod pki;
pub mod resource;
pub mod restore;
pub mod rewrap;
pub mod running;
pub mod scope;
pub mod serve;
pub mod terminal;
pub mod user;
pub mod verdict;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use output::Failed;

#[derive(Parser)]
#[command(
    name = "hilum",
    version,
    about = "An OAuth 2.0, OpenID Connect and SMART on FHIR authorization server"
)]
struct Hilum {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything on this machine, with a private PostgreSQL and demonstration clients
    Dev(dev::Arguments),
    /// Run the server in production, against DATABASE_URL
    Serve(ConfigFile),
    /// Bring the schema up to date, as the owner of the schema (HILUM_DATABASE__OWNER_URL)
    Migrate(ConfigFile),
    /// Print the effective configuration, and what is unsafe in it for production
    Check(ConfigFile),
    /// Ask the server of this configuration, on this machine, whether it is alive
    Health(health::Options),
    /// Register, read and change clients
    Client(client::Options),
    /// Register, read and change resource servers, such as FHIR servers
    Resource(resource::Options),
    /// Tell what would be granted of a request, and by which rule
    Scope(scope::Options),
    /// Create, read and change the people who sign in
    User(user::Options),
    /// List and replace the signing keys
    Keys(keys::Options),
    /// Look after client certificates and whom the server believes to issue them
    Pki(pki::Options),
    /// Declare that the database was put back from a backup
    Restore(restore::Options),
    /// Search the audit trail
    Audit(audit::Options),
}

/// Where the configuration is.
#[derive(Args, Clone, Debug)]
pub struct ConfigFile {
    /// The configuration file [default: hilum.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Runs the command of a command line and answers with the exit code.
#[must_use]
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    // Not a command of people: this program starts itself so, to become PostgreSQL in its own right.
    if arguments.get(1).is_some_and(|first| first == "postgres-child") {
        return dev::cluster::child(arguments);
    }
    let hilum = match Hilum::try_parse_from(arguments) {
        Ok(hilum) => hilum,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            return match error.print() {
                Ok(()) => ExitCode::from(code),
                Err(_) => ExitCode::from(2),
            };
        }
    };
    let done = match hilum.command {
        Command::Dev(arguments) => dev::run(arguments),
        Command::Serve(file) => serve::run(file.config.as_deref()),
        Command::Migrate(file) => migrate::run(file.config.as_deref()),
        Command::Check(file) => check::run(file.config.as_deref()),
        Command::Health(options) => health::run(&options),
        Command::Client(options) => client::run(options),
        Command::Resource(options) => resource::run(options),
        Command::Scope(options) => scope::run(options),
        Command::User(options) => user::run(options),
        Command::Keys(options) => keys::run(options),
        Command::Pki(options) => pki::run(options),
        Command::Restore(options) => restore::run(&options),
        Command::Audit(options) => audit::run(options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(says)) => {
            output::complain(&says);
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn what_may_begin_with_a_hyphen_is_taken_for_what_it_is() {
        let (kid, double) = ("-Exyz0123456789-_", "--xyz0123456789-_");
        for named in [kid, double] {
            let rows: [&[&str]; 6] = [
                &["keys", "revoke", named],
                &["keys", "revoke", "--json", named],
                &["client", "remove-key", "0190aa7c-0000-7000-8000-000000000000", named],
                &["pki", "revoke", named, "--reason", "superseded"],
                &["audit", "list", "--patient", named, "--person", named],
                &["scope", "explain", "--client", "x", "--patient", named, "system/Claim.rs"],
            ];
            for row in rows {
                let parsed = Hilum::try_parse_from([&["hilum"], row].concat());
                assert!(parsed.is_ok(), "{row:?}: {}", parsed.err().unwrap());
            }
        }
        let parsed = Hilum::try_parse_from(["hilum", "keys", "revoke", kid, "--jsno"]);
        assert!(parsed.is_err(), "a word too many is refused");
    }

    #[test]
    fn every_argument_of_every_command_is_explained() {
        fn unexplained(command: &clap::Command, path: &str, found: &mut Vec<String>) {
            let path = format!("{path} {}", command.get_name());
            let silent = command.get_arguments().filter(|argument| argument.get_help().is_none());
            found.extend(silent.map(|argument| format!("{path} {}", argument.get_id())));
            for below in command.get_subcommands() {
                unexplained(below, &path, found);
            }
        }
        let mut found = Vec::new();
        unexplained(&Hilum::command(), "", &mut found);
        assert_eq!(found, Vec::<String>::new());
    }
}
