//! The data folder, and who holds it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::ClusterError;

/// Makes the folder if need be, closed to others; the answer is its real, absolute path.
pub(super) fn open(data: &Path) -> Result<PathBuf, ClusterError> {
    DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(ClusterError::file("make", data))?;
    resolve(data)
}

/// The real, absolute path, links followed.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, ClusterError> {
    path.canonicalize().map_err(ClusterError::file("find", path))
}

/// Half a second: a process that was killed holds its lock until the kernel has cleared it away.
const LOCK_STEPS: u32 = 100;

/// Takes the folder for this process. The kernel gives it back when the process ends, however it ends.
pub(super) fn lock(data: &Path) -> Result<File, ClusterError> {
    let path = data.join("hilum.lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(ClusterError::file("write", &path))?;
    for step in 0..=LOCK_STEPS {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if step < LOCK_STEPS => super::pause(),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The id is only for the message.
                let _ = file.read_to_string(&mut holder);
                return Err(ClusterError::InUse { data: data.to_owned(), holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(e)) => return Err(ClusterError::file("lock", &path)(e)),
        }
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(ClusterError::file("write", &path))?;
    Ok(file)
}

/// Makes one folder that only its owner can enter.
pub(super) fn make_private(path: &Path) -> Result<(), ClusterError> {
    DirBuilder::new().mode(0o700).create(path).map_err(ClusterError::file("make", path))
}

/// Makes the entries of a folder last.
pub(super) fn sync(path: &Path) -> Result<(), ClusterError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(ClusterError::file("sync", path))
}

/// Removes what stands at a path, if anything: a folder with all in it, a file, or a link.
pub(super) fn remove(path: &Path) -> Result<(), ClusterError> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    let removed = if found.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(ClusterError::file("remove", path))
}
