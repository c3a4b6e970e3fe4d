//! Where a client's public keys come from: its registration, or its `jwks_uri`, fetched through the
//! one door out and kept as long as its `Cache-Control` allows (SMART App Launch 2.2).

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use moka::future::Cache;
use time::Duration;
use tokio::sync::Mutex;

use crate::config::outbound::Outbound as Rules;
use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::Jwk;
use crate::jose::jwk_set::{JwkSet, KeyChoiceError};
use crate::jose::jws::Header;
use crate::model::client::Client;
use crate::moment::Timestamp;
use crate::pki::thumbprint::Thumbprint;
use crate::platform::clock::Clock;
use crate::platform::outbound::{Outbound, OutboundUrl};
use crate::protocol::client_metadata::Keys;
use crate::protocol::error::Refusal;

use super::assertion::ClientAssertion;

/// The shortest a key set is kept, even one that may not be: whoever knows a `client_id` could else
/// have its keys fetched as often as he likes.
const SHORTEST: Duration = Duration::SECOND;
/// How long a key set is kept whose server does not say.
const UNSAID: Duration = Duration::minutes(5);
/// The longest a key set is kept, whatever its server says.
const LONGEST: Duration = Duration::hours(24);
/// How long an unknown `kid` does not cause another fetch, and a failed fetch is not repeated.
const COOL_DOWN: Duration = Duration::seconds(30);
const AFTER_FAILURE: Duration = Duration::seconds(5);
/// How many key sets are kept.
const CAPACITY: u64 = 10_000;

/// The sets of keys that this process holds. Clones share them.
#[derive(Clone)]
pub struct KeySource {
    outbound: Outbound,
    rules: Arc<Rules>,
    clock: Clock,
    slots: Cache<String, Arc<Slot>>,
}

/// One `jwks_uri`: what was fetched last, and the right to fetch again.
#[derive(Default)]
struct Slot {
    last: ArcSwapOption<Fetched>,
    fetching: Mutex<()>,
}

/// What came of the last fetch.
struct Fetched {
    set: Option<JwkSet>,
    at: Timestamp,
    fresh_until: Timestamp,
}

