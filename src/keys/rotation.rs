//! Making, announcing, replacing and revoking signing keys. Whoever changes them holds the table, so that of many
//! processes whose schedule comes due one makes the next key.

use time::Duration;

use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::Jwk;
use crate::ledger::{Done, Ledger};
use crate::model::audit_event::AuditEvent;
use crate::model::signing_key::{Kept, KeyState, LEARNING, SigningKeyRecord};
use crate::moment::Timestamp;
use crate::platform::clock::Clock;
use crate::protocol::error::{Doing, ErrorCode, Failure, Fault, Reason, Refusal};
use crate::store::signing_key::StoredKey;
use crate::store::{self, Db, Tx};

use super::custody::{Custody, PrivateKey};
use super::keyring::{ALGORITHMS, place};

/// How long keys live and how long before their use they are published.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// From activation until another signs.
    pub life: Duration,
    /// From announcement to activation.
    pub notice: Duration,
    /// How long a key set may be cached.
    pub cache: Duration,
}

impl Schedule {
    /// The least time from announcement to activation: until every process has shown the key, and every key set that
    /// was fetched before has been fetched anew.
    #[must_use]
    pub fn lead(self) -> Duration {
        self.cache.saturating_add(LEARNING)
    }
}

/// How to replace the active keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// Announce the next keys; they sign once their notice is over.
    Announced,
    /// Swap at once and withdraw the old keys: what they signed is dead. For an emergency.
    AtOnce,
}

/// One key to be withdrawn.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// Its name.
    pub kid: String,
    /// Why.
    pub reason: String,
}

/// Makes what is missing and announces what is due. Safe to run in every process at any time.
pub async fn keep_current(
    (db, ledger): (&Db, &Ledger),
    custody: Custody,
    (event, clock): (AuditEvent, Clock),
    schedule: Schedule,
) -> Result<usize, Failure> {
    let now = clock.now();
    let known = store::signing_key::find_all(db).await?;
    let is_due = |algorithm: &Algorithm| due(&known, *algorithm, schedule, now).is_some();
    let mut fresh = make(&custody, ALGORITHMS.into_iter().filter(is_due)).await?;
    if fresh.is_empty() {
        return Ok(0);
    }
    ledger
        .transact(event, move |tx, event| {
            Box::pin(async move {
                let keys = store::signing_key::find_all_locked(tx).await?;
                // Making and sealing took its time, and so may waiting: the notice begins when others can read of it.
                let now = after_all(&keys, clock.now());
                let mut made = Vec::new();
                for algorithm in ALGORITHMS {
                    let Some(activates_at) = due(&keys, algorithm, schedule, now) else { continue };
                    // What has become due since it was looked up is made the next time.
                    let Some(private) = taken(&mut fresh, algorithm) else { continue };
                    made.push(add(tx, &custody, private, (now, activates_at)).await?);
                }
                event.target = Some(made.join(" "));
                let count = made.len();
                Ok(if count == 0 { Done::Unchanged(0) } else { Done::Changed(count) })
            })
        })
        .await
}

/// Makes a key of every algorithm, for [`replace`]. In an emergency, those that can be made: withdrawing the old ones
/// waits for no master key and no HSM.
pub async fn make_all(custody: &Custody, how: Replacement) -> Result<Vec<FreshKey>, Fault> {
    let mut made = Vec::new();
    for algorithm in ALGORITHMS {
        match (make_one(custody, algorithm).await, how) {
            (Ok(fresh), _) => made.push(fresh),
            (Err(fault), Replacement::Announced) => return Err(fault),
            (Err(fault), Replacement::AtOnce) => {
                tracing::warn!(%fault, "keys are withdrawn with none in their place");
                break;
            }
        }
    }
    Ok(made)
}

/// Replaces the active keys of every algorithm; the answer names the new ones. Where one is missing in an emergency
/// the schedule makes it as soon as it can.
pub async fn replace(
    tx: &mut Tx,
    (custody, fresh): (&Custody, Vec<FreshKey>),
    (schedule, how): (Schedule, Replacement),
    (now, reason): (Timestamp, &str),
) -> Result<Vec<String>, Fault> {
    let keys = store::signing_key::find_all_locked(tx).await?;
    let now = after_all(&keys, now);
    if how == Replacement::AtOnce {
        for algorithm in ALGORITHMS {
            store::signing_key::mark_all_withdrawn(tx, algorithm, now, reason).await?;
        }
    }
    let mut made = Vec::new();
    for private in fresh {
        let algorithm = private.key.algorithm();
        let activates_at = match how {
            // After those that are announced already, so that one signs at a time.
            Replacement::Announced => {
                let last = begins(&keys, (algorithm, KeyState::Announced), now).max();
                let after = last.map_or(now, |last| last + Duration::seconds(1));
                after.max(now + schedule.notice)
            }
            Replacement::AtOnce => now,
        };
        made.push(add(tx, custody, private, (now, activates_at)).await?);
    }
    Ok(made)
}

/// What was made to sign in the place of a key that is revoked.
pub enum Successor {
    /// Nothing: it is not the one that signs, or another stands ready.
    NotNeeded,
    /// A key.
    Made(Box<FreshKey>),
    /// It is needed, and could not be made.
    Failed,
}

