//! The private Postgres of `hilum dev`: the system's own `postgres`, started as a child, reached
//! over a Unix socket that only its starter can open, and gone when its starter is gone.
//!
//! | in the data folder | is |
//! |---|---|
//! | `hilum.lock` | held while a `hilum dev` uses the folder |
//! | `pg` | the cluster; in a root shell without user namespaces a link into `/var/lib/hilum` |
//! | `pg.new` | a cluster being made; never started, removed by the next start |
//! | `run` | the socket |
//! | `pg.log`, `pg.log.old` | what Postgres said, in this run and the one before |

mod binaries;
mod create;
mod error;
mod folder;
mod identity;
mod launch;
mod postmaster;
mod socket;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::ClusterError;
pub use launch::child;

use binaries::Programs;
use identity::Identity;
use launch::Launcher;
use postmaster::Postmaster;
use socket::Socket;

/// The one superuser role, made with the cluster.
const ADMIN: &str = "hilum_admin";

/// What a cluster is started from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The data folder; the cluster lives in `pg` inside it.
    pub data: PathBuf,
    /// Where `postgres` and `initdb` are (`PG_BINDIR`); otherwise they are looked for.
    pub bindir: Option<PathBuf>,
    /// The folder for sockets of this login (`XDG_RUNTIME_DIR`), used when `data` has too long a path.
    pub runtime: Option<PathBuf>,
    /// This program, which is run again as `postgres-child` and becomes Postgres.
    pub executable: PathBuf,
}

/// A running private Postgres. Dropping it stops it, too, but cannot report a failure.
#[derive(Debug)]
pub struct Cluster {
    // In the order of dropping: the server ends before its socket's folder and the lock go.
    postmaster: Postmaster,
    socket: Socket,
    _lock: File,
}

impl Cluster {
    /// Starts the cluster of a data folder, making it first if there is none.
    ///
    /// Call it from the main thread, before any runtime exists: Postgres is told to stop when the
    /// *thread* that started it ends.
    ///
    /// # Errors
    /// When the folder is in use, Postgres is missing, or it cannot be made or started; each error
    /// says what to do.
    pub fn start(settings: &Settings) -> Result<Self, ClusterError> {
        let data = folder::open(&settings.data)?;
        let lock = folder::lock(&data)?;
        let programs = Programs::find(settings.bindir.as_deref())?;
        let launcher = Launcher::new(&settings.executable, &data)?;

        let (identity, version) = choose_identity(&launcher, &programs, &data)?;
        let cluster = data.join("pg");
        if cluster.exists() {
            binaries::check_version(&cluster, version, &programs)?;
        } else {
            create::cluster(&launcher, &programs, identity, &data)?;
        }

        let cluster = folder::resolve(&cluster)?;
        postmaster::await_quiet(&cluster)?;
        let home = cluster.parent().unwrap_or(&data);
        let socket = Socket::place(home, settings.runtime.as_deref(), identity)?;
        let arguments = postmaster::arguments(&cluster, &socket);
        let server = launcher.logged(identity, &cluster, &programs.postgres(), &arguments)?;
        let postmaster = Postmaster::start(&launcher, server, &cluster)?;
        Ok(Self { postmaster, socket, _lock: lock })
    }

    /// The address of a database for a role, as sqlx and libpq read it. No password: whoever can
    /// open the socket is trusted, and only the starter can.
    #[must_use]
    pub fn url(&self, role: &str, database: &str) -> String {
        self.socket.url(role, database)
    }

    /// Ends the server: sessions are cut off, what was committed is on disk.
    ///
    /// # Errors
    /// When Postgres does not end in time; it is then made to, and recovers at the next start.
    pub fn stop(mut self) -> Result<(), ClusterError> {
        self.postmaster.stop()
    }
}

/// Under which identity Postgres runs, and the version it then tells.
fn choose_identity(
    launcher: &Launcher<'_>,
    programs: &Programs,
    data: &Path,
) -> Result<(Identity, u32), ClusterError> {
    let cluster = data.join("pg");
    if let Some(identity) = Identity::of_existing(&cluster)? {
        return match programs.version(launcher, identity, &folder::resolve(&cluster)?)? {
            Some(version) => Ok((identity, version)),
            None => Err(ClusterError::IdentityRefused { cluster }),
        };
    }
    for identity in Identity::candidates() {
        let whence = if identity.reaches_data() { data } else { Path::new("/") };
        if let Some(version) = programs.version(launcher, identity, whence)? {
            return Ok((identity, version));
        }
    }
    Err(ClusterError::Root)
}

/// Five milliseconds. Waiting is counted in these, so that no clock is read.
#[expect(
    clippy::disallowed_methods,
    reason = "PostgreSQL tells its state in a file only, and nothing else runs yet"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}
