//! The ring of signing keys of this process, read from the database and opened once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use futures_util::future::join_all;
use serde_json::{Map, Value};
use time::Duration;
use tokio::sync::Mutex;

use crate::jose::algorithm::Algorithm;
use crate::jose::claims::Claims;
use crate::jose::jwk::Jwk;
use crate::jose::jws::UnverifiedJws;
use crate::jose::signing::Unsigned;
use crate::model::signing_key::{Kept, KeyState, SigningKeyRecord};
use crate::moment::{Timestamp, seconds};
use crate::platform::hsm::Hsm;
use crate::platform::seal::Place;
use crate::protocol::error::{Doing, Fault};
use crate::store::signing_key::StoredKey;
use crate::store::{self, Db};

use super::custody::{Custody, PrivateKey};

/// The algorithms of which the ring always has an active key: ES256 for access tokens, RS256 for those that read
/// nothing else, and PS256 for the RSA of FAPI 2.0 (Security Profile, 5.4.1). Discovery lists these and no others.
pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256];

/// How long a process signs with what it has read: whether a key was revoked since, it does not know.
const STALE: Duration = Duration::seconds(60);

/// One key. Its public half is all that publishing, verifying and withdrawing it need.
#[derive(Clone)]
struct Held {
    record: SigningKeyRecord,
    kept: Kept,
    public: Jwk,
    private: Private,
}

/// The private half of a key.
#[derive(Clone)]
enum Private {
    /// Ready to sign.
    Open(Arc<PrivateKey>),
    /// Nobody has tried to open it.
    Untried,
    /// It could not be opened: the master key or the HSM is away, or another one.
    Shut(Shut),
}

/// Why a key did not open, and when that is tried again.
#[derive(Clone)]
struct Shut {
    why: Arc<str>,
    failures: u32,
    again_at: Timestamp,
}

impl Held {
    /// Whether it signs, or will.
    fn may_sign(&self, now: Timestamp) -> bool {
        matches!(self.record.state(now), KeyState::Active | KeyState::Announced)
    }

    /// Whether to try to open it.
    fn is_due(&self, now: Timestamp) -> bool {
        match &self.private {
            Private::Open(_) => false,
            Private::Untried => true,
            Private::Shut(shut) => shut.again_at <= now,
        }
    }

    /// The private half after a try to open it.
    fn after(&self, opened: Result<PrivateKey, Fault>, now: Timestamp) -> Private {
        let before = match &self.private {
            Private::Shut(shut) => shut.failures,
            Private::Open(_) | Private::Untried => 0,
        };
        let kid = &self.record.kid;
        match opened {
            Ok(private) => {
                if before > 0 {
                    tracing::info!(%kid, "a signing key could be opened after all");
                }
                Private::Open(Arc::new(private))
            }
            Err(fault) => {
                if before == 0 {
                    tracing::warn!(%kid, %fault, "a signing key could not be opened");
                }
                let failures = before.saturating_add(1);
                let again_at = now + pause(failures);
                Private::Shut(Shut { why: fault.to_string().into(), failures, again_at })
            }
        }
    }

    /// What signs.
    fn signer(&self) -> Result<Arc<PrivateKey>, Fault> {
        let why = match &self.private {
            Private::Open(private) => return Ok(private.clone()),
            Private::Untried => "it was not tried",
            Private::Shut(shut) => shut.why.as_ref(),
        };
        let told = format!("the signing key {} could not be opened: {why}", self.record.kid);
        Err(Fault::new("signing", told))
    }
}

/// How long after so many failures in a row a key is left alone: up to about a minute.
fn pause(failures: u32) -> Duration {
    Duration::seconds(1 << failures.min(6))
}

/// The keys that were read, with what is known of their private halves already: those never change.
fn merged(known: &[Arc<Held>], read: &[(StoredKey, Jwk)]) -> Vec<Arc<Held>> {
    let hold = |(stored, public): &(StoredKey, Jwk)| {
        let same = known.iter().find(|key| key.record.kid == stored.record.kid);
        let private = same.map_or(Private::Untried, |key| key.private.clone());
        let StoredKey { record, kept } = stored.clone();
        Arc::new(Held { record, kept, public: public.clone(), private })
    };
    read.iter().map(hold).collect()
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
    opening: Arc<Mutex<()>>,
    /// The second in which what is held was read.
    read_at: Arc<AtomicI64>,
    held: Arc<ArcSwap<Vec<Arc<Held>>>>,
    custody: Custody,
}

