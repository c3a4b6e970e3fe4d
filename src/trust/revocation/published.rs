//! The lists in the table, which all processes share.

use std::collections::HashMap;
use std::sync::Arc;

use crate::jose::thumbprint::sha256;
use crate::ledger::{Done, Work};
use crate::model::revocation_list::ListHead;
use crate::moment::Timestamp;
use crate::pki::revocation::{Authority, RevocationList};
use crate::protocol::error::{Doing, Failure, Fault};
use crate::store;

use super::Revocations;
use super::lists::{Held, Published, is_vouched_for, measure, measure_room};

/// How many bytes of a list are written in one transaction.
const PART: usize = 4 * 1024 * 1024;

impl Revocations {
    /// The authorities by which lists are verified.
    pub(super) async fn authorities(&self, now: Timestamp) -> Result<Vec<Authority>, Fault> {
        let found = store::issuing_authority::find_current(&self.0.ways.db, now).await?;
        Ok(found.iter().filter_map(|der| Authority::parse(der)).collect())
    }

    /// Reads what the table has and this process has not, and measures what there is.
    pub async fn read_published(&self) -> Result<(), Fault> {
        let _only_one = self.0.reading.lock().await;
        let heads = store::revocation_list::find_heads(&self.0.ways.db).await?;
        let now = self.0.ways.clock.now();
        let before = self.0.published.load_full();
        let mut after = HashMap::new();
        let mut is_news = false;
        for head in heads {
            // From now on it is there, so that its first failure is an increase.
            metrics::counter!("hilum_revocation_list_failures_total", "list" => head.url.clone())
                .increment(0);
            let same = before.0.get(&head.url).filter(|held| held.digest == head.digest);
            let held = if let Some(held) = same {
                // One that was fetched here was not told whose it is.
                Held { community: head.community.clone(), ..held.clone() }
            } else {
                is_news |= head.digest.is_some();
                self.read_one(&head).await?
            };
            if let Some(list) = &held.list {
                measure(&head.url, list, now);
            }
            after.insert(head.url, held);
        }
        for (at, list) in self.0.files.load().all().enumerate() {
            measure(&format!("file {}", at + 1), list, now);
        }
        let after = Published(after);
        measure_room(&before, &after);
        self.0.published.store(Arc::new(after));
        if is_news {
            self.changed();
        }
        Ok(())
    }

    /// Writes a list in parts, each in a transaction of its own: they count once the list is marked as there.
    pub(super) async fn write_parts(
        &self,
        list: &Arc<RevocationList>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let digest = sha256(list.der());
        for (part, at) in (0..).zip((0..list.der().len()).step_by(PART)) {
            let list = list.clone();
            let event = self.event("revocation.list")?;
            self.0
                .ways
                .ledger
                .transact(event, move |tx, _| -> Work<'_, ()> {
                    Box::pin(async move {
                        let rest = list.der().get(at..).unwrap_or_default();
                        let bytes = rest.get(..PART).unwrap_or(rest);
                        store::revocation_list::insert_part(tx, &digest, part, bytes, now).await?;
                        Ok(Done::Unrecorded(()))
                    })
                })
                .await?;
        }
        Ok(())
    }

    async fn read_one(&self, head: &ListHead) -> Result<Held, Fault> {
        let community = head.community.clone();
        let unread = Held { digest: None, list: None, community: community.clone() };
        let Some(digest) = &head.digest else { return Ok(unread) };
        let mut der = Vec::new();
        for part in 0.. {
            match store::revocation_list::find_part(&self.0.ways.db, digest, part).await? {
                Some(bytes) => der.extend(bytes),
                None => break,
            }
        }
        if sha256(&der).as_slice() != digest {
            // Another took its place meanwhile: it is read at the next time.
            return Ok(unread);
        }
        let authorities = self.authorities(self.0.ways.clock.now()).await?;
        let parsed = tokio::task::spawn_blocking(move || {
            let list = RevocationList::parse(der).ok()?;
            // Its signature is verified here, once, and not in the midst of a request.
            is_vouched_for(&list, &authorities);
            Some(Arc::new(list))
        });
        let list = parsed.await.doing("reading a revocation list")?;
        Ok(Held { digest: Some(digest.clone()), list, community })
    }
}
