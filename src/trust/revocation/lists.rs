//! The lists that are at hand.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::revocation_list::MOST_LISTS;
use crate::moment::Timestamp;
use crate::pki::revocation::{Authority, RevocationList, lists_in};

/// The lists of files.
#[derive(Default)]
pub struct RevocationLists(Vec<Arc<RevocationList>>);

/// A file of revocation lists that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("revocation list file {file} cannot be used: {cause}")]
pub struct RevocationListError {
    /// Which of the files, counted from 1.
    pub file: usize,
    /// What is wrong with it.
    pub cause: String,
}

/// The lists that authorities publish, by their addresses, as the table had them last.
#[derive(Clone, Default)]
pub(super) struct Published(pub(super) HashMap<String, Held>);

/// What is at hand of one address.
#[derive(Clone, Default)]
pub(super) struct Held {
    /// The SHA-256 of the list.
    pub(super) digest: Option<Vec<u8>>,
    /// The list.
    pub(super) list: Option<Arc<RevocationList>>,
}

impl RevocationLists {
    /// Reads revocation lists, each file's bytes in PEM or DER.
    pub fn parse(files: &[Vec<u8>]) -> Result<Self, RevocationListError> {
        let mut all = Vec::new();
        for (at, bytes) in files.iter().enumerate() {
            let lists = lists_in(bytes).map_err(|cause| RevocationListError { file: at + 1, cause })?;
            all.extend(lists.into_iter().map(Arc::new));
        }
        Ok(Self(all))
    }

    /// Every list.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<RevocationList>> {
        self.0.iter()
    }
}

impl Published {
    /// Every list.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<RevocationList>> {
        self.0.values().filter_map(|held| held.list.as_ref())
    }
}

/// Whether one of the authorities that are known has signed a list.
pub(super) fn is_vouched_for(list: &RevocationList, authorities: &[Authority]) -> bool {
    authorities.iter().any(|authority| list.is_by(authority))
}

/// Tells the measurements how old a list is, and how long it is good for.
pub(super) fn measure(name: &str, list: &RevocationList, now: Timestamp) {
    let (name, day) = (name.to_owned(), 86_400.0);
    let age = (now - list.this_update()).as_seconds_f64();
    let left = (list.next_update() - now).as_seconds_f64() / day;
    metrics::gauge!("hilum_revocation_list_age_seconds", "list" => name.clone()).set(age);
    metrics::gauge!("hilum_revocation_list_days_left", "list" => name).set(left);
}

/// Tells the measurements how many lists there were before and are now, and the log once that there is no room.
pub(super) fn measure_room((before, now): (usize, usize)) {
    let count = |lists: usize| i32::try_from(lists).unwrap_or(i32::MAX);
    metrics::gauge!("hilum_revocation_lists").set(f64::from(count(now)));
    let is_full = |lists: usize| i64::from(count(lists)) >= MOST_LISTS;
    if is_full(now) && !is_full(before) {
        tracing::warn!(lists = now, "no further revocation list is fetched: there is no room for more");
    }
}
