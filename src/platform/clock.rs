//! The database's time, followed by a monotonic clock, so that no step of this machine's clock
//! lengthens or revives anything.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime};

use time::Duration;

use crate::moment::Timestamp;
use crate::protocol::error::Fault;

/// The drift beyond which a process is not ready to serve.
pub const MOST_DRIFT: Duration = Duration::seconds(30);

/// A clock that tells the database's time. Clones share it.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    Followed(Followed),
    Set(AtomicI64),
}

#[derive(Debug)]
struct Followed {
    started: Instant,
    /// The database's time when this clock started, in microseconds since 1970.
    origin: AtomicI64,
    /// The last answer given: each is later than the one before.
    last: AtomicI64,
    /// By how much this machine's own clock differs from the database's, in microseconds.
    drift: AtomicI64,
}

impl Clock {
    /// A clock that follows the database, which `ask` asks for its time.
    pub async fn following<F>(ask: F) -> Result<Self, Fault>
    where
        F: Future<Output = Result<Timestamp, Fault>>,
    {
        let followed = Followed {
            started: monotonic(),
            origin: AtomicI64::new(0),
            last: AtomicI64::new(0),
            drift: AtomicI64::new(0),
        };
        followed.measure(ask).await?;
        Ok(Self(Arc::new(Kind::Followed(followed))))
    }

    /// A clock that stands where it is set, for tests of what time does.
    #[must_use]
    pub fn set_to(at: Timestamp) -> Self {
        Self(Arc::new(Kind::Set(AtomicI64::new(micros(at)))))
    }

    /// Moves a clock that was set by hand; one that follows the database is left alone.
    pub fn advance(&self, by: Duration) {
        if let Kind::Set(at) = self.0.as_ref() {
            at.fetch_add(i64::try_from(by.whole_microseconds()).unwrap_or_default(), Ordering::SeqCst);
        }
    }

    /// The time, in whole microseconds, always after an earlier answer.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self.0.as_ref() {
            Kind::Set(at) => timestamp(at.load(Ordering::SeqCst)),
            Kind::Followed(followed) => {
                let at = followed.origin.load(Ordering::Relaxed) + elapsed(followed.started);
                // One later than the last while it waits for a time that it has told: records keep their order.
                let later = |last: i64| Some(at.max(last.saturating_add(1)));
                let last = followed.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
                timestamp(at.max(last.unwrap_or_else(|last| last).saturating_add(1)))
            }
        }
    }

    /// Asks the database again and follows it.
    pub async fn measure<F>(&self, ask: F) -> Result<(), Fault>
    where
        F: Future<Output = Result<Timestamp, Fault>>,
    {
        match self.0.as_ref() {
            Kind::Set(_) => Ok(()),
            Kind::Followed(followed) => followed.measure(ask).await,
        }
    }

    /// By how much this machine's own clock differed from the database's when it was last asked.
    #[must_use]
    pub fn drift(&self) -> Duration {
        match self.0.as_ref() {
            Kind::Set(_) => Duration::ZERO,
            Kind::Followed(followed) => Duration::microseconds(followed.drift.load(Ordering::Relaxed)).abs(),
        }
    }
}

impl Followed {
    async fn measure<F>(&self, ask: F) -> Result<(), Fault>
    where
        F: Future<Output = Result<Timestamp, Fault>>,
    {
        let before = elapsed(self.started);
        let told = micros(ask.await?);
        let after = elapsed(self.started);
        // The database answered somewhere between asking and hearing: halfway is the best guess.
        self.origin.store(told - i64::midpoint(before, after), Ordering::Relaxed);
        self.drift.store(wall() - told, Ordering::Relaxed);
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the monotonic clock")]
fn monotonic() -> Instant {
    Instant::now()
}

/// The time of this machine, for who has no database to ask.
#[must_use]
pub fn of_this_machine() -> Timestamp {
    timestamp(wall())
}

#[expect(clippy::disallowed_methods, reason = "the machine's own clock is read here to tell its drift")]
fn wall() -> i64 {
    micros(Timestamp::from(SystemTime::now()))
}

fn elapsed(since: Instant) -> i64 {
    i64::try_from(monotonic().duration_since(since).as_micros()).unwrap_or(i64::MAX / 2)
}

fn micros(at: Timestamp) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1000).unwrap_or_default()
}

fn timestamp(micros: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH.saturating_add(Duration::microseconds(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_timestamp(1_800_000_000 + seconds).unwrap()
    }

    #[tokio::test]
    async fn d7_the_database_decides_the_time_and_the_drift_is_told() {
        let clock = Clock::following(async { Ok(at(0)) }).await.unwrap();
        assert!(clock.now() >= at(0) && clock.now() < at(5));
        assert!(clock.drift() > MOST_DRIFT, "this machine's clock does not stand in 2027");
    }

    #[tokio::test]
    async fn time_never_goes_back() {
        let clock = Clock::following(async { Ok(at(100)) }).await.unwrap();
        let before = clock.now();
        clock.measure(async { Ok(at(0)) }).await.unwrap();
        let after = clock.now();
        assert!(after > before && clock.now() > after);
    }

    #[test]
    fn a_set_clock_moves_by_hand() {
        let clock = Clock::set_to(at(0));
        clock.advance(Duration::seconds(7));
        assert_eq!(clock.now(), at(7));
    }
}
