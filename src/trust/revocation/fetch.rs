//! Fetching what authorities publish, ahead of need and for every process; and learning where they publish.

use std::sync::Arc;

use tokio::sync::watch;

use crate::jose::thumbprint::sha256;
use crate::ledger::{self, Done, Work};
use crate::model::revocation_list::{FetchedList, LEASE, WORTH_AN_ALERT, WantedList, next_fetch, next_try};
use crate::moment::Timestamp;
use crate::pki::revocation::{Authority, Link, RevocationList};
use crate::pki::thumbprint::Thumbprint;
use crate::platform::outbound::{Bounds, OutboundUrl};
use crate::protocol::error::{Doing, Failure, Fault};
use crate::store;

use super::examine::{Fetch, UNVOUCHED, examine};
use super::lists::Published;
use super::{PATIENCE, Revocations};

/// What is told when a list cannot be had.
const UNAVAILABLE: (&str, &str) = (
    "revocation_list_unavailable",
    "a revocation list cannot be fetched: once it is stale, whom it speaks of is refused",
);

impl Revocations {
    /// Notes the authorities of a path, by which published lists are verified, and known certificates looked at. Lists
    /// that nobody known had signed are fetched again at once: one of these may have.
    pub(super) async fn note_authorities(&self, links: &[Link], now: Timestamp) {
        let mut is_any_news = false;
        for link in links {
            let thumbprint = Thumbprint::of_der(link.authority.der());
            if self.noted().contains(&thumbprint) {
                continue;
            }
            match self.note_authority(&link.authority, now).await {
                Ok(is_news) => {
                    is_any_news |= is_news;
                    self.noted().push(thumbprint);
                    self.changed();
                }
                Err(failure) => tracing::warn!(?failure, "an authority could not be noted"),
            }
        }
        if is_any_news {
            self.forget_failed().await;
            if let Err(failure) = self.fetch_due().await {
                tracing::warn!(?failure, "revocation lists could not be taken to fetch");
            }
        }
    }

    /// Forgets the addresses without a list, so that whoever needs one waits for it once more.
    async fn forget_failed(&self) {
        let _only_one = self.0.reading.lock().await;
        let mut published = Published::clone(&self.0.published.load());
        published.0.retain(|_, held| held.list.is_some());
        self.0.published.store(Arc::new(published));
    }