/// Why a set that is at hand is not good enough.
#[derive(Clone, Copy)]
enum Need<'a> {
    /// A set that has this key, if its server has it.
    Kid(&'a str),
    /// A set that has this certificate, if its server has it.
    Certificate(&'a Thumbprint),
}

impl KeySource {
    /// A source that fetches through a door, by its rules.
    #[must_use]
    pub fn new(outbound: Outbound, rules: Arc<Rules>, clock: Clock) -> Self {
        let slots =
            Cache::builder().max_capacity(CAPACITY).time_to_idle(std::time::Duration::from_hours(24)).build();
        Self { outbound, rules, clock, slots }
    }

    /// Finds the one key that a client's assertion was signed with.
    pub async fn find(&self, client: &Client, assertion: &ClientAssertion<'_>) -> Result<Jwk, Refusal> {
        self.choose(&client.metadata.keys, assertion.header()).await
    }

    /// Finds the one key that a token with this header was signed with, among those of whoever wrote it: exactly one
    /// that has its `kid` and fits.
    pub async fn choose(&self, keys: &Keys, header: &Header) -> Result<Jwk, Refusal> {
        let kid = header.kid.as_deref().ok_or_else(|| Refusal::invalid_client("assertion_kid_missing"))?;
        if let Some(jku) = &header.jku {
            // A `jku` is never fetched; it may only repeat what is registered.
            match keys {
                Keys::At(uri) if uri == jku => {}
                Keys::At(_) | Keys::Inline(_) | Keys::None => {
                    return Err(Refusal::invalid_client("assertion_jku_not_registered"));
                }
            }
        }
        self.find_in(keys, kid, header.alg).await
    }

    /// Finds the one key of a party that has a `kid` and fits an algorithm.
    pub async fn find_in(&self, keys: &Keys, kid: &str, algorithm: Algorithm) -> Result<Jwk, Refusal> {
        let choose = |set: &JwkSet| {
            set.select(kid, algorithm).cloned().map_err(|error| {
                Refusal::invalid_client(match error {
                    KeyChoiceError::NoneMatches => "assertion_key_unknown",
                    KeyChoiceError::SeveralMatch => "assertion_key_ambiguous",
                })
            })
        };
        match keys {
            Keys::None => Err(Refusal::invalid_client("client_has_no_keys")),
            Keys::Inline(set) => choose(set),
            Keys::At(uri) => choose(&self.set(uri, Need::Kid(kid)).await?),
        }
    }

    /// Finds the one key of a client that a text was signed with by its header: the one of its `kid`, or the only
    /// one that fits when it names none (OpenID Connect Core, 10.1). `None` when there is no such key.
    pub async fn signer(&self, client: &Client, header: &Header) -> Option<Jwk> {
        let set = match &client.metadata.keys {
            Keys::None => return None,
            Keys::Inline(set) => set.clone(),
            Keys::At(uri) => {
                self.set(uri, Need::Kid(header.kid.as_deref().unwrap_or_default())).await.ok()?
            }
        };
        if let Some(kid) = &header.kid {
            return set.select(kid, header.alg).ok().cloned();
        }
        let mut fitting = set.keys().iter().filter(|key| key.accepts(header.alg));
        fitting.next().filter(|_| fitting.next().is_none()).cloned()
    }

    /// The whole set of a client's keys, in which a certificate is looked for.
    pub async fn all(&self, client: &Client, certificate: &Thumbprint) -> Result<JwkSet, Refusal> {
        match &client.metadata.keys {
            Keys::None => Err(Refusal::invalid_client("client_has_no_keys")),
            Keys::Inline(set) => Ok(set.clone()),
            Keys::At(uri) => self.set(uri, Need::Certificate(certificate)).await,
        }
    }

    async fn set(&self, uri: &str, need: Need<'_>) -> Result<JwkSet, Refusal> {
        let slot = self.slots.get_with(uri.to_owned(), async { Arc::default() }).await;
        if let Some(set) = slot.at_hand(need, self.clock.now()) {
            return set;
        }
        let _only_one = slot.fetching.lock().await;
        // Another request may have fetched while this one waited.
        if let Some(set) = slot.at_hand(need, self.clock.now()) {
            return set;
        }
        let mut fetched = self.fetch(uri).await;
        if fetched.set.is_none()
            && let Some(before) = slot.last.load_full().filter(|before| self.clock.now() < before.fresh_until)
        {
            // What is still fresh stays good while its server is away; only the next fetch is put off.
            fetched = Fetched { set: before.set.clone(), at: fetched.at, fresh_until: before.fresh_until };
        }
        let fetched = Arc::new(fetched);
        slot.last.store(Some(fetched.clone()));
        fetched.set.clone().ok_or_else(unavailable)
    }

    async fn fetch(&self, uri: &str) -> Fetched {
        let answer = match OutboundUrl::parse(uri, &self.rules) {
            Ok(url) => self.outbound.fetch_json(&url).await.map_err(|error| error.to_string()),
            Err(says) => Err(says.to_owned()),
        };
        let now = self.clock.now();
        let parsed = answer.and_then(|answer| {
            let set = JwkSet::parse_fetched(&answer.body).map_err(|error| error.to_string())?;
            Ok((set, freshness(answer.max_age, answer.no_store)))
        });
        match parsed {
            Ok((set, fresh)) => Fetched { set: Some(set), at: now, fresh_until: now + fresh },
            Err(error) => {
                tracing::warn!(uri, error, "keys could not be fetched");
                Fetched { set: None, at: now, fresh_until: now + AFTER_FAILURE }
            }
        }
    }
}

impl Slot {
    /// The set at hand if it will do; `None` when it must be fetched.
    fn at_hand(&self, need: Need<'_>, now: Timestamp) -> Option<Result<JwkSet, Refusal>> {
        let last = self.last.load_full().filter(|last| now < last.fresh_until)?;
        let Some(set) = &last.set else { return Some(Err(unavailable())) };
        let has = match need {
            Need::Kid(kid) => set.has_kid(kid),
            Need::Certificate(shown) => {
                let known = set.keys().iter().filter_map(|key| key.x5c().first());
                known.into_iter().any(|der| Thumbprint::of_der(der).matches(shown))
            }
        };
        let cooling = now < last.at + COOL_DOWN;
        (has || cooling).then(|| Ok(set.clone()))
    }
}

/// How long an answer may be kept.
fn freshness(max_age: Option<std::time::Duration>, no_store: bool) -> Duration {
    if no_store {
        return SHORTEST;
    }
    max_age.map_or(UNSAID, |age| Duration::try_from(age).unwrap_or(LONGEST).clamp(SHORTEST, LONGEST))
}

const fn unavailable() -> Refusal {
    Refusal::invalid_client("client_keys_unavailable")
}