impl KeyRing {
    /// An empty ring that opens keys as they are kept.
    #[must_use]
    pub fn new(db: Db, custody: Custody) -> Self {
        Self {
            db,
            looked_again: Arc::new(AtomicI64::new(0)),
            reading: Arc::default(),
            opening: Arc::default(),
            read_at: Arc::new(AtomicI64::new(0)),
            held: Arc::new(ArcSwap::from_pointee(Vec::new())),
            custody,
        }
    }

    /// Reads the keys again, as they stand at a time or later, and opens those that will sign and are not open. One
    /// that does not open is held without its private half, so that it keeps no other from being known or withdrawn.
    pub async fn refresh(&self, now: Timestamp) -> Result<(), Fault> {
        self.read(now).await?;
        self.open_due(now).await;
        Ok(())
    }

    /// Reads the keys again; none is opened.
    async fn read(&self, now: Timestamp) -> Result<(), Fault> {
        // One at a time, so that what was read later is what stays.
        let _reading = self.reading.lock().await;
        let mut read = Vec::new();
        for stored in store::signing_key::find_not_withdrawn(&self.db).await? {
            let public = Jwk::parse(&stored.record.public_jwk).doing("reading a public key")?;
            read.push((stored, public));
        }
        self.held.rcu(|known| merged(known, &read));
        self.read_at.fetch_max(seconds(now), Ordering::Relaxed);
        Ok(())
    }

    /// Opens the keys that are to sign and are not open, each no more often than its pause lets it.
    async fn open_due(&self, now: Timestamp) {
        let is_due = |key: &&Arc<Held>| key.is_due(now) && key.may_sign(now);
        if !self.held.load().iter().any(|key| is_due(&key)) {
            return;
        }
        // Whoever waits for another finds what that one has opened.
        let _opening = self.opening.lock().await;
        let due: Vec<Arc<Held>> = self.held.load().iter().filter(is_due).cloned().collect();
        // All at once, so that a master key that does not answer holds up one time for all of them.
        join_all(due.iter().map(|key| self.open(key, now))).await;
    }

    async fn open(&self, key: &Held, now: Timestamp) {
        let record = &key.record;
        let at = (record.algorithm, place(&record.kid));
        let opened = self.custody.open_known(at, &key.kept, &record.public_jwk).await;
        let private = key.after(opened, now);
        self.held.rcu(|held| -> Vec<Arc<Held>> {
            let learn = |key: &Arc<Held>| {
                if key.record.kid == record.kid {
                    Arc::new(Held { private: private.clone(), ..key.as_ref().clone() })
                } else {
                    key.clone()
                }
            };
            held.iter().map(learn).collect()
        });
    }

    /// How many seconds have begun since what is held was read.
    pub(in crate::keys) fn age(&self, now: Timestamp) -> i64 {
        seconds(now).saturating_sub(self.read_at.load(Ordering::Relaxed)).saturating_add(1)
    }

