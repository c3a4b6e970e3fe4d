//! The trust communities of this process: the one of its configuration, and those of the database.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use crate::model::community::{Community, CommunityTerms, DEFAULT, RevocationRule};
use crate::moment::{Timestamp, seconds};
use crate::pki::{Certificate, NameKind, PathFault, PathRules, TrustStore, TrustedPath};
use crate::protocol::error::Fault;
use crate::protocol::ids::CommunityName;
use crate::store::{self, Db};

use super::revocation::Revocations;

/// Of the authorities of the built-in PKI, so many are tried, the newest first: chains are short.
const MOST_OWN: i64 = 8;

/// One community, ready for use.
struct Held {
    terms: CommunityTerms,
    /// By which version and last change it is known to be the one that stands in the database.
    stamp: (i64, Timestamp),
}

/// The trust communities of this process. Clones share them.
#[derive(Clone)]
pub struct Communities {
    db: Db,
    /// What has been revoked.
    pub revocations: Revocations,
    own: Arc<ArcSwap<CommunityTerms>>,
    registered: Arc<ArcSwap<BTreeMap<String, Arc<Held>>>>,
    reading: Arc<Mutex<()>>,
    looked_again: Arc<AtomicI64>,
}

impl Communities {
    /// Without any anchor until they are configured and read.
    #[must_use]
    pub fn new(db: Db, revocations: Revocations) -> Self {
        let nobody = terms(TrustStore::empty(), RevocationRule::Required);
        Self {
            db,
            revocations,
            own: Arc::new(ArcSwap::from_pointee(nobody)),
            registered: Arc::default(),
            reading: Arc::default(),
            looked_again: Arc::new(AtomicI64::new(0)),
        }
    }

    /// Sets what the configuration says of its own community.
    pub fn configure(&self, anchors: TrustStore, rule: RevocationRule) {
        self.own.store(Arc::new(terms(anchors, rule)));
    }

    /// Reads the communities of the database again, if they have changed.
    pub async fn refresh(&self) -> Result<(), Fault> {
        // One at a time, so that what was read later is what stays.
        let _reading = self.reading.lock().await;
        let versions = store::community::find_versions(&self.db).await?;
        let known = self.registered.load_full();
        let is_known =
            |name: &str, stamp| known.get(name).is_some_and(|held: &Arc<Held>| held.stamp == stamp);
        let unchanged = versions.len() == known.len()
            && versions.iter().all(|(name, version, at)| is_known(name, (*version, *at)));
        if unchanged {
            return Ok(());
        }
        let mut held = BTreeMap::new();
        for Community { name, terms, version, updated_at, .. } in store::community::find_all(&self.db).await?
        {
            held.insert(name.to_string(), Arc::new(Held { terms, stamp: (version, updated_at) }));
        }
        self.registered.store(Arc::new(held));
        tracing::info!(communities = versions.len(), "the trust communities were read");
        Ok(())
    }

    /// Judges a chain as a peer has shown it, in DER, the leaf first, by the rules of a community: a path to one of
    /// its anchors, on which nothing was revoked.
    pub async fn judge(
        &self,
        community: &str,
        chain: &[Vec<u8>],
        now: Timestamp,
    ) -> Result<Result<TrustedPath, PathFault>, Fault> {
        let Some((found, rule)) = self.find_path(community, chain, now).await? else {
            return Ok(Err(PathFault::UnknownCommunity));
        };
        let path = match found {
            Ok(path) => path,
            Err(fault) if rule == RevocationRule::Own => {
                match self.find_own_path(community, chain, now).await? {
                    Some(path) => path,
                    None => return Ok(Err(fault)),
                }
            }
            Err(fault) => return Ok(Err(fault)),
        };
        Ok(self.revocations.judge(&path, (community, rule), now).await?.map(|()| path))
    }

    /// Every community, and the kinds of names that it takes.
    #[must_use]
    pub fn names(&self) -> Vec<(CommunityName, Vec<NameKind>)> {
        let own = CommunityName::parse(DEFAULT).map(|name| (name, self.own.load().rules.names.clone()));
        let registered = self.registered.load();
        let named = registered
            .iter()
            .filter_map(|(name, held)| Some((CommunityName::parse(name)?, held.terms.rules.names.clone())));
        own.into_iter().chain(named).collect()
    }

    /// Whether clients of a community may be known by names of a kind.
    #[must_use]
    pub fn take(&self, community: &str, kind: NameKind) -> bool {
        self.with(community, |terms| terms.rules.take(kind)).unwrap_or(false)
    }

    /// How it is known in a community that a certificate has not been revoked.
    #[must_use]
    pub fn rule(&self, community: &str) -> Option<RevocationRule> {
        self.with(community, |terms| terms.revocation)
    }

    /// Where the registrations say that authorities publish revocation lists, each with its community.
    #[must_use]
    pub fn crl_urls(&self) -> Vec<(String, String)> {
        let registered = self.registered.load();
        let named = |(name, held): (&String, &Arc<Held>)| {
            let of = |url: &String| (url.clone(), name.clone());
            held.terms.crl_urls.iter().map(of).collect::<Vec<_>>()
        };
        registered.iter().flat_map(named).collect()
    }

    /// The anchors of each community.
    #[must_use]
    pub fn anchors(&self) -> Vec<(String, Certificate)> {
        let registered = self.registered.load();
        let own = self.own.load();
        let all = registered.iter().map(|(name, held)| (name.as_str(), &held.terms));
        all.chain([(DEFAULT, &**own)])
            .flat_map(|(name, terms)| {
                terms.anchors.authorities().iter().map(|anchor| (name.to_owned(), anchor.clone()))
            })
            .collect()
    }

    async fn find_path(
        &self,
        community: &str,
        chain: &[Vec<u8>],
        now: Timestamp,
    ) -> Result<Option<(Result<TrustedPath, PathFault>, RevocationRule)>, Fault> {
        let judged =
            |terms: &CommunityTerms| (terms.anchors.judge(chain, &terms.rules, now), terms.revocation);
        if let Some(found) = self.with(community, judged) {
            return Ok(Some(found));
        }
        // One that another process has just registered. The database is asked once a second for all that are missing.
        let second = seconds(now);
        if self.looked_again.swap(second, Ordering::Relaxed) != second {
            self.refresh().await?;
        }
        Ok(self.with(community, judged))
    }

    /// Finds a path over the authorities of the built-in PKI, which are at hand: whoever has renewed a certificate may
    /// still show the authority that issued the one before.
    async fn find_own_path(
        &self,
        community: &str,
        chain: &[Vec<u8>],
        now: Timestamp,
    ) -> Result<Option<TrustedPath>, Fault> {
        let Some(leaf) = chain.first() else { return Ok(None) };
        let mut own = vec![leaf.clone()];
        own.extend(store::authority::find_certificates(&self.db, now, MOST_OWN).await?);
        Ok(self.with(community, |terms| terms.anchors.judge(&own, &terms.rules, now).ok()).flatten())
    }

    fn with<T>(&self, community: &str, ask: impl FnOnce(&CommunityTerms) -> T) -> Option<T> {
        if community == DEFAULT {
            return Some(ask(&self.own.load()));
        }
        self.registered.load().get(community).map(|held| ask(&held.terms))
    }
}

fn terms(anchors: TrustStore, revocation: RevocationRule) -> CommunityTerms {
    CommunityTerms { title: None, anchors, rules: PathRules::default(), revocation, crl_urls: Vec::new() }
}
