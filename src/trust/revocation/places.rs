//! Places to fetch and ask from: some for each host, so that one that answers nobody keeps only its own waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::protocol::error::{Doing, Fault};

/// The places of this process for one purpose.
pub(super) struct Places {
    all: Arc<Semaphore>,
    of_a_host: usize,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// The right to fetch, until it is dropped.
pub(super) struct Place {
    _of_host: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Places {
    /// For so many at a time, and so many of them at one host.
    pub(super) fn new(all: usize, of_a_host: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), of_a_host, hosts: Mutex::default() }
    }

    /// For lists that are fetched.
    pub(super) fn to_fetch() -> Self {
        Self::new(16, 2)
    }

    /// For responders that are asked ahead of need.
    pub(super) fn to_ask() -> Self {
        Self::new(128, 32)
    }

    /// Waits for a place to fetch from a URL: for one of its host first, and so without one that others could use.
    pub(super) async fn take(&self, url: &str) -> Result<Place, Fault> {
        const WAITING: &str = "waiting for a place to fetch";
        let of_host = self.host(url).acquire_owned().await.doing(WAITING)?;
        let of_all = self.all.clone().acquire_owned().await.doing(WAITING)?;
        Ok(Place { _of_host: of_host, _of_all: of_all })
    }

    /// How many are free.
    pub(super) fn free(&self) -> usize {
        self.all.available_permits()
    }

    /// The hosts at which none is free.
    pub(super) fn full_hosts(&self) -> Vec<String> {
        let free = self.free_at_hosts().into_iter();
        free.filter(|(_, places)| *places == 0).map(|(host, _)| host).collect()
    }

    /// How many are free at the hosts at which some were taken.
    pub(super) fn free_at_hosts(&self) -> Vec<(String, usize)> {
        let hosts = self.hosts();
        hosts.iter().map(|(host, places)| (host.clone(), places.available_permits())).collect()
    }

    /// How many there are at any other host.
    pub(super) const fn of_a_host(&self) -> usize {
        self.of_a_host
    }

    fn host(&self, url: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts();
        // Those that nobody fetches from, and nobody waits for, are forgotten.
        hosts.retain(|_, places| Arc::strong_count(places) > 1);
        hosts.entry(host_of(url)).or_insert_with(|| Arc::new(Semaphore::new(self.of_a_host))).clone()
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
        let places = Places::new(16, 2);
        let take = |url: &'static str| places.take(url);
        let mut dead = Vec::new();
        for url in ["http://dead.example/1", "http://DEAD.example/2"] {
            dead.push(take(url).await.unwrap());
        }
        let mut waiting = Box::pin(take("http://dead.example/3"));
        assert!((&mut waiting).now_or_never().is_none());
        assert_eq!((places.full_hosts(), places.free()), (vec!["dead.example".to_owned()], 14));
        let other = take("http://other.example/1").now_or_never().expect("a place").unwrap();
        drop(other);
        dead.pop();
        assert!(waiting.now_or_never().is_some());
        dead.clear();
        take("http://other.example/1").await.unwrap();
        assert!(places.full_hosts().is_empty());
        let _one = take("http://other.example/1").await.unwrap();
        assert_eq!(places.free_at_hosts(), [("other.example".to_owned(), 1)]);
    }
}
