//! Where Postgres's server programs are, and of which version.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::ClusterError;
use super::folder;
use super::identity::Identity;
use super::launch::{self, Launcher};

/// A folder with both `postgres` and `initdb`.
#[derive(Debug)]
pub(super) struct Programs {
    bindir: PathBuf,
}

impl Programs {
    /// The folder named, else Debian's newest, else what `pg_config` says.
    pub(super) fn find(named: Option<&Path>) -> Result<Self, ClusterError> {
        if let Some(bindir) = named {
            let bindir = std::path::absolute(bindir).unwrap_or_else(|_| bindir.to_owned());
            if holds_server(&bindir) {
                return Ok(Self { bindir });
            }
            return Err(ClusterError::WrongBindir { bindir });
        }
        newest(Path::new("/usr/lib/postgresql"))
            .or_else(configured)
            .map(|bindir| Self { bindir })
            .ok_or(ClusterError::NotInstalled)
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.bindir.join("postgres")
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.bindir.join("initdb")
    }

    /// The major version, asked under the identity that will run the server; `None` when that
    /// identity cannot be assumed, or cannot reach the folder it is to work in.
    pub(super) fn version(
        &self,
        launcher: &Launcher<'_>,
        identity: Identity,
        whence: &Path,
    ) -> Result<Option<u32>, ClusterError> {
        let program = self.postgres();
        let unusable = |detail: String| ClusterError::NotRunnable { program: program.clone(), detail };
        let answer = launcher
            .command(identity, whence, &program, &[OsString::from("--version")])
            .output()
            .map_err(ClusterError::file("run", launcher.executable()))?;
        if launch::was_refused(answer.status) {
            return Ok(None);
        }
        let said = String::from_utf8_lossy(&answer.stdout);
        match parse_version(&said) {
            Some(major) if answer.status.success() => Ok(Some(major)),
            _ => Err(unusable(format!("{} {}", said.trim(), String::from_utf8_lossy(&answer.stderr).trim()))),
        }
    }
}

/// Refuses a data directory that these programs cannot read.
pub(super) fn check_version(cluster: &Path, installed: u32, programs: &Programs) -> Result<(), ClusterError> {
    let file = cluster.join("PG_VERSION");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Err(ClusterError::NotACluster { cluster: cluster.to_owned() });
        }
        Err(e) => return Err(ClusterError::file("read", &file)(e)),
    };
    let found = leading_number(text.trim())
        .ok_or_else(|| ClusterError::NotACluster { cluster: cluster.to_owned() })?;
    if found == installed {
        return Ok(());
    }
    Err(ClusterError::OtherVersion {
        cluster: cluster.to_owned(),
        run: folder::resolve(cluster)?.with_file_name("run"),
        found,
        installed,
        bindir: programs.bindir.clone(),
    })
}

/// Of `<root>/<major>/bin`, the highest major that has the server: a client package alone makes
/// such a folder, too.
pub(super) fn newest(root: &Path) -> Option<PathBuf> {
    fs::read_dir(root)
        .ok()?
        .filter_map(Result::ok)
        .filter_map(|entry| Some((leading_number(entry.file_name().to_str()?)?, entry.path().join("bin"))))
        .filter(|(_, bindir)| holds_server(bindir))
        .max_by_key(|(major, _)| *major)
        .map(|(_, bindir)| bindir)
}

fn configured() -> Option<PathBuf> {
    let answer = Command::new("pg_config").arg("--bindir").output().ok()?;
    let bindir = PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim());
    holds_server(&bindir).then_some(bindir)
}

fn holds_server(bindir: &Path) -> bool {
    ["postgres", "initdb"].iter().all(|name| bindir.join(name).is_file())
}

/// `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)` gives 15; so do `15beta1` and `15devel`.
pub(super) fn parse_version(text: &str) -> Option<u32> {
    leading_number(text.strip_prefix("postgres (PostgreSQL) ")?)
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}
