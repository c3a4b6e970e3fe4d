//! Asking the responders of authorities (RFC 6960), where no list tells.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use futures_util::future::join_all;
use moka::future::Cache;
use time::Duration;
use tokio::sync::Mutex;

use crate::moment::Timestamp;
use crate::pki::revocation::{Answer, Link, Question, RevocationList};
use crate::pki::thumbprint::Thumbprint;
use crate::platform::outbound::OutboundUrl;

use super::Revocations;

/// The longest that an answer is believed, whatever it says.
const LONGEST: Duration = Duration::hours(1);
/// How long a responder that did not tell is not asked again.
const AFTER_FAILURE: Duration = Duration::seconds(5);
/// How many answers are kept.
const CAPACITY: u64 = 100_000;
/// How many responders of a certificate are asked, one after another, in the time that there is.
const MOST_ASKED: usize = 2;
/// How many questions are asked again at a time.
const MOST_AGAIN: usize = 64;

/// What responders have answered, by certificate. Who is not asked for for an hour is forgotten.
pub(super) struct Responders(Cache<Thumbprint, Arc<Slot>>);

/// One certificate: what was answered last, and the right to ask again.
struct Slot {
    link: Link,
    last: ArcSwapOption<Told>,
    asking: Mutex<()>,
}

/// What came of the last question.
struct Told {
    answer: Option<Answer>,
    asked_at: Timestamp,
    good_until: Timestamp,
    /// Since when the newest answer that was ever believed is so: what is older is a replay.
    newest: Option<Timestamp>,
}

impl Default for Responders {
    fn default() -> Self {
        let idle = std::time::Duration::from_hours(1);
        Self(Cache::builder().max_capacity(CAPACITY).time_to_idle(idle).build())
    }
}

impl Slot {
    /// What was last told, or not told, if it will do; `None` when it must be asked.
    fn at_hand(&self, now: Timestamp) -> Option<Arc<Told>> {
        self.last.load_full().filter(|last| now < last.good_until)
    }
}

impl Revocations {
    /// What the responder of a certificate tells, if it has one that answers in time.
    pub(super) async fn ask(
        &self,
        link: &Link,
        lists: &[Arc<RevocationList>],
        now: Timestamp,
    ) -> Option<Answer> {
        link.subject.responder_urls().next()?;
        let fresh = async {
            Arc::new(Slot { link: link.clone(), last: ArcSwapOption::empty(), asking: Mutex::default() })
        };
        let slot = self.0.responders.0.get_with(link.subject.thumbprint(), fresh).await;
        if let Some(last) = slot.at_hand(now) {
            return last.answer.clone();
        }
        let _only_one = slot.asking.lock().await;
        // Another request may have asked while this one waited.
        if let Some(last) = slot.at_hand(self.0.ways.clock.now()) {
            return last.answer.clone();
        }
        self.ask_now(&slot, lists).await
    }

    /// Asks again what was answered longer ago than it may be: who is revoked in the meantime is found without a
    /// request of theirs.
    pub async fn ask_again(&self) {
        let now = self.0.ways.clock.now();
        let is_old = |slot: &Arc<Slot>| {
            let last = slot.last.load_full();
            last.is_some_and(|last| last.answer.is_some() && last.asked_at + self.refresh() <= now)
        };
        let slots = self.0.responders.0.iter().map(|(_, slot)| slot).filter(is_old).take(MOST_AGAIN);
        let asked = slots.map(async |slot| {
            let Ok(_only_one) = slot.asking.try_lock() else { return };
            let lists = self.lists_of(std::slice::from_ref(&slot.link));
            self.ask_now(&slot, &lists).await;
        });
        join_all(asked.collect::<Vec<_>>()).await;
    }

    async fn ask_now(&self, slot: &Slot, lists: &[Arc<RevocationList>]) -> Option<Answer> {
        let most = self.0.ways.settings.ocsp;
        let asked = tokio::time::timeout(most, self.ask_responders(&slot.link, lists)).await;
        let now = self.0.ways.clock.now();
        let before = slot.last.load_full();
        let newest = before.as_ref().and_then(|before| before.newest);
        let mut told = match asked.ok().flatten().filter(|answer| !is_replayed(answer, newest)) {
            Some(answer) => Told {
                good_until: answer.next_update.min(now + LONGEST).max(now + AFTER_FAILURE),
                newest: newest.max(Some(answer.this_update)),
                answer: Some(answer),
                asked_at: now,
            },
            None => Told { answer: None, asked_at: now, good_until: now + AFTER_FAILURE, newest },
        };
        if told.answer.is_none() {
            metrics::counter!("hilum_ocsp_failures_total").increment(1);
            if let Some(before) = before.filter(|before| now < before.good_until) {
                // What is still good stays so while the responder is away; only the next question is put off.
                let (answer, good_until) = (before.answer.clone(), before.good_until);
                told = Told { answer, asked_at: now, good_until, newest };
            }
        }
        if let Some(reason) = told.answer.as_ref().and_then(|answer| answer.revoked) {
            self.mark_soon(slot.link.subject.thumbprint(), reason);
        }
        let answer = told.answer.clone();
        slot.last.store(Some(Arc::new(told)));
        answer
    }

    async fn ask_responders(&self, link: &Link, lists: &[Arc<RevocationList>]) -> Option<Answer> {
        for url in link.subject.responder_urls().take(MOST_ASKED) {
            match self.ask_responder(url, link, lists).await {
                Ok(answer) => return Some(answer),
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
    ) -> Result<Answer, String> {
        let ways = &self.0.ways;
        let at = OutboundUrl::parse_signed(url, &ways.rules).map_err(str::to_owned)?;
        let nonce = ways.entropy.bytes::<32>().map_err(|error| error.to_string())?;
        let question = Question::about(link, nonce);
        let der = question.to_der().ok_or("the certificate cannot be asked about")?;
        let answer = ways.outbound.ask_responder(&at, der, ways.settings.ocsp).await;
        let answer = answer.map_err(|error| error.to_string())?;
        question.judge(&answer, lists, ways.clock.now()).map_err(|fault| fault.to_string())
    }
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