/// Who signs after a revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Succession {
    /// Who signed before: the key that was revoked did not.
    Unchanged,
    /// Another key.
    By(String),
    /// Nobody, until the schedule can make a key.
    Nobody,
}

/// Makes the key that signs when one is revoked, unless another stands ready, for [`revoke`]. That it cannot be made
/// keeps no key from being revoked.
pub async fn make_successor(
    db: &Db,
    custody: &Custody,
    kid: &str,
    now: Timestamp,
) -> Result<Successor, Fault> {
    let keys = store::signing_key::find_not_withdrawn(db).await?;
    let Some(record) = keys.iter().map(|key| &key.record).find(|record| record.kid == kid) else {
        return Ok(Successor::NotNeeded);
    };
    if record.state(now) != KeyState::Active
        || begins(&keys, (record.algorithm, KeyState::Announced), now).next().is_some()
    {
        return Ok(Successor::NotNeeded);
    }
    Ok(match make_one(custody, record.algorithm).await {
        Ok(fresh) => Successor::Made(Box::new(fresh)),
        Err(fault) => {
            tracing::warn!(%fault, "a key is withdrawn with none in its place");
            Successor::Failed
        }
    })
}

/// Withdraws one key: what it signed is dead. Whoever was announced after the active one signs from then on, and a
/// fresh key if nobody was.
pub async fn revoke(
    tx: &mut Tx,
    (custody, successor): (&Custody, Successor),
    what: &Revocation,
    now: Timestamp,
) -> Result<Succession, Failure> {
    let keys = store::signing_key::find_all_locked(tx).await?;
    let now = after_all(&keys, now);
    let record = keys.iter().map(|key| &key.record).find(|record| record.kid == what.kid);
    let Some(record) = record else {
        let reason = Reason::new("key_unknown");
        return Err(Refusal::new(ErrorCode::NotFound, "there is no key of that name", reason).into());
    };
    let state = record.state(now);
    if state == KeyState::Revoked {
        let reason = Reason::new("key_revoked_before");
        return Err(Refusal::new(ErrorCode::Conflict, "the key has been revoked before", reason).into());
    }
    store::signing_key::mark_withdrawn(tx, &record.kid, now, &what.reason).await?;
    match state {
        KeyState::Active => succeed(tx, &keys, (custody, successor), (record.algorithm, now)).await,
        KeyState::Announced => {
            let times = (record.activates_at, record.retires_at);
            store::signing_key::mark_going_on(tx, record.algorithm, times).await?;
            Ok(Succession::Unchanged)
        }
        KeyState::Retiring | KeyState::Retired | KeyState::Revoked => Ok(Succession::Unchanged),
    }
}

/// Lets the next key of an algorithm begin.
async fn succeed(
    tx: &mut Tx,
    keys: &[StoredKey],
    (custody, successor): (&Custody, Successor),
    (algorithm, now): (Algorithm, Timestamp),
) -> Result<Succession, Failure> {
    let announced = keys
        .iter()
        .map(|key| &key.record)
        .filter(|record| record.algorithm == algorithm && record.state(now) == KeyState::Announced);
    if let Some(next) = announced.min_by_key(|record| record.activates_at) {
        store::signing_key::mark_active(tx, &next.kid, now).await?;
        return Ok(Succession::By(next.kid.clone()));
    }
    match successor {
        Successor::Made(fresh) => Ok(Succession::By(add(tx, custody, *fresh, (now, now)).await?)),
        Successor::Failed => Ok(Succession::Nobody),
        Successor::NotNeeded => {
            let told = "the keys changed meanwhile: do it again";
            Err(Refusal::new(ErrorCode::Conflict, told, Reason::new("keys_changed")).into())
        }
    }
}

/// A time that is not before anything that was done to the keys: other processes' clocks may be a little ahead.
fn after_all(keys: &[StoredKey], now: Timestamp) -> Timestamp {
    let done = keys.iter().map(|key| key.record.withdrawn_at.unwrap_or(key.record.announced_at));
    done.fold(now, Timestamp::max)
}

/// When the keys of an algorithm in a state begin, or began.
fn begins(
    keys: &[StoredKey],
    (algorithm, state): (Algorithm, KeyState),
    now: Timestamp,
) -> impl Iterator<Item = Timestamp> {
    let mine = keys
        .iter()
        .map(|key| &key.record)
        .filter(move |record| record.algorithm == algorithm && record.state(now) == state);
    mine.map(|record| record.activates_at)
}

/// When the next key of an algorithm has to begin, if one has to be made now.
fn due(keys: &[StoredKey], algorithm: Algorithm, schedule: Schedule, now: Timestamp) -> Option<Timestamp> {
    let announced = begins(keys, (algorithm, KeyState::Announced), now).next().is_some();
    if let Some(since) = begins(keys, (algorithm, KeyState::Active), now).max() {
        let ends = since + schedule.life;
        return (!announced && ends - schedule.notice <= now).then(|| ends.max(now + schedule.notice));
    }
    let has_signed = |key: &StoredKey| key.record.algorithm == algorithm && key.record.activates_at <= now;
    if keys.is_empty() || keys.iter().any(has_signed) {
        // Nobody can hold a key set yet; or there has to be one, whoever holds what.
        return Some(now);
    }
    // The first of an algorithm that is new to this server: key sets without it are still about.
    (!announced).then(|| now + schedule.lead())
}

