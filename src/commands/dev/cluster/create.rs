//! A new cluster: made under a temporary name, so that `pg` is either whole or not there.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{chown, symlink};
use std::path::{Path, PathBuf};
use std::thread;

use nix::unistd::mkdtemp;

use super::binaries::Programs;
use super::error::ClusterError;
use super::folder;
use super::identity::{Account, Identity};
use super::launch::Launcher;
use super::postmaster;

/// Where a cluster lies that cannot lie in the data folder.
const ELSEWHERE: &str = "/var/lib/hilum";

/// Trust, because the socket's folder is 0700: who can reach it is the user that runs the server, and
/// to that user all the data is open anyway. `peer` would prove the same and need a map of each role.
/// There is no TCP port; should one be opened by hand, it trusts nobody.
const ARGUMENTS: &[&str] = &[
    "--username=hilum_admin",
    "--auth-local=trust",
    "--auth-host=reject",
    "--encoding=UTF8",
    "--locale=C",
    "--data-checksums",
    "--no-instructions",
    // The files are synced here instead, several at a time: a tenth of a second against one or two.
    "--no-sync",
];

const SYNC_THREADS: usize = 4;

/// Makes `pg` in the data folder.
pub(super) fn cluster(
    launcher: &Launcher<'_>,
    programs: &Programs,
    identity: Identity,
    data: &Path,
) -> Result<(), ClusterError> {
    let (temporary, name) = (data.join("pg.new"), data.join("pg"));
    discard(&temporary)?;
    if name.is_symlink() {
        // Its target is gone, or there would be nothing to make.
        folder::remove(&name)?;
    }

    let place = make_place(&temporary, identity)?;
    let mut arguments: Vec<OsString> = ARGUMENTS.iter().map(OsString::from).collect();
    arguments.push("-D".into());
    arguments.push(place.clone().into());
    let status = launcher
        .logged(identity, &place, &programs.initdb(), &arguments)?
        .status()
        .map_err(ClusterError::file("run", launcher.executable()))?;
    if !status.success() {
        return Err(ClusterError::NotCreated { log: launcher.log().to_owned(), tail: launcher.tail() });
    }

    sync_tree(&place).map_err(ClusterError::file("sync", &place))?;
    fs::rename(&temporary, &name).map_err(ClusterError::file("rename", &temporary))?;
    folder::sync(data)
}

/// What a start that was cut off has left, once its `initdb` has ended.
fn discard(temporary: &Path) -> Result<(), ClusterError> {
    let place = fs::read_link(temporary).unwrap_or_else(|_| temporary.to_owned());
    postmaster::await_quiet(&place)?;
    if let Some(home) = place.parent().filter(|home| home.starts_with(ELSEWHERE)) {
        folder::remove(home)?;
    }
    folder::remove(temporary)
}

/// An empty folder for `initdb`, reached by the temporary name.
fn make_place(temporary: &Path, identity: Identity) -> Result<PathBuf, ClusterError> {
    let Identity::Other(Account { uid, gid }) = identity else {
        folder::make_private(temporary)?;
        return Ok(temporary.to_owned());
    };
    let root = Path::new(ELSEWHERE);
    fs::create_dir_all(root).map_err(ClusterError::file("make", root))?;
    let home = mkdtemp(&root.join("pg-XXXXXX"))
        .map_err(|e| ClusterError::file("make a folder in", root)(e.into()))?;
    let place = home.join("pg");
    symlink(&place, temporary).map_err(ClusterError::file("make", temporary))?;
    folder::make_private(&place)?;
    for path in [&place, &home] {
        chown(path, Some(uid), Some(gid)).map_err(ClusterError::file("give away", path))?;
    }
    folder::sync(&home)?;
    folder::sync(root)?;
    Ok(place)
}

/// Writes a whole tree to disk. Concurrent syncs share the commits of the file system's journal.
fn sync_tree(root: &Path) -> io::Result<()> {
    let mut paths = vec![root.to_owned()];
    list(root, &mut paths)?;
    let share = paths.len().div_ceil(SYNC_THREADS).max(1);
    thread::scope(|scope| {
        let workers: Vec<_> = paths
            .chunks(share)
            .map(|paths| scope.spawn(move || paths.iter().try_for_each(|path| File::open(path)?.sync_all())))
            .collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| Err(io::Error::other("a syncing thread failed")))
        })
    })
}

fn list(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            list(&path, paths)?;
        }
        paths.push(path);
    }
    Ok(())
}
