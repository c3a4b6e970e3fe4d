//! Places to fetch from: some for each host, so that one that answers nobody keeps only its own lists waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::protocol::error::{Doing, Fault};

/// How many lists this process fetches at a time.
const FETCHES: usize = 16;
/// How many of them from one host.
const OF_A_HOST: usize = 2;

/// The places of this process.
pub(super) struct Places {
    all: Arc<Semaphore>,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// The right to fetch, until it is dropped.
pub(super) struct Place {
    _of_host: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Default for Places {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(FETCHES)), hosts: Mutex::default() }
    }
}

impl Places {
    /// Waits for a place to fetch from a URL: for one of its host first, and so without one that others could use.
    pub(super) async fn take(&self, url: &str) -> Result<Place, Fault> {
        const WAITING: &str = "waiting for a place to fetch";
        let of_host = self.host(url).acquire_owned().await.doing(WAITING)?;
        let of_all = self.all.clone().acquire_owned().await.doing(WAITING)?;
        Ok(Place { _of_host: of_host, _of_all: of_all })
    }

    /// How many may be fetched now.
    pub(super) fn free(&self) -> usize {
        self.all.available_permits()
    }

    /// The hosts of which no more is fetched now.
    pub(super) fn full_hosts(&self) -> Vec<String> {
        let hosts = self.hosts();
        let full = hosts.iter().filter(|(_, places)| places.available_permits() == 0);
        full.map(|(host, _)| host.clone()).collect()
    }

    fn host(&self, url: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts();
        // Those that nobody fetches from, and nobody waits for, are forgotten.
        hosts.retain(|_, places| Arc::strong_count(places) > 1);
        hosts.entry(host_of(url)).or_insert_with(|| Arc::new(Semaphore::new(OF_A_HOST))).clone()
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The host and port of a URL, as the table finds them too.
pub(super) fn host_of(url: &str) -> String {
    url.split('/').nth(2).unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn f23_a_host_that_answers_nobody_keeps_nobody_elses_lists_waiting() {
        let places = Places::default();
        let take = |url: &'static str| places.take(url);
        let mut dead = Vec::new();
        for url in ["http://dead.example/1", "http://DEAD.example/2"] {
            dead.push(take(url).await.unwrap());
        }
        let mut waiting = Box::pin(take("http://dead.example/3"));
        assert!((&mut waiting).now_or_never().is_none());
        assert_eq!((places.full_hosts(), places.free()), (vec!["dead.example".to_owned()], FETCHES - 2));
        let other = take("http://other.example/1").now_or_never().expect("a place").unwrap();
        drop(other);
        dead.pop();
        assert!(waiting.now_or_never().is_some());
        dead.clear();
        take("http://other.example/1").await.unwrap();
        assert!(places.full_hosts().is_empty());
    }
}
