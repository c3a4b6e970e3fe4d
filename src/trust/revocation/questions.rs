//! What responders have answered, shared by all processes: one of them asks again, ahead of need, while tokens may be
//! alive; each verifies what it reads.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use crate::ledger::{Done, Work};
use crate::model::responder_answer::{DueQuestion, KeptAnswer, Questioned, Room};
use crate::model::revocation_list::{LEASE, next_fetch, next_try};
use crate::moment::Timestamp;
use crate::pki::revocation::{Authority, Link, Question, Reason, RevocationList, Subject};
use crate::protocol::error::{Failure, Fault};
use crate::store;

use super::Revocations;
use super::places::host_of;
use super::responder::{Heard, STILL_USED, Slot};

impl Revocations {
    /// Asks again about certificates for which tokens may be alive, by one of all processes: who is revoked in the
    /// meantime is found without a request of theirs. Nobody waits for what is asked, and no more are taken than there
    /// are places for: of what is taken and waits the lease would end.
    pub async fn ask_again(&self) -> Result<(), Failure> {
        let now = self.0.ways.clock.now();
        self.mark_told_of(now).await?;
        self.look_at_authorities().await?;
        let room = self.room();
        if room.of_all == 0
            || !store::responder_answer::is_due(&self.0.ways.db, now, &self.0.asking.full_hosts()).await?
        {
            return Ok(());
        }
        let event = self.event("revocation.questions")?;
        let taken = self.0.ways.ledger.transact(event, move |tx, _: &mut _| -> Work<'_, Vec<DueQuestion>> {
            Box::pin(async move {
                let taken = store::responder_answer::claim(tx, (now, now + LEASE), &room).await?;
                Ok(if taken.is_empty() { Done::Unchanged(taken) } else { Done::Unrecorded(taken) })
            })
        });
        for due in taken.await? {
            let this = self.clone();
            tokio::spawn(async move {
                if let Err(failure) = this.ask_due(&due).await {
                    // The lease ends, and it is asked again.
                    tracing::warn!(?failure, "what a responder told could not be kept");
                }
            });
        }
        Ok(())
    }

    /// How many certificates may be asked about now.
    fn room(&self) -> Room {
        let count = |places: usize| i64::try_from(places).unwrap_or(i64::MAX);
        let asking = &self.0.asking;
        let (hosts, of_hosts) =
            asking.free_at_hosts().into_iter().map(|(host, free)| (host, count(free))).unzip();
        Room { of_all: count(asking.free()), of_a_host: count(asking.of_a_host()), hosts, of_hosts }
    }

    /// Has what an authority has issued looked at, once a responder has called it revoked, whichever process heard it.
    async fn look_at_authorities(&self) -> Result<(), Fault> {
        let now = store::responder_answer::find_revoked_authority_names(&self.0.ways.db).await?;
        let mut before = self.0.told_of.lock().unwrap_or_else(PoisonError::into_inner);
        let is_any_news = now.iter().any(|name| !before.contains(name));
        *before = now;
        drop(before);
        if is_any_news {
            self.changed();
        }
        Ok(())
    }

    /// Marks what a responder has called revoked and nobody has marked: it became known at the same time, or whoever was
    /// about to mark it is gone.
    async fn mark_told_of(&self, now: Timestamp) -> Result<(), Failure> {
        for (der, authority, kept) in store::responder_answer::find_unmarked(&self.0.ways.db).await? {
            let Some(link) = link_of(&der, &authority) else { continue };
            let lists = self.lists_of(std::slice::from_ref(&link));
            let reason = believe(&link, kept, &lists, now).and_then(|heard| heard.answer.revoked);
            if let Some(reason) = reason {
                self.mark(&link.subject.thumbprint(), reason).await?;
            }
        }
        Ok(())
    }

    async fn ask_due(&self, due: &DueQuestion) -> Result<(), Failure> {
        let Some(link) = link_of(&due.der, &due.authority) else { return Ok(()) };
        let Some(url) = link.subject.responder_urls().next() else { return Ok(()) };
        // Before the right to ask: a request that needs it does not wait for a place too.
        let place = self.0.asking.take(url).await?;
        let slot = self.0.responders.slot(&link).await;
        let _only_one = slot.asking.lock().await;
        let lists = self.lists_of(std::slice::from_ref(&link));
        // What is good stays so here too, should the responder be away.
        self.read_kept(&slot, &lists).await;
        let heard = self.ask_now(&slot, &lists, due.this_update).await;
        drop(place);
        self.keep_heard(&link, heard, due.failures).await
    }

    /// Notes, while the request is answered, that a certificate is used, and what its responder has told.
    pub(super) fn note_soon(&self, slot: &Arc<Slot>, heard: Option<Heard>) {
        let (this, slot) = (self.clone(), slot.clone());
        tokio::spawn(async move {
            let noted = match this.note_used(&slot.link).await {
                Ok(()) if heard.is_some() => this.keep_heard(&slot.link, heard, 0).await,
                noted => noted,
            };
            if let Err(failure) = noted {
                slot.noted_at.store(0, Ordering::Relaxed);
                tracing::warn!(?failure, "that a certificate is to be asked about could not be noted");
            }
        });
    }

    async fn note_used(&self, link: &Link) -> Result<(), Failure> {
        let event = self.event("revocation.questions")?;
        let wanted_until = event.at + self.0.ways.token_life + STILL_USED * 2;
        let times = (wanted_until, event.at + LEASE);
        let asked = Questioned {
            thumbprint: link.subject.thumbprint().as_base64url(),
            der: link.subject.der().to_vec(),
            authority: link.authority.der().to_vec(),
            is_authority: link.subject.is_authority(),
            host: link.subject.responder_urls().next().map(host_of).unwrap_or_default(),
        };
        self.0
            .ways
            .ledger
            .transact(event, move |tx, _: &mut _| -> Work<'_, ()> {
                Box::pin(async move {
                    store::responder_answer::want(tx, &asked, times).await?;
                    Ok(Done::Unrecorded(()))
                })
            })
            .await
    }

    /// Keeps what came of a question, after so many in a row that nobody answered.
    async fn keep_heard(&self, link: &Link, heard: Option<Heard>, failures: i32) -> Result<(), Failure> {
        let (event, refresh) = (self.event("revocation.questions")?, self.refresh());
        let (now, thumbprint) = (event.at, link.subject.thumbprint().as_base64url());
        self.0
            .ways
            .ledger
            .transact(event, move |tx, _: &mut _| -> Work<'_, ()> {
                Box::pin(async move {
                    if let Some(Heard { answer, kept }) = heard {
                        let next = next_fetch(now, answer.next_update, refresh);
                        let said = (answer.this_update, answer.revoked.is_some());
                        store::responder_answer::keep(tx, &thumbprint, &kept, said, next).await?;
                    } else {
                        let next = next_try(now, failures.saturating_add(1), refresh);
                        store::responder_answer::mark_failed(tx, &thumbprint, next).await?;
                    }
                    Ok(Done::Unrecorded(()))
                })
            })
            .await
    }

    /// What another process was answered about the certificate of a link, if it can be believed: whoever can write the
    /// table is not the authority.
    pub(super) async fn find_kept(
        &self,
        link: &Link,
        lists: &[Arc<RevocationList>],
        now: Timestamp,
    ) -> Option<Heard> {
        let thumbprint = link.subject.thumbprint().as_base64url();
        match store::responder_answer::find(&self.0.ways.db, &thumbprint).await {
            Ok(kept) => believe(link, kept?, lists, now),
            Err(fault) => {
                tracing::warn!(%fault, "what responders have told could not be read");
                None
            }
        }
    }

    /// The authorities that responders have called revoked, and why.
    pub(super) async fn authorities_told_of(
        &self,
        now: Timestamp,
    ) -> Result<Vec<(Authority, Reason)>, Fault> {
        let found = store::responder_answer::find_revoked_authorities(&self.0.ways.db).await?;
        let told = found.into_iter().filter_map(|(der, authority, kept)| {
            let link = link_of(&der, &authority)?;
            let lists = self.lists_of(std::slice::from_ref(&link));
            let reason = believe(&link, kept, &lists, now)?.answer.revoked?;
            Some((Authority::parse(&der)?, reason))
        });
        Ok(told.collect())
    }
}

fn link_of(der: &[u8], authority: &[u8]) -> Option<Link> {
    Some(Link { subject: Subject::parse(der)?, authority: Authority::parse(authority)? })
}

/// Verifies an answer that was kept, as when it came.
fn believe(link: &Link, kept: KeptAnswer, lists: &[Arc<RevocationList>], now: Timestamp) -> Option<Heard> {
    let nonce = <[u8; 32]>::try_from(kept.nonce.as_slice()).ok()?;
    let answer = Question::about(link, nonce).judge(&kept.der, lists, now).ok()?;
    Some(Heard { answer, kept })
}
