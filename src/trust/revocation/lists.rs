//! The lists that are at hand.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::revocation_list::{MOST_LISTS, MOST_OF_COMMUNITY};
use crate::moment::Timestamp;
use crate::pki::revocation::{Authority, RevocationList, lists_in};

/// What the log says once there are as many lists as may be.
const NO_ROOM: &str = "no further revocation list is fetched: there is no room for more";

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
    /// The trust community that named the address first, once the table has told.
    pub(super) community: String,
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

    /// How many addresses each community has named.
    fn by_community(&self) -> BTreeMap<String, i32> {
        let mut named = BTreeMap::new();
        for held in self.0.values().filter(|held| !held.community.is_empty()) {
            *named.entry(held.community.clone()).or_default() += 1;
        }
        named
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

/// Tells the measurements how many lists each community has named, and the log, once, where there is no room for more.
pub(super) fn measure_room(before: &Published, now: &Published) {
    let (named_before, named) = (before.by_community(), now.by_community());
    for (community, lists) in named_before.keys().map(|gone| (gone, &0)).chain(&named) {
        metrics::gauge!("hilum_revocation_lists", "community" => community.clone()).set(f64::from(*lists));
    }
    let of_community = i32::try_from(MOST_OF_COMMUNITY).unwrap_or(i32::MAX);
    for (community, lists) in named.iter().filter(|(_, lists)| **lists >= of_community) {
        if named_before.get(community).is_none_or(|lists| *lists < of_community) {
            tracing::warn!(community, lists, "{NO_ROOM}");
        }
    }
    let is_full = |all: &Published| i64::try_from(all.0.len()).is_ok_and(|lists| lists >= MOST_LISTS);
    if is_full(now) && !is_full(before) {
        tracing::warn!(lists = now.0.len(), "{NO_ROOM}");
    }
}
