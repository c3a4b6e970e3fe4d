//! Whether a certificate of a path has been revoked: by lists from files, by lists that authorities publish, by their
//! responders. What none of these tells is refused, and nobody is waited for long.

mod alarm;
mod examine;
mod fetch;
mod lists;
mod places;
mod published;
mod questions;
mod responder;
mod sweep;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use futures_util::future::join_all;
use time::Duration;
use tokio::sync::watch;

use crate::config::outbound::Outbound as Rules;
use crate::config::revocation::Revocation as Settings;
use crate::ledger::Ledger;
use crate::model::audit_event::{AuditEvent, Origin};
use crate::model::certificate::CertificateOrigin;
use crate::model::community::RevocationRule;
use crate::moment::Timestamp;
use crate::pki::revocation::{Link, RevocationList, Status, judge_links, links, status};
use crate::pki::thumbprint::Thumbprint;
use crate::pki::{PathFault, TrustedPath};
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::platform::outbound::Outbound;
use crate::protocol::error::{Doing, Fault};
use crate::store::{self, Db};

pub use lists::{RevocationListError, RevocationLists};

use lists::Published;
use places::Places;
use responder::Responders;
use sweep::Sweep;

/// How long a request waits for a list that is published where nobody looked before.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// What is known of revocation. Clones share it.
#[derive(Clone)]
pub struct Revocations(Arc<Known>);

/// What revocation is learnt by.
#[derive(Clone)]
pub struct Ways {
    /// The door to reading.
    pub db: Db,
    /// The door through which state changes.
    pub ledger: Ledger,
    /// The database's time.
    pub clock: Clock,
    /// Chance.
    pub entropy: Entropy,
    /// The door out.
    pub outbound: Outbound,
    /// What may be reached.
    pub rules: Arc<Rules>,
    /// The name of this process in audit records.
    pub process: Arc<str>,
    /// How often, how much and how long.
    pub settings: Settings,
    /// The longest that a token lives without another request of its client.
    pub token_life: Duration,
}

struct Known {
    ways: Ways,
    files: ArcSwap<RevocationLists>,
    published: ArcSwap<Published>,
    responders: Responders,
    /// The addresses that are being learnt, and when that is over.
    learning: Mutex<HashMap<String, watch::Receiver<()>>>,
    fetching: Places,
    asking: Places,
    /// The authorities that responders had called revoked when this process looked last.
    told_of: Mutex<Vec<String>>,
    /// The authorities that this process has noted.
    authorities: Mutex<Vec<Thumbprint>>,
    /// Counts what changed by which certificates that are known must be looked at.
    changes: AtomicU64,
    /// How far that has come.
    sweep: Mutex<Sweep>,
    /// One reads the table at a time, so that what is older does not replace what is newer.
    reading: tokio::sync::Mutex<()>,
}

impl Revocations {
    /// Without any list yet.
    #[must_use]
    pub fn new(ways: Ways) -> Self {
        Self(Arc::new(Known {
            ways,
            files: ArcSwap::default(),
            published: ArcSwap::default(),
            responders: Responders::default(),
            learning: Mutex::default(),
            fetching: Places::to_fetch(),
            asking: Places::to_ask(),
            told_of: Mutex::default(),
            authorities: Mutex::default(),
            changes: AtomicU64::new(1),
            sweep: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }))
    }

    /// Takes other lists of files from now on.
    pub fn replace(&self, lists: RevocationLists) {
        self.0.files.store(Arc::new(lists));
        self.changed();
    }

    /// Judges a path by the rule of a community. What this server has marked as revoked is, whatever the rule.
    pub async fn judge(
        &self,
        path: &TrustedPath,
        (community, rule): (&str, RevocationRule),
        now: Timestamp,
    ) -> Result<Result<(), PathFault>, Fault> {
        let Some(links) = links(path) else { return Ok(Err(PathFault::Malformed)) };
        let thumbprints: Vec<String> =
            links.iter().map(|link| link.subject.thumbprint().as_base64url()).collect();
        if store::certificate::is_any_revoked(&self.0.ways.db, &thumbprints).await? {
            return Ok(Err(PathFault::Revoked));
        }
        match rule {
            RevocationRule::None => Ok(Ok(())),
            RevocationRule::Own => self.is_issued(&links).await,
            RevocationRule::Required => Ok(self.judge_by_evidence(&links, community, now).await),
        }
    }

