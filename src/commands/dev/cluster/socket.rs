//! Where the server's one door is, and its address.

use std::env;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::unistd::mkdtemp;

use super::error::ClusterError;
use super::identity::{Account, Identity};

/// Postgres puts it into the socket's name.
pub(super) const PORT: u16 = 5432;
const FILE: &str = ".s.PGSQL.5432";
const FILE_LOCK: &str = ".s.PGSQL.5432.lock";
/// `sun_path` has 108 bytes, the last a NUL (unix(7)).
const LONGEST: usize = 107;

/// A folder for the socket, 0700 and the server's own. Removed when dropped.
#[derive(Debug)]
pub(super) struct Socket {
    folder: PathBuf,
}

/// A folder to try.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Candidate {
    /// This one, made if it is missing.
    Fixed(PathBuf),
    /// A new one by this pattern, in a folder that others may write to.
    Unique(PathBuf),
}

impl Socket {
    /// In the cluster's home, unless its path is too long.
    pub(super) fn place(
        home: &Path,
        runtime: Option<&Path>,
        identity: Identity,
    ) -> Result<Self, ClusterError> {
        let mut detail = format!("{} is too long", home.join("run").display());
        for candidate in candidates(home, runtime, &env::temp_dir(), identity) {
            match candidate.make(identity) {
                Ok(folder) => return Ok(Self { folder }),
                Err(e) => detail = format!("{candidate:?}: {e}"),
            }
        }
        Err(ClusterError::NoSocketFolder { detail })
    }

    /// As the value of `unix_socket_directories`: a list, so a name is quoted.
    pub(super) fn setting(&self) -> OsString {
        let name = self.folder.to_string_lossy().replace('"', "\"\"");
        format!("\"{name}\"").into()
    }

    pub(super) fn url(&self, role: &str, database: &str) -> String {
        url(&self.folder, role, database)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Only an empty folder can be removed this way; if it is not empty, something still needs it.
        let _ = fs::remove_dir(&self.folder);
    }
}

impl Candidate {
    fn make(&self, identity: Identity) -> io::Result<PathBuf> {
        let folder = match self {
            Self::Fixed(path) => {
                match fs::create_dir(path) {
                    Ok(()) => {}
                    Err(e) if e.kind() == io::ErrorKind::AlreadyExists => sweep(path)?,
                    Err(e) => return Err(e),
                }
                path.clone()
            }
            Self::Unique(pattern) => mkdtemp(pattern)?,
        };
        fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
        if let Identity::Other(Account { uid, gid }) = identity {
            chown(&folder, Some(uid), Some(gid))?;
        }
        Ok(folder)
    }
}

/// Removes what a server that was killed has left. Its lock beside the socket names a process, and
/// Postgres refuses to start while anybody has that id; here the data folder's own lock has told
/// that nobody is behind it.
fn sweep(folder: &Path) -> io::Result<()> {
    for name in [FILE, FILE_LOCK] {
        match fs::remove_file(folder.join(name)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// The folders whose socket has a name that fits, the best first.
pub(super) fn candidates(
    home: &Path,
    runtime: Option<&Path>,
    temporary: &Path,
    identity: Identity,
) -> Vec<Candidate> {
    let pattern = |parent: &Path| parent.join("hilum-XXXXXX");
    // The runtime folder of root's login is closed to the user that root becomes.
    let runtime = runtime.filter(|_| !matches!(identity, Identity::Other(_)));
    [
        Some(Candidate::Fixed(home.join("run"))),
        runtime.map(pattern).map(Candidate::Unique),
        Some(Candidate::Unique(pattern(temporary))),
    ]
    .into_iter()
    .flatten()
    .filter(|candidate| match candidate {
        Candidate::Fixed(path) | Candidate::Unique(path) => fits(path),
    })
    .collect()
}

/// Short enough for a socket, absolute, and text, as a URL needs it.
fn fits(folder: &Path) -> bool {
    folder.is_absolute() && folder.to_str().is_some() && folder.join(FILE).as_os_str().len() <= LONGEST
}

/// The port and `sslmode` are said so that `PGPORT` and `PGSSLMODE` of the environment are not asked.
pub(super) fn url(folder: &Path, role: &str, database: &str) -> String {
    let (role, folder, database) = (encode(role), encode(&folder.to_string_lossy()), encode(database));
    format!("postgres://{role}@{folder}:{PORT}/{database}?sslmode=disable")
}

/// Percent-encoding of all but the unreserved characters (RFC 3986, 2.3).
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.extend(['%', hex(byte >> 4), hex(byte & 15)]),
        }
    }
    encoded
}

fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase()
}
