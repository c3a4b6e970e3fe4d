//! The ring of signing keys of this process, read from the database and opened once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::jose::algorithm::Algorithm;
use crate::jose::claims::Claims;
use crate::jose::jwk::Jwk;
use crate::jose::jws::UnverifiedJws;
use crate::jose::signing::SigningKey;
use crate::model::signing_key::{KeyState, SigningKeyRecord};
use crate::moment::{Timestamp, seconds};
use crate::platform::seal::{Place, Sealer};
use crate::protocol::error::{Doing, Fault};
use crate::store::signing_key::StoredKey;
use crate::store::{self, Db};

/// The algorithms of which the ring always has an active key: ES256 for access tokens, RS256 for those that read
/// nothing else, and PS256 for the RSA of FAPI 2.0 (Security Profile, 5.4.1).
pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256];

/// One key, ready for use.
struct Held {
    record: SigningKeyRecord,
    private: SigningKey,
    public: Jwk,
}

/// How hard a key is looked for that this process does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// In the database at once: whoever asks has proved who it is.
    Surely,
    /// In the database at most once a second: anybody can name a key that does not exist.
    Sparingly,
}

/// The keys of this process. Clones share them.
#[derive(Clone)]
pub struct KeyRing {
    db: Db,
    looked_again: Arc<AtomicI64>,
    reading: Arc<Mutex<()>>,
    held: Arc<ArcSwap<Vec<Arc<Held>>>>,
    sealer: Arc<Sealer>,
}

impl KeyRing {
    /// An empty ring that opens keys with a sealer.
    #[must_use]
    pub fn new(db: Db, sealer: Arc<Sealer>) -> Self {
        Self {
            db,
            looked_again: Arc::new(AtomicI64::new(0)),
            reading: Arc::default(),
            held: Arc::new(ArcSwap::from_pointee(Vec::new())),
            sealer,
        }
    }

    /// Reads the keys again; those that are known already are not opened twice.
    pub async fn refresh(&self) -> Result<(), Fault> {
        // One at a time, so that what was read later is what stays.
        let _reading = self.reading.lock().await;
        let known = self.held.load_full();
        let mut held = Vec::new();
        for stored in store::signing_key::find_not_withdrawn(&self.db).await? {
            let same = known.iter().find(|key| key.record.kid == stored.record.kid);
            held.push(match same {
                Some(key) if key.record.times() == stored.record.times() => key.clone(),
                Some(_) | None => Arc::new(self.open(stored)?),
            });
        }
        self.held.store(Arc::new(held));
        Ok(())
    }

    fn open(&self, stored: StoredKey) -> Result<Held, Fault> {
        let record = stored.record;
        let private = self.sealer.open(place(&record.kid), &stored.sealed)?;
        let private = SigningKey::from_pkcs8(record.algorithm, &private).doing("reading a signing key")?;
        let public = Jwk::parse(&record.public_jwk).doing("reading a public key")?;
        Ok(Held { record, private, public })
    }

    /// Signs claims with the active key of an algorithm: a compact JWS with `typ` and `kid`.
    pub fn sign(
        &self,
        algorithm: Algorithm,
        typ: &str,
        claims: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<String, Fault> {
        let held = self.held.load();
        let active =
            |key: &&Arc<Held>| key.record.algorithm == algorithm && key.record.state(now) == KeyState::Active;
        // The newest of those that are active, should two overlap for a moment.
        let key = held.iter().filter(active).max_by_key(|key| key.record.activates_at);
        let key = key.ok_or_else(|| Fault::new("signing", "there is no active signing key"))?;
        key.private.sign(&key.record.kid, typ, claims).doing("signing")
    }

    /// Verifies a token that this server may have signed; `None` when it has not, or the key is gone.
    /// A key that another process has just made is read from the database first.
    pub async fn verify(
        &self,
        token: &str,
        typ: &str,
        (now, look): (Timestamp, Look),
    ) -> Result<Option<Claims>, Fault> {
        if UnverifiedJws::parse(token)
            .is_ok_and(|jws| jws.header().is_type(typ) && !self.holds(jws.header().kid.as_deref()))
        {
            match look {
                Look::Surely => self.refresh().await?,
                Look::Sparingly => self.refresh_at_most_each_second(now).await?,
            }
        }
        Ok(self.verify_with_held(token, typ, now))
    }

    fn holds(&self, kid: Option<&str>) -> bool {
        kid.is_some_and(|kid| self.held.load().iter().any(|key| key.record.kid == kid))
    }

    /// Anybody can name a key that does not exist; the database is asked once a second for all of them.
    async fn refresh_at_most_each_second(&self, now: Timestamp) -> Result<(), Fault> {
        let second = seconds(now);
        if self.looked_again.swap(second, Ordering::Relaxed) == second {
            return Ok(());
        }
        self.refresh().await
    }

    /// Verifies a token of the past: its key may have retired, but was not withdrawn, and is still remembered. What
    /// it says counts only for what no token is needed for, such as which session its client knew.
    #[must_use]
    pub fn verify_past(&self, token: &str, typ: &str) -> Option<Claims> {
        self.verify_with(token, typ, |_| true)
    }

    fn verify_with_held(&self, token: &str, typ: &str, now: Timestamp) -> Option<Claims> {
        self.verify_with(token, typ, |record| record.is_published(now))
    }

    fn verify_with(
        &self,
        token: &str,
        typ: &str,
        is_good: impl Fn(&SigningKeyRecord) -> bool,
    ) -> Option<Claims> {
        let unverified = UnverifiedJws::parse(token).ok().filter(|jws| jws.header().is_type(typ))?;
        let kid = unverified.header().kid.clone()?;
        let held = self.held.load();
        let key = held.iter().find(|key| key.record.kid == kid && is_good(&key.record))?;
        if unverified.header().alg != key.record.algorithm {
            return None;
        }
        unverified.verify(&key.public).ok()
    }

    /// The public keys to publish at a time.
    pub(in crate::keys) fn published(&self, now: Timestamp) -> Vec<Value> {
        let held = self.held.load();
        held.iter().filter(|key| key.record.is_published(now)).map(|key| key.public.to_json()).collect()
    }

    /// Whether every algorithm has a key that signs now.
    #[must_use]
    pub fn is_ready(&self, now: Timestamp) -> bool {
        let held = self.held.load();
        let active = |algorithm: &Algorithm| {
            held.iter()
                .any(|key| key.record.algorithm == *algorithm && key.record.state(now) == KeyState::Active)
        };
        ALGORITHMS.iter().all(active)
    }
}

/// Where a private key stands.
pub(in crate::keys) const fn place(kid: &str) -> Place<'_> {
    Place { table: "signing_key", column: "sealed_private_key", row: kid }
}