    /// Whether this server has marked a certificate as revoked, whoever issued it.
    pub async fn is_marked(&self, thumbprint: &Thumbprint) -> Result<bool, Fault> {
        store::certificate::is_revoked(&self.0.ways.db, &thumbprint.as_base64url()).await
    }

    /// Whether this server remembers to have issued the leaf.
    async fn is_issued(&self, links: &[Link]) -> Result<Result<(), PathFault>, Fault> {
        let Some(leaf) = links.first() else { return Ok(Err(PathFault::NoCertificate)) };
        let known = store::certificate::find(&self.0.ways.db, &leaf.subject.thumbprint()).await?;
        let issued = known.filter(|known| known.origin == CertificateOrigin::Issued);
        Ok(issued.map(|_| ()).ok_or(PathFault::RevocationUnknown))
    }

    async fn judge_by_evidence(
        &self,
        links: &[Link],
        community: &str,
        now: Timestamp,
    ) -> Result<(), PathFault> {
        self.note_authorities(links, now).await;
        let mut lists = self.lists_of(links);
        let unread: Vec<&str> =
            lacking(links, &lists, now).flat_map(|link| link.subject.list_urls()).collect();
        if !unread.is_empty() && self.learn(&unread, community, now).await {
            lists = self.lists_of(links);
        }
        let asked = lacking(links, &lists, now).map(|link| self.ask(link, &lists, now));
        let answers: Vec<_> = join_all(asked).await.into_iter().flatten().collect();
        let verdict = judge_links(links, &lists, &answers, now);
        if verdict == Err(PathFault::Revoked) {
            let mut statuses = links.iter().map(|link| status(link, &lists, &answers, now));
            if let (Some(leaf), Some(reason)) = (links.first(), statuses.find_map(Status::reason)) {
                self.mark_soon(leaf.subject.thumbprint(), reason);
            }
        }
        verdict
    }

    /// The lists of the authorities of a path, from files and published.
    fn lists_of(&self, links: &[Link]) -> Vec<Arc<RevocationList>> {
        let (files, published) = (self.0.files.load(), self.0.published.load());
        let all = files.all().chain(published.all());
        let of_path =
            |list: &&Arc<RevocationList>| links.iter().any(|link| link.subject.issuer() == list.issuer());
        all.filter(of_path).cloned().collect()
    }

    /// Notes that something changed by which known certificates must be looked at again.
    fn changed(&self) {
        self.0.changes.fetch_add(1, Ordering::SeqCst);
    }

    fn refresh(&self) -> Duration {
        Duration::try_from(self.0.ways.settings.refresh).unwrap_or(Duration::minutes(5))
    }

    fn event(&self, action: &str) -> Result<AuditEvent, Fault> {
        let Ways { clock, entropy, process, .. } = &self.0.ways;
        let now = clock.now();
        let id = entropy.id(now).doing("naming an entry")?;
        let request = entropy.id(now).doing("naming an attempt")?;
        let origin = Origin { peer: None, certificate: None, request, process: process.clone() };
        Ok(AuditEvent::begin(id, now, action, origin))
    }

    fn learning(&self) -> std::sync::MutexGuard<'_, HashMap<String, watch::Receiver<()>>> {
        self.0.learning.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The links of whose certificates no fresh list speaks.
fn lacking<'l>(
    links: &'l [Link],
    lists: &'l [Arc<RevocationList>],
    now: Timestamp,
) -> impl Iterator<Item = &'l Link> {
    links.iter().filter(move |link| matches!(status(link, lists, &[], now), Status::Stale | Status::Unknown))
}
