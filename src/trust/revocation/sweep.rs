//! Looking at the certificates that are known when there is a new list: what tokens are bound to dies without a
//! request of whoever holds it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use crate::moment::Timestamp;
use crate::pki::revocation::{Authority, Reason, RevocationList, Subject};
use crate::protocol::error::Failure;
use crate::store;

use super::Revocations;

/// How many certificates are read at a time.
const PAGE: i64 = 500;
/// How many times a run reads at most; the next goes on from there, and lists are fetched in between.
const MOST_PAGES: u32 = 20;

/// How far a sweep over all certificates has come.
#[derive(Clone, Default)]
pub(super) struct Sweep {
    /// What had changed when it began.
    changes: u64,
    /// The last certificate that was looked at; none before it has begun and once it is done.
    after: Option<String>,
}

/// What authorities have revoked.
struct Revoked {
    /// Lists with the authority that signed each.
    lists: Vec<(Arc<RevocationList>, Authority)>,
    /// Authorities that were revoked themselves, by a list or by what a responder has told, and why.
    authorities: Vec<(Authority, Reason)>,
}

impl Revocations {
    /// Marks the certificates that are known and that a list revokes, if a list came since the last time. What this
    /// server issued it revokes itself. A sweep that has begun goes to its end with the lists of now; what changed
    /// meanwhile begins another.
    pub async fn sweep(&self) -> Result<(), Failure> {
        let mut sweep = self.sweeping().clone();
        if sweep.after.is_none() {
            let changes = self.0.changes.load(Ordering::SeqCst);
            if sweep.changes == changes {
                return Ok(());
            }
            sweep.changes = changes;
        }
        let now = self.0.ways.clock.now();
        let revoked = self.revoked(now).await?;
        if revoked.is_empty() {
            sweep.after = None;
            *self.sweeping() = sweep;
            return Ok(());
        }
        for _ in 0..MOST_PAGES {
            sweep.after = self.look_at_page(&revoked, sweep.after.as_deref(), now).await?;
            *self.sweeping() = sweep.clone();
            if sweep.after.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn sweeping(&self) -> MutexGuard<'_, Sweep> {
        self.0.sweep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn revoked(&self, now: Timestamp) -> Result<Revoked, Failure> {
        let authorities = self.authorities(now).await?;
        let (files, published) = (self.0.files.load_full(), self.0.published.load_full());
        let lists = files.all().chain(published.all()).filter(|list| !list.is_empty());
        let signed = lists.filter_map(|list| {
            let signer = authorities.iter().find(|authority| list.is_by(authority))?;
            Some((list.clone(), signer.clone()))
        });
        let mut revoked =
            Revoked { lists: signed.collect(), authorities: self.authorities_told_of(now).await? };
        for authority in &authorities {
            if let Some(reason) = Subject::parse(authority.der()).and_then(|subject| revoked.reason(&subject))
            {
                revoked.authorities.push((authority.clone(), reason));
            }
        }
        Ok(revoked)
    }

    /// Looks at the certificates after one; the answer is the last, if there may be more.
    async fn look_at_page(
        &self,
        revoked: &Revoked,
        after: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<String>, Failure> {
        let found = store::certificate::find_seen(&self.0.ways.db, after, now, PAGE).await?;
        for known in &found {
            if let Some(reason) = Subject::parse(&known.der).and_then(|subject| revoked.reason(&subject)) {
                self.mark(&known.thumbprint, reason).await?;
            }
        }
        Ok(found.last().map(|last| last.thumbprint.as_base64url()))
    }
}

impl Revoked {
    fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.authorities.is_empty()
    }

    /// Why a certificate is revoked, if it is: by a list of its authority, or with its authority.
    fn reason(&self, subject: &Subject) -> Option<Reason> {
        let mut listed =
            self.lists.iter().filter(|(list, _)| list.covers(subject)).filter_map(|(list, signer)| {
                let reason = list.revokes(subject)?;
                subject.is_of(signer).then_some(reason)
            });
        let by_authority = || {
            let (_, reason) = self.authorities.iter().find(|(authority, _)| subject.is_of(authority))?;
            Some(*reason)
        };
        listed.next().or_else(by_authority)
    }
}