    /// Signs claims with the active key of an algorithm: a compact JWS with `typ` and `kid`.
    pub async fn sign(
        &self,
        algorithm: Algorithm,
        typ: &str,
        claims: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<String, Fault> {
        if self.is_stale(now) {
            self.catch_up(now).await?;
        }
        let mut key = self.active(algorithm, now)?;
        if key.is_due(now) {
            self.open_due(now).await;
            key = self.active(algorithm, now)?;
        }
        let private = key.signer()?;
        let unsigned = Unsigned::new((algorithm, &key.record.kid), typ, claims).doing("signing")?;
        let signature = private.sign(unsigned.input()).await?;
        Ok(unsigned.with(&signature))
    }

    /// Whether what is held was read too long ago to sign with it.
    fn is_stale(&self, now: Timestamp) -> bool {
        self.age(now) > STALE.whole_seconds()
    }

    /// Reads what was not read for too long, or says that it could not.
    async fn catch_up(&self, now: Timestamp) -> Result<(), Fault> {
        self.read_at_most_each_second(now).await?;
        // Another may be reading.
        drop(self.reading.lock().await);
        if self.is_stale(now) {
            return Err(Fault::new("signing", UNREAD));
        }
        Ok(())
    }

    /// The key of an algorithm that signs now.
    fn active(&self, algorithm: Algorithm, now: Timestamp) -> Result<Arc<Held>, Fault> {
        let held = self.held.load();
        let active =
            |key: &&Arc<Held>| key.record.algorithm == algorithm && key.record.state(now) == KeyState::Active;
        // The newest of those that are active, should two overlap for a moment.
        let key = held.iter().filter(active).max_by_key(|key| key.record.activates_at);
        key.cloned().ok_or_else(|| Fault::new("signing", "there is no active signing key"))
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
                Look::Surely => self.read(now).await?,
                Look::Sparingly => self.read_at_most_each_second(now).await?,
            }
        }
        Ok(self.verify_with_held(token, typ, now))
    }

    fn holds(&self, kid: Option<&str>) -> bool {
        kid.is_some_and(|kid| self.held.load().iter().any(|key| key.record.kid == kid))
    }

    /// Anybody can name a key that does not exist; the database is asked once a second for all of them.
    async fn read_at_most_each_second(&self, now: Timestamp) -> Result<(), Fault> {
        let second = seconds(now);
        if self.looked_again.swap(second, Ordering::Relaxed) == second {
            return Ok(());
        }
        self.read(now).await
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

    /// Whether the hardware security module answers, where there is one, and signs with the keys that it has.
    pub async fn reaches_hsm(&self, now: Timestamp) -> Result<(), Fault> {
        let Some(hsm) = self.custody.hsm() else { return Ok(()) };
        hsm.probe().await.map_err(|error| error.fault("asking the HSM"))?;
        let held = self.held.load_full();
        for key in held.iter().filter(|key| key.record.state(now) == KeyState::Active) {
            if let Private::Open(private) = &key.private
                && let PrivateKey::Hsm(_) = private.as_ref()
            {
                // No JWS: what is signed of those has a full stop in it.
                private.sign(b"readiness").await?;
            }
        }
        Ok(())
    }

    /// Whether the library of the hardware security module hangs, which ends with the process.
    #[must_use]
    pub fn hsm_hangs(&self) -> bool {
        self.custody.hsm().is_some_and(Hsm::hangs)
    }

    /// Why nothing, or not everything, can be signed: each algorithm needs a key that signs now and could be opened, or
    /// one that will sign.
    #[must_use]
    pub fn obstacle(&self, now: Timestamp) -> Option<&'static str> {
        if self.is_stale(now) {
            return Some(UNREAD);
        }
        let held = self.held.load();
        let begins = |algorithm: &Algorithm| {
            held.iter().any(|key| key.record.algorithm == *algorithm && key.may_sign(now))
        };
        if !ALGORITHMS.iter().all(begins) {
            return Some("there is no active signing key");
        }
        let is_shut = |algorithm: &Algorithm| {
            self.active(*algorithm, now).is_ok_and(|key| matches!(key.private, Private::Shut(_)))
        };
        ALGORITHMS.iter().any(is_shut).then_some("the active signing key could not be opened")
    }

    /// Makes sure that every key that signs, or will, is open: at the start nobody is served yet, so that whoever
    /// starts the server with another master key, or without its HSM, is told.
    pub fn are_open(&self, now: Timestamp) -> Result<(), Fault> {
        self.held.load().iter().filter(|key| key.may_sign(now)).try_for_each(|key| key.signer().map(drop))
    }
}

const UNREAD: &str = "the signing keys have not been read for a minute";

/// Where a private key stands.
pub(in crate::keys) const fn place(kid: &str) -> Place<'_> {
    Place { table: "signing_key", column: "sealed_private_key", row: kid }
}
