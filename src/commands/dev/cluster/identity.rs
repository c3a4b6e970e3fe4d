//! As whom Postgres runs. It refuses root, so a root shell needs a way around.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, User, getegid, geteuid, setgid, setgroups, setuid};

use super::error::ClusterError;

/// The identity of the child that becomes Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// Whoever runs hilum.
    Same,
    /// Root, seen as this user from inside a user namespace. To the rest of the system it is still
    /// root, so nothing has to change hands.
    Namespace(Account),
    /// Another user; only root can become one.
    Other(Account),
}

/// Ids of a user and of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Identity {
    /// The identity that owns a cluster; `None` when there is no cluster yet.
    pub(super) fn of_existing(cluster: &Path) -> Result<Option<Self>, ClusterError> {
        let owner = match fs::metadata(cluster) {
            Ok(found) => Account { uid: found.uid(), gid: found.gid() },
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(ClusterError::file("read", cluster)(e)),
        };
        let own = geteuid().as_raw();
        match (own, owner.uid) {
            (0, 0) => Ok(Some(Self::Namespace(inner_account()))),
            (0, _) => Ok(Some(Self::Other(owner))),
            (own, uid) if own == uid => Ok(Some(Self::Same)),
            (_, owner) => Err(ClusterError::OtherOwner { cluster: cluster.to_owned(), owner }),
        }
    }

    /// What to try for a new cluster, the best first.
    pub(super) fn candidates() -> Vec<Self> {
        if !geteuid().is_root() {
            return vec![Self::Same];
        }
        let mut candidates = vec![Self::Namespace(inner_account())];
        candidates.extend(account("postgres").map(Self::Other));
        candidates
    }

    /// Whether a new cluster can lie in the data folder, which may be below a folder that only its
    /// owner may enter.
    pub(super) fn reaches_data(self) -> bool {
        match self {
            Self::Same | Self::Namespace(_) => true,
            Self::Other(_) => false,
        }
    }

    /// As one argument of the child.
    pub(super) fn write(self) -> OsString {
        match self {
            Self::Same => "same".into(),
            Self::Namespace(a) => format!("namespace:{}:{}", a.uid, a.gid).into(),
            Self::Other(a) => format!("other:{}:{}", a.uid, a.gid).into(),
        }
    }

    /// The inverse of `write`.
    pub(super) fn parse(text: &OsStr) -> Option<Self> {
        let mut parts = text.to_str()?.split(':');
        let kind = parts.next()?;
        if kind == "same" {
            return parts.next().is_none().then_some(Self::Same);
        }
        let account = Account { uid: parts.next()?.parse().ok()?, gid: parts.next()?.parse().ok()? };
        match (kind, parts.next()) {
            ("namespace", None) => Some(Self::Namespace(account)),
            ("other", None) => Some(Self::Other(account)),
            _ => None,
        }
    }

    /// Makes this process, which has one thread, the identity. What was given up cannot be had back.
    pub(super) fn assume(self) -> io::Result<()> {
        match self {
            Self::Same => Ok(()),
            Self::Namespace(inner) => enter_namespace(inner),
            Self::Other(account) => {
                let group = Gid::from_raw(account.gid);
                setgroups(&[group])?;
                setgid(group)?;
                setuid(Uid::from_raw(account.uid))?;
                Ok(())
            }
        }
    }
}

/// One id is mapped in each direction, which `user_namespaces(7)` permits to the process itself;
/// for groups only after `setgroups` has been given up.
fn enter_namespace(inner: Account) -> io::Result<()> {
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{} {uid} 1", inner.uid))?;
    fs::write("/proc/self/gid_map", format!("{} {gid} 1", inner.gid))
}

/// `initdb` asks for the name of its user, so the inner id must be one that has a name.
fn inner_account() -> Account {
    account("postgres").or_else(|| account("nobody")).unwrap_or(Account { uid: 65_534, gid: 65_534 })
}

fn account(name: &str) -> Option<Account> {
    let user = User::from_name(name).ok()??;
    Some(Account { uid: user.uid.as_raw(), gid: user.gid.as_raw() })
}
