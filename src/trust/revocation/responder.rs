//! Asking the responders of authorities (RFC 6960), where no list tells.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwapOption;
use moka::future::Cache;
use time::Duration;
use tokio::sync::Mutex;

use crate::model::responder_answer::KeptAnswer;
use crate::moment::{Timestamp, seconds};
use crate::pki::revocation::{Answer, Link, Question, RevocationList};
use crate::pki::thumbprint::Thumbprint;
use crate::platform::outbound::OutboundUrl;

use super::Revocations;

/// The longest that an answer is believed, whatever it says.
const LONGEST: Duration = Duration::hours(1);
/// How long a responder that did not tell is not asked again by requests.
const AFTER_FAILURE: Duration = Duration::seconds(5);
/// How much older than the interval an answer may become while whoever asks ahead of need is at it; no longer than
/// the interval itself.
const BEING_ASKED: Duration = Duration::seconds(5);
/// How many answers are kept here.
const CAPACITY: u64 = 100_000;
/// How many responders of a certificate are asked, one after another, in the time that there is.
const MOST_ASKED: usize = 2;
/// How often the table is told that a certificate is still used.
pub(super) const STILL_USED: Duration = Duration::minutes(10);

/// What responders have answered, by certificate and by who issued it: an authority that a path has proved is no other.
pub(super) struct Responders(Cache<(Thumbprint, Thumbprint), Arc<Slot>>);

/// One certificate: what was answered last, and the right to ask again.
pub(super) struct Slot {
    pub(super) link: Link,
    last: ArcSwapOption<Told>,
    pub(super) asking: Mutex<()>,
    /// The second in which the table was told that it is used.
    pub(super) noted_at: AtomicI64,
}

/// What is known since the last look.
struct Told {
    answer: Option<Answer>,
    /// When that was asked for, by whichever process.
    asked_at: Timestamp,
    /// Until when nothing newer is looked for.
    will_do_until: Timestamp,
    /// Until when it is believed, should nobody answer.
    good_until: Timestamp,
    /// Since when the newest answer that was ever believed is so: what is older is a replay.
    newest: Option<Timestamp>,
}

/// What a responder has told.
pub(super) struct Heard {
    pub(super) answer: Answer,
    pub(super) kept: KeptAnswer,
}

impl Default for Responders {
    fn default() -> Self {
        let idle = std::time::Duration::from_hours(1);
        Self(Cache::builder().max_capacity(CAPACITY).time_to_idle(idle).build())
    }
}

impl Responders {
    pub(super) async fn slot(&self, link: &Link) -> Arc<Slot> {
        let name = (link.subject.thumbprint(), Thumbprint::of_der(link.authority.der()));
        let fresh = async {
            Arc::new(Slot {
                link: link.clone(),
                last: ArcSwapOption::empty(),
                asking: Mutex::default(),
                noted_at: AtomicI64::new(0),
            })
        };
        self.0.get_with(name, fresh).await
    }
}

impl Slot {
    /// What was last told, or not told, if it will do; `None` when it must be looked for.
    fn at_hand(&self, now: Timestamp) -> Option<Arc<Told>> {
        self.last.load_full().filter(|last| now < last.good_until.min(last.will_do_until))
    }

    fn answer(&self) -> Option<Answer> {
        self.last.load().as_ref().and_then(|last| last.answer.clone())
    }

