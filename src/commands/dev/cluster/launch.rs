//! Both ends of running a Postgres program: the command that runs hilum again, and what that
//! second hilum does before it becomes the program. The detour replaces code between fork and
//! exec, which only `unsafe` could write.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitCode, ExitStatus, Stdio};

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::getppid;

use super::error::ClusterError;
use super::identity::Identity;

/// The first argument that makes hilum a child which becomes Postgres.
const CHILD: &str = "postgres-child";

/// The child's exit code when the identity cannot be assumed; Postgres's own are 0 to 3.
const REFUSED: u8 = 97;
/// The child's exit code for everything else that keeps it from becoming the program.
const FAILED: u8 = 98;

/// Inherited settings that would reach into the server.
const FOREIGN: &[&str] = &["PGDATA", "PGPORT", "PGOPTIONS", "PGCLIENTENCODING", "PGDATESTYLE", "PGTZ"];

const TAIL_BYTES: u64 = 8 * 1024;
const TAIL_LINES: usize = 20;

/// Runs Postgres's programs, with their words in one log.
#[derive(Debug)]
pub(super) struct Launcher<'a> {
    executable: &'a Path,
    log: PathBuf,
}

impl<'a> Launcher<'a> {
    /// Begins a new log; the one before stays, as it may tell why the last run ended.
    pub(super) fn new(executable: &'a Path, data: &Path) -> Result<Self, ClusterError> {
        let log = data.join("pg.log");
        match fs::rename(&log, data.join("pg.log.old")) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(ClusterError::file("move", &log)(e)),
        }
        Ok(Self { executable, log })
    }

    pub(super) fn executable(&self) -> &Path {
        self.executable
    }

    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// A program to be run under an identity, in a folder.
    pub(super) fn command(
        &self,
        identity: Identity,
        folder: &Path,
        program: &Path,
        arguments: &[OsString],
    ) -> Command {
        let mut command = Command::new(self.executable);
        command
            .arg(CHILD)
            .arg(process::id().to_string())
            .arg(identity.write())
            .arg(folder)
            .arg(program)
            .args(arguments)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            // Ctrl-C in the terminal is hilum's to act on: it still needs its database while it drains.
            .process_group(0);
        for name in FOREIGN {
            command.env_remove(name);
        }
        command
    }

    /// The same, with its words in the log.
    pub(super) fn logged(
        &self,
        identity: Identity,
        folder: &Path,
        program: &Path,
        arguments: &[OsString],
    ) -> Result<Command, ClusterError> {
        let writable = || OpenOptions::new().create(true).append(true).mode(0o600).open(&self.log);
        let out = writable().map_err(ClusterError::file("write", &self.log))?;
        let err = writable().map_err(ClusterError::file("write", &self.log))?;
        let mut command = self.command(identity, folder, program, arguments);
        command.stdout(out).stderr(err);
        Ok(command)
    }

    /// The last lines of the log, to be shown.
    pub(super) fn tail(&self) -> String {
        let text = last_bytes(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(TAIL_LINES);
        lines.get(from..).unwrap_or_default().join("\n")
    }
}

/// Whether a child ended because it could not assume its identity.
pub(super) fn was_refused(status: ExitStatus) -> bool {
    status.code() == Some(i32::from(REFUSED))
}

fn last_bytes(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The body of `hilum postgres-child`: `arguments` is the whole command line. Nothing else may have
/// been started in this process. It returns only if it could not become the program.
#[must_use]
pub fn child(arguments: Vec<OsString>) -> ExitCode {
    let mut arguments = arguments.into_iter().skip_while(|a| a != CHILD).skip(1);
    let Some(order) = Order::parse(&mut arguments) else {
        eprintln!("{CHILD} is how `hilum dev` starts its database; it is not a command");
        return ExitCode::from(2);
    };
    if let Err(e) = order.identity.assume().and_then(|()| env::set_current_dir(&order.folder)) {
        eprintln!("the database cannot work in {} as {:?}: {e}", order.folder.display(), order.identity);
        return ExitCode::from(REFUSED);
    }
    // After the change of user, which would undo it. A parent that died before it took effect is
    // seen by the comparison.
    if let Err(e) = prctl::set_pdeathsig(Signal::SIGINT) {
        eprintln!("the database cannot be tied to its starter: {e}");
        return ExitCode::from(FAILED);
    }
    if getppid().as_raw() != order.parent {
        return ExitCode::from(FAILED);
    }
    let error = Command::new(&order.program).args(arguments).exec();
    eprintln!("could not run {}: {error}", order.program.display());
    ExitCode::from(FAILED)
}

struct Order {
    parent: i32,
    identity: Identity,
    folder: PathBuf,
    program: PathBuf,
}

impl Order {
    fn parse(arguments: &mut impl Iterator<Item = OsString>) -> Option<Self> {
        Some(Self {
            parent: arguments.next()?.to_str()?.parse().ok()?,
            identity: Identity::parse(&arguments.next()?)?,
            folder: arguments.next()?.into(),
            program: arguments.next()?.into(),
        })
    }
}
