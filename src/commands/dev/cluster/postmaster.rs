//! The server process: started, awaited, ended.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::error::ClusterError;
use super::launch::Launcher;
use super::pause;
use super::socket::{PORT, Socket};

/// 30 s in steps; recovery after a crash is the slow case.
const START_STEPS: u32 = 6000;
/// 15 s: a fast shutdown writes a checkpoint.
const STOP_STEPS: u32 = 3000;

/// Written into the command line, so that no edit of `postgresql.conf` opens a port or risks data.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "fsync=on",
    "full_page_writes=on",
    "max_connections=100",
    "timezone=UTC",
    "log_timezone=UTC",
    "logging_collector=off",
    "log_destination=stderr",
];

/// A running `postgres`.
#[derive(Debug)]
pub(super) struct Postmaster {
    process: Child,
    log: PathBuf,
}

impl Postmaster {
    /// Runs the command of a server and waits until it accepts connections.
    pub(super) fn start(
        launcher: &Launcher<'_>,
        mut server: Command,
        cluster: &Path,
    ) -> Result<Self, ClusterError> {
        let process = server.spawn().map_err(ClusterError::file("run", launcher.executable()))?;
        let mut postmaster = Self { process, log: launcher.log().to_owned() };
        postmaster.await_ready(launcher, &cluster.join("postmaster.pid"))?;
        Ok(postmaster)
    }

    fn await_ready(&mut self, launcher: &Launcher<'_>, pid_file: &Path) -> Result<(), ClusterError> {
        for _ in 0..START_STEPS {
            if fs::read_to_string(pid_file).is_ok_and(|text| announces_ready(&text, self.process.id())) {
                return Ok(());
            }
            if self.has_ended() {
                return Err(ClusterError::Ended { log: self.log.clone(), tail: launcher.tail() });
            }
            pause();
        }
        Err(ClusterError::NotReady { log: self.log.clone(), tail: launcher.tail() })
    }

    /// A fast shutdown, and if that takes too long an immediate one.
    pub(super) fn stop(&mut self) -> Result<(), ClusterError> {
        if self.ends_after(Signal::SIGINT) {
            return Ok(());
        }
        if !self.ends_after(Signal::SIGQUIT) {
            // If even this fails there is nothing left to try; the error says what there is to say.
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
        Err(ClusterError::NotStopped { log: self.log.clone() })
    }

    fn ends_after(&mut self, signal: Signal) -> bool {
        if self.has_ended() {
            return true;
        }
        // Not yet waited for, so the id is still this child's.
        if let Ok(pid) = i32::try_from(self.process.id()) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
        (0..STOP_STEPS).any(|_| {
            pause();
            self.has_ended()
        })
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.process.try_wait(), Ok(None))
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        // The folder must not be given back while the server still works in it.
        let _ = self.stop();
    }
}

/// The command line of the server.
pub(super) fn arguments(cluster: &Path, socket: &Socket) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["-D".into(), cluster.into()];
    let mut place: OsString = "unix_socket_directories=".into();
    place.push(socket.setting());
    let settings = SETTINGS.iter().map(OsString::from).chain([place, format!("port={PORT}").into()]);
    for setting in settings {
        arguments.push("-c".into());
        arguments.push(setting);
    }
    arguments
}

/// Line 1 of `postmaster.pid` is the process, line 8 its state (`pidfile.h`: `PM_STATUS_READY`).
pub(super) fn announces_ready(text: &str, pid: u32) -> bool {
    let mut lines = text.lines();
    let owner = lines.next().and_then(|line| line.trim().parse().ok());
    owner == Some(pid) && lines.nth(6).map(str::trim) == Some("ready")
}

/// Waits until no process of an earlier run works in a data directory, then removes the `postmaster.pid`
/// that a crash has left.
///
/// A server whose hilum was killed is shutting down by itself. The pid in the file proves nothing after
/// a reboot or in a new container, where it may be anybody's; Postgres would believe it and refuse.
/// The folder a process works in cannot be mistaken, and every process of a server works in its data.
pub(super) fn await_quiet(cluster: &Path) -> Result<(), ClusterError> {
    if !Path::new("/proc/self/cwd").exists() {
        // Nothing can be known here, so the file is left for PostgreSQL to judge.
        return Ok(());
    }
    let mut user = None;
    for _ in 0..STOP_STEPS {
        user = works_in(cluster);
        if user.is_none() {
            break;
        }
        pause();
    }
    if let Some(pid) = user {
        return Err(ClusterError::StillRunning { cluster: cluster.to_owned(), pid });
    }
    super::folder::remove(&cluster.join("postmaster.pid"))
}

/// A process of Postgres whose working folder is this one. (A shell may stand in it, too.)
fn works_in(folder: &Path) -> Option<u32> {
    fs::read_dir("/proc").ok()?.filter_map(Result::ok).find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let works_there = fs::read_link(entry.path().join("cwd")).ok()? == folder;
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        (works_there && ["postgres", "initdb"].contains(&name.trim())).then_some(pid)
    })
}