    /// Notes an authority; the answer tells whether it was news to all processes.
    async fn note_authority(&self, authority: &Authority, now: Timestamp) -> Result<bool, Failure> {
        let mut event = self.event("revocation.authority")?;
        event.target = Some(Thumbprint::of_der(authority.der()).as_base64url());
        let (der, not_after) = (authority.der().to_vec(), authority.not_after());
        self.0
            .ways
            .ledger
            .transact(event, move |tx, _| -> Work<'_, bool> {
                Box::pin(async move {
                    if !store::issuing_authority::insert(tx, &der, not_after, now).await? {
                        return Ok(Done::Unchanged(false));
                    }
                    store::revocation_list::hasten(tx, UNVOUCHED, now).await?;
                    Ok(Done::Changed(true))
                })
            })
            .await
    }

    fn noted(&self) -> std::sync::MutexGuard<'_, Vec<Thumbprint>> {
        self.0.authorities.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Sees to it that lists at these addresses are fetched from now on, and waits a moment for those that are new
    /// here. The answer tells whether there may be more lists than before.
    pub(super) async fn learn(&self, urls: &[&str], community: &str, now: Timestamp) -> bool {
        let begun = urls.iter().filter_map(|url| self.begin((url, community), now));
        let mut ends: Vec<watch::Receiver<()>> = begun.collect();
        let waiting = async {
            for end in &mut ends {
                // An error is the end: whoever was learning has gone.
                drop(end.changed().await);
            }
        };
        drop(tokio::time::timeout(PATIENCE, waiting).await);
        !ends.is_empty()
    }

    /// Begins to learn an address, unless it is known; the answer says when that is over.
    fn begin(&self, (url, community): (&str, &str), now: Timestamp) -> Option<watch::Receiver<()>> {
        let mut learning = self.learning();
        if let Some(end) = learning.get(url) {
            return Some(end.clone());
        }
        if self.0.published.load().0.contains_key(url) {
            return None;
        }
        let (over, end) = watch::channel(());
        learning.insert(url.to_owned(), end.clone());
        drop(learning);
        let (this, url, community) = (self.clone(), url.to_owned(), community.to_owned());
        tokio::spawn(async move {
            if let Err(failure) = this.learn_one((&url, &community), now).await {
                tracing::warn!(url, ?failure, "a revocation list could not be noted");
            }
            this.learning().remove(&url);
            drop(over);
        });
        Some(end)
    }

    async fn learn_one(&self, (url, community): (&str, &str), now: Timestamp) -> Result<(), Failure> {
        if self.want((url, community), now).await? {
            self.fetch(WantedList { url: url.to_owned(), failures: 0 }).await?;
            return Ok(self.read_published().await?);
        }
        // Another process fetches it, or there is no room for more.
        for _ in 0..10 {
            self.read_published().await?;
            if self.0.published.load().0.get(url).is_some_and(|held| held.list.is_some()) {
                break;
            }
            tokio::time::sleep(PATIENCE / 10).await;
        }
        Ok(())
    }

    /// Notes that a list is wanted; the answer tells whether this process is to fetch it now.
    async fn want(&self, (url, community): (&str, &str), now: Timestamp) -> Result<bool, Failure> {
        let mut event = self.event("revocation.list_wanted")?;
        event.target = Some(url.to_owned());
        let (url, community) = (url.to_owned(), community.to_owned());
        self.0
            .ways
            .ledger
            .transact(event, move |tx, _| -> Work<'_, bool> {
                Box::pin(async move {
                    if !store::revocation_list::count(tx, &community).await?.is_left() {
                        return Ok(Done::Unchanged(false));
                    }
                    let named = (url.as_str(), community.as_str());
                    let is_news = store::revocation_list::insert_wanted(tx, named, now, now + LEASE).await?;
                    Ok(if is_news { Done::Changed(true) } else { Done::Unchanged(false) })
                })
            })
            .await
    }

    /// Wants lists that the registrations of communities name, each with its community.
    pub fn want_all(&self, urls: &[(String, String)]) {
        let now = self.0.ways.clock.now();
        for (url, community) in urls {
            drop(self.begin((url, community), now));
        }
    }

    /// Fetches the lists whose time has come, by one of all processes. What is being fetched is not waited for: a
    /// host that answers slowly keeps nobody waiting, and no more are taken than there are places for: of what is taken
    /// and waits the lease would end.
    pub async fn fetch_due(&self) -> Result<(), Failure> {
        let now = self.0.ways.clock.now();
        let (free, full) = (self.0.fetching.free(), self.0.fetching.full_hosts());
        if free == 0 || !store::revocation_list::is_due(&self.0.ways.db, now, &full).await? {
            return Ok(());
        }
        let most = i64::try_from(free).unwrap_or(i64::MAX);
        let event = self.event("revocation.list")?;
        for wanted in self
            .0
            .ways
            .ledger
            .transact(event, move |tx, _: &mut _| -> Work<'_, Vec<WantedList>> {
                Box::pin(async move {
                    let taken = store::revocation_list::claim(tx, (now, now + LEASE), most, &full).await?;
                    Ok(if taken.is_empty() { Done::Unchanged(taken) } else { Done::Unrecorded(taken) })
                })
            })
            .await?
        {
            let this = self.clone();
            tokio::spawn(async move {
                let url = wanted.url.clone();
                if let Err(failure) = this.fetch(wanted).await {
                    // The lease ends, and it is fetched again.
                    tracing::warn!(
                        url,
                        ?failure,
                        "what came of the fetch of a revocation list could not be kept"
                    );
                }
            });
        }
        Ok(())
    }

    async fn fetch(&self, wanted: WantedList) -> Result<(), Failure> {
        let place = self.0.fetching.take(&wanted.url).await?;
        let fetched = self.fetch_one(&wanted.url).await?;
        drop(place);
        if let Some(failure) = &fetched.failure {
            tracing::warn!(url = wanted.url, failure, "a revocation list could not be fetched");
            metrics::counter!("hilum_revocation_list_failures_total", "list" => wanted.url.clone())
                .increment(1);
        }
        let (url, list) = (wanted.url.clone(), fetched.list.clone());
        if let (true, Some(list)) = (self.keep(wanted, fetched).await?, list) {
            self.hold(url, list).await;
        }
        Ok(())
    }

    /// Takes a list that this process has fetched: it need not be read again.
    async fn hold(&self, url: String, list: Arc<RevocationList>) {
        let _only_one = self.0.reading.lock().await;
        let mut published = Published::clone(&self.0.published.load());
        let held = published.0.entry(url).or_default();
        (held.digest, held.list) = (Some(sha256(list.der()).to_vec()), Some(list));
        self.0.published.store(Arc::new(published));
        self.changed();
    }

    async fn fetch_one(&self, url: &str) -> Result<Fetch, Fault> {
        let ways = &self.0.ways;
        let bounds = Bounds { time: ways.settings.fetch, bytes: ways.settings.largest_list };
        let at = match OutboundUrl::parse_signed(url, &ways.rules) {
            Ok(at) => at,
            Err(says) => return Ok(Fetch::failed(says)),
        };
        let bytes = match ways.outbound.fetch_list(&at, bounds).await {
            Ok(bytes) => bytes,
            Err(error) => return Ok(Fetch::failed(error.to_string())),
        };
        if self.held(url).is_none() {
            // Another process may have one, which this one takes the place of.
            self.read_published().await?;
        }
        let held = self.held(url);
        let now = ways.clock.now();
        let authorities = self.authorities(now).await?;
        // A large list takes a while.
        let judged =
            tokio::task::spawn_blocking(move || examine(&bytes, held.as_deref(), (&authorities, now)));
        judged.await.doing("reading a revocation list")
    }

    fn held(&self, url: &str) -> Option<Arc<RevocationList>> {
        self.0.published.load().0.get(url).and_then(|held| held.list.clone())
    }

    /// Keeps what came of a fetch; the answer tells whether there is a new list.
    async fn keep(&self, WantedList { url, failures }: WantedList, fetched: Fetch) -> Result<bool, Failure> {
        let (now, refresh) = (self.0.ways.clock.now(), self.refresh());
        let mut event = self.event("revocation.list")?;
        event.target = Some(url.clone());
        let held = self.0.published.load().0.get(&url).and_then(|held| held.digest.clone());
        let list = fetched.list.as_ref().map(|list| FetchedList {
            digest: sha256(list.der()),
            this_update: list.this_update(),
            next_update: list.next_update(),
        });
        let is_news = list.is_some_and(|list| held.as_deref() != Some(&list.digest[..]));
        if let Some(list) = fetched.list.as_ref().filter(|_| is_news) {
            self.write_parts(list, now).await?;
        }
        let fetched = (list, fetched.failure);
        self.0
            .ways
            .ledger
            .transact(event, move |tx, event| -> Work<'_, bool> {
                Box::pin(async move {
                    let (list, failure) = fetched;
                    let mut replaced = false;
                    if let Some(list) = list.as_ref().filter(|_| is_news) {
                        replaced = store::revocation_list::replace(tx, &url, list, now).await?;
                        event.detail = Some(format!("good until {}", list.next_update));
                    }
                    let older = (is_news && !replaced).then(|| "it is older than the one at hand".to_owned());
                    match (failure.or(older), list) {
                        (None, Some(list)) => {
                            let next = next_fetch(now, list.next_update, refresh);
                            store::revocation_list::mark_fetched(tx, &url, now, next).await?;
                        }
                        (failure, _) => {
                            let failure = failure.unwrap_or_default();
                            let next = next_try(now, failures.saturating_add(1), refresh);
                            let times =
                                store::revocation_list::mark_failed(tx, &url, &failure, (now, next)).await?;
                            if times == WORTH_AN_ALERT {
                                "revocation.list_failed".clone_into(&mut event.action);
                                event.detail = Some(failure);
                                ledger::raise(tx, event, UNAVAILABLE).await?;
                                return Ok(Done::Changed(replaced));
                            }
                        }
                    }
                    Ok(if replaced { Done::Changed(true) } else { Done::Unrecorded(false) })
                })
            })
            .await
    }
}
