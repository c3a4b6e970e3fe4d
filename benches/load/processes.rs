//! Processes that the run starts and watches: their processor time and memory, from `/proc`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Outcome;

/// One tick of the kernel's accounts: `USER_HZ` is 100 on every Linux that Hilum runs on.
const TICK: Duration = Duration::from_millis(10);

/// A process that ends when this value goes, or its starter does.
pub(crate) struct Running {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Running {
    /// Starts a command; its words go to files in the folder of the run.
    pub(crate) fn start(name: &str, work: &Path, program: &Path, arguments: &[String]) -> Outcome<Self> {
        let log = work.join(format!("{name}.log"));
        // The signal follows the thread that starts it: call this from the main thread alone.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM"])
            .arg(program)
            .args(arguments)
            .env_remove("DATABASE_URL")
            .env_remove("HILUM_DATABASE__OWNER_URL")
            .stdin(Stdio::null())
            .stdout(File::create(work.join(format!("{name}.out")))?)
            .stderr(File::create(&log)?)
            .spawn()
            .map_err(|error| format!("starting {name}: {error}"))?;
        Ok(Self { child, name: name.to_owned(), log })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An error with its last words once it has ended.
    pub(crate) fn check(&mut self) -> Outcome<()> {
        let Some(status) = self.child.try_wait()? else { return Ok(()) };
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default();
        Err(format!("{} ended ({status}):\n{}", self.name, last.join("\n")).into())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            // One that has ended already needs no signal.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        for _ in 0..1500 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whose processor time is counted in a round.
#[derive(Clone, Copy)]
pub(crate) struct Watched {
    /// The server.
    pub(crate) server: Option<u32>,
    /// The first process of its PostgreSQL.
    pub(crate) postmaster: Option<u32>,
}

/// Processor time used so far.
#[derive(Clone, Copy)]
pub(crate) struct Used {
    pub(crate) server: Duration,
    /// The part of it that the kernel worked for the server.
    pub(crate) system: Duration,
    pub(crate) database: Duration,
}

impl Watched {
    pub(crate) fn used(self) -> Outcome<Used> {
        let server = self.server.map(Stat::of).transpose()?;
        let (server, system) = server.map_or_else(Default::default, |stat| (stat.own, stat.system));
        let database = self.postmaster.map_or(Ok(Duration::ZERO), cluster)?;
        Ok(Used { server, system, database })
    }
}

/// What a cluster has used: every process of it, and those that it has waited for.
fn cluster(postmaster: u32) -> Outcome<Duration> {
    let stat = Stat::of(postmaster)?;
    let mut used = stat.own + stat.waited_for;
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process may end between the list and the look.
        if let Ok(stat) = Stat::of(pid)
            && stat.parent == postmaster
        {
            used += stat.own;
        }
    }
    Ok(used)
}

struct Stat {
    parent: u32,
    own: Duration,
    system: Duration,
    waited_for: Duration,
}

impl Stat {
    fn of(pid: u32) -> Outcome<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat"))
            .map_err(|error| format!("process {pid} has ended: {error}"))?;
        // The name of the program stands in brackets and may hold anything; the fields follow it.
        let (_, rest) = text.rsplit_once(") ").ok_or("an unreadable /proc/PID/stat")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let field = |at: usize| {
            fields.get(at).and_then(|text| text.parse::<u32>().ok()).ok_or("an unreadable /proc/PID/stat")
        };
        Ok(Self {
            parent: field(1)?,
            own: TICK * (field(11)? + field(12)?),
            system: TICK * field(12)?,
            waited_for: TICK * (field(13)? + field(14)?),
        })
    }
}

/// A member of `/proc/PID/status` in MiB: `VmRSS` (memory now) or `VmHWM` (its peak).
pub(crate) fn memory(pid: u32, member: &str) -> Outcome<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line =
        text.lines().find_map(|line| line.strip_prefix(member)).ok_or("no memory in /proc/PID/status")?;
    let kib: u32 = line.trim_matches(|c: char| !c.is_ascii_digit()).parse()?;
    Ok(f64::from(kib) / 1024.0)
}
