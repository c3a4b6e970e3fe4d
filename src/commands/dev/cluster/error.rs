use std::io;
use std::path::{Path, PathBuf};

/// Why there is no private Postgres, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// A file or folder could not be used.
    #[error(
        "could not {doing} {path}: {source}; see that this user may do so, or choose another folder with --data"
    )]
    File {
        /// What was attempted.
        doing: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error(
        "{data} is in use by another `hilum dev` (process {holder}): stop that one, or choose another folder with --data"
    )]
    InUse {
        /// The data folder.
        data: PathBuf,
        /// The process that wrote its id into the lock file.
        holder: String,
    },
    /// There are no server programs.
    #[error(
        "PostgreSQL's server programs were not found: install the package `postgresql` (scripts/dev does it) or set PG_BINDIR"
    )]
    NotInstalled,
    /// `PG_BINDIR` names a folder without the server programs.
    #[error(
        "PG_BINDIR is {bindir}, which holds no `postgres` and `initdb`: set it to the folder that does, or unset it"
    )]
    WrongBindir {
        /// The folder named.
        bindir: PathBuf,
    },
    /// A program could not be run, or answered nonsense.
    #[error(
        "{program} does not run ({detail}): install the package `postgresql` again, or set PG_BINDIR to another version"
    )]
    NotRunnable {
        /// The program.
        program: PathBuf,
        /// What it said.
        detail: String,
    },
    /// `pg` is something else.
    #[error(
        "{cluster} is not a PostgreSQL data directory: move it away, or choose another folder with --data"
    )]
    NotACluster {
        /// The folder.
        cluster: PathBuf,
    },
    /// The data directory is of another major version.
    #[error("{}", other_version(cluster, run, [*found, *installed], bindir))]
    OtherVersion {
        /// The data directory.
        cluster: PathBuf,
        /// Where its server puts its socket.
        run: PathBuf,
        /// The major version that made it.
        found: u32,
        /// The major version of the programs.
        installed: u32,
        /// Where the programs are.
        bindir: PathBuf,
    },
    /// The data directory is another user's.
    #[error(
        "{cluster} belongs to the user with the id {owner}: run hilum as that user, or choose another folder with --data"
    )]
    OtherOwner {
        /// The data directory.
        cluster: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Postgres refuses root and neither way around it is open.
    #[error(
        "PostgreSQL does not run as root, this system forbids user namespaces, and there is no account `postgres` to run it as: run hilum as an ordinary user, or set DATABASE_URL"
    )]
    Root,
    /// A cluster made by one identity cannot be run by it any more.
    #[error(
        "PostgreSQL cannot be run as the owner of {cluster} here (as root, that takes user namespaces): run hilum as an ordinary user, or move {cluster} away to begin with a new cluster"
    )]
    IdentityRefused {
        /// The data directory.
        cluster: PathBuf,
    },
    /// A former server does not end.
    #[error(
        "a PostgreSQL of an earlier run (process {pid}) still uses {cluster}: wait, or end it with `kill -INT {pid}`"
    )]
    StillRunning {
        /// The data directory.
        cluster: PathBuf,
        /// A process that works in it.
        pid: u32,
    },
    /// No folder for the socket has a path that is short enough.
    #[error(
        "no folder for the database socket can be used ({detail}): the path may be at most 107 bytes; choose a shorter one with --data, or set TMPDIR to an existing folder with a short path"
    )]
    NoSocketFolder {
        /// What was wrong with the last one tried.
        detail: String,
    },
    /// `initdb` failed.
    #[error(
        "PostgreSQL could not make its data directory; {log} ends with:\n{tail}\nremove the cause and start again"
    )]
    NotCreated {
        /// The log.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// `postgres` ended before it was ready.
    #[error(
        "PostgreSQL ended before it was ready; {log} ends with:\n{tail}\nremove the cause and start again"
    )]
    Ended {
        /// The log.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// `postgres` did not become ready in time.
    #[error(
        "PostgreSQL was not ready after 30 seconds; {log} ends with:\n{tail}\nif it is recovering, start again: it goes on where it was"
    )]
    NotReady {
        /// The log.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// `postgres` did not end in time.
    #[error(
        "PostgreSQL did not end in time and was cut off; nothing committed is lost, the next start recovers it; if this repeats, see {log}"
    )]
    NotStopped {
        /// The log.
        log: PathBuf,
    },
}

impl ClusterError {
    /// For `map_err` on file operations.
    pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { doing, path: path.to_owned(), source }
    }
}

fn other_version(cluster: &Path, run: &Path, [found, installed]: [u32; 2], bindir: &Path) -> String {
    let (cluster, run, new) = (cluster.display(), run.display(), bindir.display());
    format!(
        "{cluster} was made by PostgreSQL {found}, and the programs in {new} are version {installed}.\n\
         To begin with an empty database: move {cluster} away and start again.\n\
         To keep the data, with OLD the folder of the programs of version {found} (package `postgresql-{found}`):\n  \
         1. run `PG_BINDIR=OLD hilum dev` with the same arguments, and meanwhile\n     \
         `pg_dump -h {run} -U {ADMIN} --clean --if-exists hilum > hilum.sql`\n  \
         2. stop it, and `mv {cluster} {cluster}.{found}`\n  \
         3. run `hilum dev`, and meanwhile\n     \
         `{new}/psql -h {run} -U {ADMIN} -1 -v ON_ERROR_STOP=1 -f hilum.sql hilum`\n  \
         4. stop it and start it again",
        ADMIN = super::ADMIN,
    )
}