/// A key that was just made.
pub struct FreshKey {
    key: PrivateKey,
    /// The key's own thumbprint names it (RFC 7638).
    kid: String,
    /// How it is kept, where that takes its time too: the master key may be elsewhere.
    sealed: Option<Kept>,
}

/// Makes keys and seals them, which takes its time, in which nothing is locked.
async fn make(
    custody: &Custody,
    algorithms: impl Iterator<Item = Algorithm>,
) -> Result<Vec<FreshKey>, Fault> {
    let mut made = Vec::new();
    for algorithm in algorithms {
        made.push(make_one(custody, algorithm).await?);
    }
    Ok(made)
}

async fn make_one(custody: &Custody, algorithm: Algorithm) -> Result<FreshKey, Fault> {
    let key = custody.generate(algorithm).await?;
    // Until it has a name any text stands for it.
    let kid = Jwk::parse(&key.public_jwk("new")).doing("reading a new key")?.thumbprint();
    let sealed = match &key {
        PrivateKey::Software(_) => Some(custody.keep(&key, place(&kid)).await?),
        // A key in the module that nobody keeps is removed there.
        PrivateKey::Hsm(_) => None,
    };
    Ok(FreshKey { key, kid, sealed })
}

/// Takes the key of an algorithm.
fn taken(fresh: &mut Vec<FreshKey>, algorithm: Algorithm) -> Option<FreshKey> {
    let at = fresh.iter().position(|fresh| fresh.key.algorithm() == algorithm)?;
    Some(fresh.swap_remove(at))
}

/// Lets a key's forerunners end when it begins, and stores it as it is kept.
async fn add(
    tx: &mut Tx,
    custody: &Custody,
    FreshKey { key, kid, sealed }: FreshKey,
    (announced_at, activates_at): (Timestamp, Timestamp),
) -> Result<String, Fault> {
    let algorithm = key.algorithm();
    store::signing_key::mark_retiring(tx, algorithm, activates_at).await?;
    let kept = match sealed {
        Some(sealed) => sealed,
        None => custody.keep(&key, place(&kid)).await?,
    };
    let record = SigningKeyRecord {
        kid: kid.clone(),
        algorithm,
        public_jwk: key.public_jwk(&kid),
        announced_at,
        activates_at,
        retires_at: None,
        withdrawn_at: None,
        withdrawal_reason: None,
    };
    store::signing_key::insert(tx, &StoredKey { record, kept }).await.inspect_err(|_| key.give_up())?;
    Ok(kid)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const SCHEDULE: Schedule =
        Schedule { life: Duration::days(90), notice: Duration::hours(24), cache: Duration::minutes(5) };

    fn key(activates_at: Timestamp) -> StoredKey {
        let record = SigningKeyRecord {
            kid: "k".into(),
            algorithm: Algorithm::Es256,
            public_jwk: Value::Null,
            announced_at: activates_at,
            activates_at,
            retires_at: None,
            withdrawn_at: None,
            withdrawal_reason: None,
        };
        StoredKey { record, kept: Kept::Sealed(Vec::new()) }
    }

    #[test]
    fn md_05_the_next_key_is_announced_a_day_ahead_and_only_once() {
        let start = Timestamp::from_unix_timestamp(1_800_000_000).unwrap();
        let keys = [key(start)];
        let next = |keys: &[StoredKey], now| due(keys, Algorithm::Es256, SCHEDULE, now);
        assert_eq!(next(&[], start), Some(start), "the first key begins at once");
        assert_eq!(next(&keys, start + Duration::days(88)), None);
        let eve = start + Duration::days(89);
        assert_eq!(next(&keys, eve), Some(start + Duration::days(90)));
        assert_eq!(
            next(&[key(start), key(start + Duration::days(90))], eve),
            None,
            "it is announced already"
        );
        let late = start + Duration::days(200);
        assert_eq!(next(&keys, late), Some(late + SCHEDULE.notice), "a long sleep does not skip the notice");
    }

    #[test]
    fn x3_the_first_key_of_an_algorithm_that_is_new_is_announced_and_one_that_was_lost_is_not_waited_for() {
        let start = Timestamp::from_unix_timestamp(1_800_000_000).unwrap();
        let other = |keys: &[StoredKey]| due(keys, Algorithm::Ps256, SCHEDULE, start);
        assert_eq!(other(&[key(start)]), Some(start + SCHEDULE.lead()), "key sets without it are about");
        let mut first = key(start + SCHEDULE.lead());
        first.record.algorithm = Algorithm::Ps256;
        assert_eq!(other(&[key(start), first.clone()]), None, "it is announced already");
        first.record.activates_at = start - Duration::days(1);
        first.record.withdrawn_at = Some(start);
        assert_eq!(other(&[key(start), first]), Some(start), "somebody has to sign");
    }
}