    /// Whether it is time to tell the table that it is used; asked once, it is no more.
    fn is_to_be_noted(&self, now: Timestamp) -> bool {
        let before = self.noted_at.load(Ordering::Relaxed);
        let is_due = seconds(now) - before >= STILL_USED.whole_seconds();
        is_due
            && self
                .noted_at
                .compare_exchange(before, seconds(now), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl Revocations {
    /// What the responder of a certificate tells, if it has one that answers in time, or has answered another process.
    pub(super) async fn ask(
        &self,
        link: &Link,
        lists: &[Arc<RevocationList>],
        now: Timestamp,
    ) -> Option<Answer> {
        link.subject.responder_urls().next()?;
        let slot = self.0.responders.slot(link).await;
        if slot.is_to_be_noted(now) {
            self.note_soon(&slot, None);
        }
        if let Some(last) = slot.at_hand(now) {
            return last.answer.clone();
        }
        let _only_one = slot.asking.lock().await;
        let now = self.0.ways.clock.now();
        // Another request may have asked while this one waited.
        if let Some(last) = slot.at_hand(now) {
            return last.answer.clone();
        }
        // The job may be behind, or the responder away: what is older than the interval is asked for by who needs it.
        if self.read_kept(&slot, lists).await {
            return slot.answer();
        }
        if let Some(heard) = self.ask_now(&slot, lists, None).await {
            self.note_soon(&slot, Some(heard));
        }
        slot.answer()
    }

    /// Takes what another process was answered, once it is verified, or else keeps what is at hand; whether either is
    /// so recent that nobody need ask.
    pub(super) async fn read_kept(&self, slot: &Slot, lists: &[Arc<RevocationList>]) -> bool {
        let (now, refresh) = (self.0.ways.clock.now(), self.refresh());
        let before = slot.last.load_full();
        let newest = before.as_ref().and_then(|before| before.newest);
        let kept = self.find_kept(&slot.link, lists, now).await;
        let kept = kept.filter(|heard| !is_replayed(&heard.answer, newest)).map(|heard| {
            // What was revoked stays so, however old the answer is.
            let (asked_at, good_until) = match heard.answer.revoked {
                Some(_) => (now, now + LONGEST),
                None => (heard.kept.asked_at, heard.answer.next_update.min(heard.kept.asked_at + LONGEST)),
            };
            Told {
                asked_at,
                will_do_until: will_do_until(asked_at, now, refresh),
                good_until,
                newest: newest.max(Some(heard.answer.this_update)),
                answer: Some(heard.answer),
            }
        });
        let held = before.filter(|before| before.answer.is_some()).map(|before| Told {
            answer: before.answer.clone(),
            asked_at: before.asked_at,
            will_do_until: will_do_until(before.asked_at, now, refresh),
            good_until: before.good_until,
            newest,
        });
        let Some(told) = [kept, held].into_iter().flatten().find(|told| now < told.good_until) else {
            return false;
        };
        if let Some(reason) = told.answer.as_ref().and_then(|answer| answer.revoked) {
            self.mark_soon(slot.link.subject.thumbprint(), reason);
        }
        let is_recent = now < told.will_do_until;
        slot.last.store(Some(Arc::new(told)));
        is_recent
    }

    /// Asks, and takes what is told; the answer is what was heard. `newest` is since when the newest answer is so that
    /// any process has heard.
    pub(super) async fn ask_now(
        &self,
        slot: &Slot,
        lists: &[Arc<RevocationList>],
        newest: Option<Timestamp>,
    ) -> Option<Heard> {
        let most = self.0.ways.settings.ocsp;
        let asked = tokio::time::timeout(most, self.ask_responders(&slot.link, lists)).await;
        let now = self.0.ways.clock.now();
        let before = slot.last.load_full();
        let newest = newest.max(before.as_ref().and_then(|before| before.newest));
        let heard = asked.ok().flatten().filter(|heard| !is_replayed(&heard.answer, newest));
        let told = if let Some(Heard { answer, .. }) = &heard {
            Told {
                good_until: answer.next_update.min(now + LONGEST).max(now + AFTER_FAILURE),
                newest: newest.max(Some(answer.this_update)),
                answer: Some(answer.clone()),
                asked_at: now,
                will_do_until: now + self.refresh(),
            }
        } else {
            metrics::counter!("hilum_ocsp_failures_total").increment(1);
            // What is still good stays so while the responder is away; only the next question is put off.
            let before = before.filter(|before| now < before.good_until && before.answer.is_some());
            let nothing = || {
                let until = now + AFTER_FAILURE;
                Told { answer: None, asked_at: now, will_do_until: until, good_until: until, newest }
            };
            before.map_or_else(nothing, |before| Told {
                answer: before.answer.clone(),
                asked_at: before.asked_at,
                will_do_until: now + self.refresh(),
                good_until: before.good_until,
                newest,
            })
        };
        if let Some(reason) = told.answer.as_ref().and_then(|answer| answer.revoked) {
            self.mark_soon(slot.link.subject.thumbprint(), reason);
        }
        slot.last.store(Some(Arc::new(told)));
        heard
    }

    async fn ask_responders(&self, link: &Link, lists: &[Arc<RevocationList>]) -> Option<Heard> {
        for url in link.subject.responder_urls().take(MOST_ASKED) {
            match self.ask_responder(url, link, lists).await {
                Ok(heard) => return Some(heard),
                Err(error) => {
                    tracing::warn!(url, error, "a responder did not tell whether a certificate was revoked");
                }
            }
        }
        None
    }

    async fn ask_responder(
        &self,
        url: &str,
        link: &Link,
        lists: &[Arc<RevocationList>],
    ) -> Result<Heard, String> {
        let ways = &self.0.ways;
        let at = OutboundUrl::parse_signed(url, &ways.rules).map_err(str::to_owned)?;
        let nonce = ways.entropy.bytes::<32>().map_err(|error| error.to_string())?;
        let question = Question::about(link, nonce);
        let der = question.to_der().ok_or("the certificate cannot be asked about")?;
        let der = ways.outbound.ask_responder(&at, der, ways.settings.ocsp).await;
        let der = der.map_err(|error| error.to_string())?;
        let now = ways.clock.now();
        let answer = question.judge(&der, lists, now).map_err(|fault| fault.to_string())?;
        Ok(Heard { answer, kept: KeptAnswer { nonce: nonce.to_vec(), der, asked_at: now } })
    }
}

/// Until when an answer that was asked for at a time will do; that is over once somebody is to ask anew. Whoever asks
/// ahead of need has a moment more for it, so that not every process asks.
fn will_do_until(asked_at: Timestamp, now: Timestamp, refresh: Duration) -> Timestamp {
    let due = asked_at.min(now) + refresh;
    if now < due { due } else { due + BEING_ASKED.min(refresh) }
}

/// Whether an answer is older than one that was believed. What was revoked stays so, however old the answer is.
fn is_replayed(answer: &Answer, newest: Option<Timestamp>) -> bool {
    answer.revoked.is_none() && newest.is_some_and(|newest| answer.this_update < newest)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::pki::revocation::Reason;

    #[test]
    fn m05_an_answer_that_is_older_than_the_interval_will_not_do() {
        let now = datetime!(2026-03-01 12:00 UTC);
        // The interval, how long ago it was asked for, and how long it will do still: not above zero is not at all.
        let rows = [
            (300, 0, 300),
            (300, 299, 1),
            (300, 300, 5),
            (300, 304, 1),
            (300, 305, 0),
            (300, 599, -294),
            (300, 3_599, -3_294),
            (2, 1, 1),
            (2, 2, 2),
            (2, 4, 0),
            // Whoever wrote the table has no longer than from now.
            (300, -86_400, 300),
        ];
        for (refresh, ago, left) in rows {
            let until = will_do_until(now - Duration::seconds(ago), now, Duration::seconds(refresh));
            assert_eq!((until - now).whole_seconds(), left, "{refresh} {ago}");
        }
    }

    #[test]
    fn f23_an_answer_that_is_older_than_the_last_is_a_replay_unless_it_revokes() {
        let now = datetime!(2026-03-01 12:00 UTC);
        let answer = |minutes: i64, revoked| Answer {
            certificate: Thumbprint::of_der(b"a certificate"),
            revoked,
            this_update: now + Duration::minutes(minutes),
            next_update: now + Duration::HOUR,
        };
        let rows = [
            (answer(-1, None), true),
            (answer(0, None), false),
            (answer(1, None), false),
            (answer(-1, Some(Reason::KeyCompromise)), false),
        ];
        for (answer, is_one) in rows {
            assert_eq!(is_replayed(&answer, Some(now)), is_one, "{answer:?}");
            assert!(!is_replayed(&answer, None), "{answer:?}");
        }
    }
}
