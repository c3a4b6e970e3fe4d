//! Making, announcing and replacing signing keys.

use std::sync::Arc;

use time::Duration;

use crate::jose::algorithm::Algorithm;
use crate::jose::jwk::Jwk;
use crate::jose::signing::SigningKey;
use crate::ledger::{Done, Ledger};
use crate::model::audit_event::AuditEvent;
use crate::model::signing_key::{KeyState, SigningKeyRecord};
use crate::moment::Timestamp;
use crate::platform::seal::Sealer;
use crate::protocol::error::{Doing, Failure, Fault};
use crate::store::signing_key::StoredKey;
use crate::store::{self, Db, Tx};

use super::keyring::{ALGORITHMS, place};

/// How long keys live and how long before their use they are published.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// From activation to retirement.
    pub life: Duration,
    /// From announcement to activation.
    pub notice: Duration,
}

/// How to replace the active keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// Announce the next keys; they sign once their notice is over.
    Announced,
    /// Swap at once and withdraw the old keys: what they signed is dead. For an emergency.
    AtOnce,
}

/// Makes what is missing and announces what is due. Safe to run in every process at any time.
pub async fn keep_current(
    (db, ledger): (&Db, &Ledger),
    sealer: Arc<Sealer>,
    event: AuditEvent,
    schedule: Schedule,
) -> Result<usize, Failure> {
    let now = event.at;
    let known = store::signing_key::find_not_withdrawn(db).await?;
    let is_due = |algorithm: &Algorithm| due(&known, *algorithm, schedule, now).is_some();
    let mut fresh = make(ALGORITHMS.into_iter().filter(is_due).collect()).await?;
    ledger
        .transact(event, move |tx, event| {
            Box::pin(async move {
                let keys = store::signing_key::find_all_locked(tx).await?;
                let mut made = Vec::new();
                for algorithm in ALGORITHMS {
                    let Some(activates_at) = due(&keys, algorithm, schedule, now) else { continue };
                    // What has become due since it was looked up is made the next time.
                    let Some(private) = taken(&mut fresh, algorithm) else { continue };
                    made.push(add(tx, &sealer, private, (now, activates_at)).await?);
                }
                event.target = Some(made.join(" "));
                let count = made.len();
                Ok(if count == 0 { Done::Unchanged(0) } else { Done::Changed(count) })
            })
        })
        .await
}

/// Replaces the active keys of every algorithm; the answer names the new ones.
pub async fn replace(
    ledger: &Ledger,
    sealer: Arc<Sealer>,
    event: AuditEvent,
    schedule: Schedule,
    how: Replacement,
) -> Result<Vec<String>, Failure> {
    let now = event.at;
    let fresh = make(ALGORITHMS.to_vec()).await?;
    ledger
        .transact(event, move |tx, event| {
            Box::pin(async move {
                store::signing_key::find_all_locked(tx).await?;
                let mut made = Vec::new();
                for private in fresh {
                    let algorithm = private.algorithm();
                    let activates_at = match how {
                        Replacement::Announced => now + schedule.notice,
                        Replacement::AtOnce => {
                            store::signing_key::mark_withdrawn(tx, algorithm, now).await?;
                            now
                        }
                    };
                    made.push(add(tx, &sealer, private, (now, activates_at)).await?);
                }
                event.target = Some(made.join(" "));
                Ok(Done::Changed(made))
            })
        })
        .await
}

/// When the next key of an algorithm has to begin, if one has to be made now.
fn due(keys: &[StoredKey], algorithm: Algorithm, schedule: Schedule, now: Timestamp) -> Option<Timestamp> {
    let of = |state: KeyState| {
        let mine = keys
            .iter()
            .filter(move |key| key.record.algorithm == algorithm && key.record.state(now) == state);
        mine.map(|key| key.record.activates_at).max()
    };
    let Some(active_since) = of(KeyState::Active) else { return Some(now) };
    let ends = active_since + schedule.life;
    let announced = of(KeyState::Announced).is_some();
    (!announced && ends - schedule.notice <= now).then(|| ends.max(now + schedule.notice))
}

/// Makes keys. An RSA key takes its time, in which nothing is locked and no other request is held up.
async fn make(algorithms: Vec<Algorithm>) -> Result<Vec<SigningKey>, Fault> {
    let doing = "making a signing key";
    let making = move || algorithms.into_iter().map(SigningKey::generate).collect::<Result<_, _>>();
    tokio::task::spawn_blocking(making).await.doing(doing)?.doing(doing)
}

/// Takes the key of an algorithm.
fn taken(fresh: &mut Vec<SigningKey>, algorithm: Algorithm) -> Option<SigningKey> {
    let at = fresh.iter().position(|key| key.algorithm() == algorithm)?;
    Some(fresh.swap_remove(at))
}

/// Lets a key's forerunners end when it begins, and stores it sealed.
async fn add(
    tx: &mut Tx,
    sealer: &Sealer,
    private: SigningKey,
    (announced_at, activates_at): (Timestamp, Timestamp),
) -> Result<String, Fault> {
    let algorithm = private.algorithm();
    // The key's own thumbprint names it (RFC 7638); until then any text stands for its name.
    let kid = Jwk::parse(&private.public_jwk("new")).doing("reading a new key")?.thumbprint();
    let der = private.to_pkcs8().doing("writing a signing key")?;
    let sealed_private_key = sealer.seal(place(&kid), &der)?;
    let record = SigningKeyRecord {
        kid: kid.clone(),
        algorithm,
        public_jwk: private.public_jwk(&kid),
        announced_at,
        activates_at,
        retires_at: None,
        withdrawn_at: None,
    };
    store::signing_key::mark_retiring(tx, algorithm, activates_at).await?;
    store::signing_key::insert(tx, &StoredKey { record, sealed: sealed_private_key }).await?;
    Ok(kid)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const SCHEDULE: Schedule = Schedule { life: Duration::days(90), notice: Duration::hours(24) };

    fn key(activates_at: Timestamp) -> StoredKey {
        let record = SigningKeyRecord {
            kid: "k".into(),
            algorithm: Algorithm::Es256,
            public_jwk: Value::Null,
            announced_at: activates_at,
            activates_at,
            retires_at: None,
            withdrawn_at: None,
        };
        StoredKey { record, sealed: Vec::new() }
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
}
