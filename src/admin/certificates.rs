//! Every certificate that the server knows, and when it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;

use crate::clients::registered;
use crate::ledger::{Done, Work, raise};
use crate::model::audit_event::AuditEvent;
use crate::model::community::{DEFAULT, OWN};
use crate::model::page::Page;
use crate::model::renewal;
use crate::model::watched_certificate::{Kind, Place, THRESHOLDS, UNWARNED, Wanted, WatchedCertificate};
use crate::moment::Timestamp;
use crate::pki::certificate::Certificate;
use crate::protocol::error::{Doing, Failure, Fault};
use crate::protocol::ids::ClientId;
use crate::store;

use super::Administration;

/// What is recorded when the end of a certificate is told.
pub const ACTION: &str = "certificate.watch";
/// The kind of its alert.
const ALERT: &str = "certificate_expires";
/// How many certificates of clients a run looks at for each threshold; the rest waits for the next.
const BATCH: i64 = 500;

/// Certificates that the server knows beside those of clients, which are in a table of their own and may be many.
#[async_trait]
pub trait CertificateSource: Sync {
    /// Lists them.
    async fn list(&self, administration: &Administration) -> Result<Vec<WatchedCertificate>, Fault>;
}

/// Where they are found.
static SOURCES: &[&dyn CertificateSource] = &[&FromFiles, &FromCommunities, &FromAuthority, &FromToken];

/// The certificates that were read from files: those in force where the server runs. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct InForce(Arc<ArcSwap<BTreeMap<Kind, Vec<WatchedCertificate>>>>);

impl InForce {
    /// Notes the certificates of a kind, in place of those of before.
    pub fn keep(&self, kind: Kind, certificates: &[Certificate]) {
        let community = match kind {
            Kind::Anchor => Some(DEFAULT),
            Kind::Server | Kind::ProxyAnchor | Kind::Authority | Kind::Client | Kind::Hsm => None,
        };
        let watched = |certificate| {
            let found = WatchedCertificate::of(kind, certificate);
            community.map_or(found.clone(), |community| found.in_community(community))
        };
        let kept: Vec<WatchedCertificate> = certificates.iter().map(watched).collect();
        self.0.rcu(|all| {
            let mut all = BTreeMap::clone(all);
            all.insert(kind, kept.clone());
            all
        });
    }
}

impl InForce {
    /// Whether the first certificate of a kind is good now.
    #[must_use]
    pub fn is_current(&self, kind: Kind, now: Timestamp) -> bool {
        let all = self.0.load();
        let first = all.get(&kind).and_then(|kept| kept.first());
        first.is_some_and(|first| first.not_before <= now && now <= first.not_after)
    }
}

struct FromFiles;

#[async_trait]
impl CertificateSource for FromFiles {
    async fn list(&self, administration: &Administration) -> Result<Vec<WatchedCertificate>, Fault> {
        Ok(administration.in_force.0.load().values().flatten().cloned().collect())
    }
}

/// The anchors of the communities that stand in the database.
struct FromCommunities;

#[async_trait]
impl CertificateSource for FromCommunities {
    async fn list(&self, administration: &Administration) -> Result<Vec<WatchedCertificate>, Fault> {
        administration.communities.refresh().await?;
        let anchors = administration.communities.anchors().into_iter();
        let registered = anchors.filter(|(community, _)| community != DEFAULT);
        Ok(registered
            .map(|(community, anchor)| WatchedCertificate::of(Kind::Anchor, &anchor).in_community(&community))
            .collect())
    }
}

/// The authority of the built-in PKI that issues. Its root is an anchor, and those that another has replaced are left to
/// end.
struct FromAuthority;

#[async_trait]
impl CertificateSource for FromAuthority {
    async fn list(&self, administration: &Administration) -> Result<Vec<WatchedCertificate>, Fault> {
        let authority = &administration.authority;
        let Some(issuing) = authority.issuing().await? else { return Ok(Vec::new()) };
        let read = Certificate::parse(&issuing.certificate).doing("reading an authority")?;
        let watched = WatchedCertificate {
            not_after: issuing.not_after,
            ..WatchedCertificate::of(Kind::Authority, &read)
        };
        Ok(vec![watched.in_community(OWN).needed_before(authority.terms().certificate)])
    }
}

/// Those that stand in the token of the HSM.
struct FromToken;

#[async_trait]
impl CertificateSource for FromToken {
    async fn list(&self, administration: &Administration) -> Result<Vec<WatchedCertificate>, Fault> {
        let Some(hsm) = administration.custody.hsm() else { return Ok(Vec::new()) };
        Ok(administration.in_token.list(hsm, administration.clock.now()).await)
    }
}

/// Which certificates of clients a threshold is about.
struct Span {
    days: i16,
    ends: (Timestamp, Timestamp),
    told: Vec<i16>,
}

impl Administration {
    /// The certificates that are not clients'.
    pub async fn certificates_of_servers(&self) -> Result<Vec<WatchedCertificate>, Fault> {
        let mut all = Vec::new();
        for source in SOURCES {
            all.extend(source.list(self).await?);
        }
        Ok(all)
    }

    /// Finds a page of certificates, those that end first first.
    pub async fn list_certificates(
        &self,
        wanted: &Wanted,
        page: &Page<Place>,
    ) -> Result<Vec<WatchedCertificate>, Fault> {
        let after = page.after.as_ref();
        let mut found = store::watched_certificate::find_page(&self.db, wanted, after, page.limit).await?;
        let others = self.certificates_of_servers().await?.into_iter();
        found.extend(others.filter(|one| one.is(wanted) && after.is_none_or(|after| one.place() > *after)));
        found.sort_by_cached_key(WatchedCertificate::place);
        found.dedup_by_key(|one| one.place());
        found.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    /// When the first certificate of a client ends that is neither revoked nor replaced.
    pub async fn first_end(&self, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
        store::watched_certificate::find_first_end(&self.db, now).await
    }

    /// Notes the certificates of registrations that a former release has written. `event` makes the records.
    pub async fn note_registered(
        &self,
        now: Timestamp,
        event: impl Fn() -> Result<AuditEvent, Fault>,
    ) -> Result<(), Failure> {
        let mut after = String::new();
        loop {
            let found = store::client::find_with_certificates(&self.db, &after, BATCH).await?;
            let Some(last) = found.last() else { return Ok(()) };
            after = last.id.to_string();
            for client in found {
                let known = registered::certificates(&client, now);
                // One may stand with several keys, and is known once.
                let names: BTreeSet<String> = known.iter().map(|one| one.thumbprint.as_base64url()).collect();
                let names: Vec<String> = names.into_iter().collect();
                if store::certificate::count(&self.db, &names).await?
                    < i64::try_from(names.len()).unwrap_or(0)
                {
                    self.note_registered_of(client.id, event()?).await?;
                }
            }
        }
    }

    async fn note_registered_of(&self, id: ClientId, mut event: AuditEvent) -> Result<(), Failure> {
        event.target = Some(id.to_string());
        self.ledger
            .transact(event, move |tx, event| -> Work<'_, ()> {
                Box::pin(async move {
                    let Some(client) = store::client::find_locked(tx, &id).await? else {
                        return Ok(Done::Unchanged(()));
                    };
                    registered::keep_certificates(tx, &client, event.at).await?;
                    event.detail = Some("the certificates of its registration".to_owned());
                    Ok(Done::Changed(()))
                })
            })
            .await
    }

    /// Raises an alert for each certificate that has come nearer to its end than the next threshold: one for each
    /// certificate and threshold, whichever process is first. `event` makes the records.
    pub async fn tell_ends(
        &self,
        others: &[WatchedCertificate],
        now: Timestamp,
        event: impl Fn() -> Result<AuditEvent, Fault>,
    ) -> Result<(), Failure> {
        let names: Vec<String> = others.iter().map(|one| one.thumbprint.clone()).collect();
        let told: BTreeMap<String, i16> =
            store::watched_certificate::find_warnings(&self.db, &names).await?.into_iter().collect();
        for one in others {
            let before = told.get(&one.thumbprint);
            let is_news = |days: &i16| before.is_none_or(|before| days < before);
            if let Some(days) = one.threshold(now).filter(is_news) {
                self.tell_end(event()?, one, days).await?;
            }
        }
        for span in spans(now) {
            let found =
                store::watched_certificate::find_ending(&self.db, span.ends, &span.told, BATCH).await?;
            let (loud, quiet): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|one| one.matters && one.certificate.is_to_be_told(now));
            for one in loud {
                self.tell_end(event()?, &one.certificate, span.days).await?;
            }
            let quiet: Vec<String> = quiet.into_iter().map(|one| one.certificate.thumbprint).collect();
            if !quiet.is_empty() {
                self.pass_over(event()?, quiet, span.days).await?;
            }
        }
        Ok(())
    }

    /// Raises the alert of one certificate, unless that was done.
    async fn tell_end(
        &self,
        mut event: AuditEvent,
        one: &WatchedCertificate,
        days: i16,
    ) -> Result<(), Failure> {
        let (alert, says) = self.words(one, event.at).await?;
        event.target = Some(one.thumbprint.clone());
        event.client.clone_from(&one.client);
        event.detail = Some(says.clone());
        let (thumbprint, kind) = (one.thumbprint.clone(), one.kind);
        self.ledger
            .transact(event, move |tx, event| -> Work<'_, ()> {
                Box::pin(async move {
                    let is_first = match kind {
                        Kind::Client => {
                            store::watched_certificate::mark_warned(tx, &[thumbprint], days).await? > 0
                        }
                        Kind::Server | Kind::Anchor | Kind::ProxyAnchor | Kind::Authority | Kind::Hsm => {
                            store::watched_certificate::insert_warning(tx, &thumbprint, days, event.at)
                                .await?
                        }
                    };
                    if !is_first {
                        return Ok(Done::Unchanged(()));
                    }
                    raise(tx, event, (alert, &says)).await?;
                    Ok(Done::Changed(()))
                })
            })
            .await
    }

    /// The kind of an alert, and what it says: of a certificate that this server issued, how it is renewed and whom to
    /// ask.
    async fn words(&self, one: &WatchedCertificate, now: Timestamp) -> Result<(&'static str, String), Fault> {
        let says = one.says(now);
        if !one.is_of_own_pki() {
            return Ok((ALERT, says));
        }
        let client = match one.client.as_deref().and_then(ClientId::parse) {
            Some(id) => store::client::find(&self.db, &id).await?,
            None => None,
        };
        let contacts = client.map(|client| client.metadata.contacts).unwrap_or_default();
        Ok((renewal::ALERT, renewal::reminder(&says, &contacts)))
    }

    /// Notes the threshold of certificates whose end is nothing to tell.
    async fn pass_over(&self, event: AuditEvent, names: Vec<String>, days: i16) -> Result<(), Failure> {
        self.ledger
            .transact(event, move |tx, event| -> Work<'_, ()> {
                Box::pin(async move {
                    let passed = store::watched_certificate::mark_warned(tx, &names, days).await?;
                    event.detail = Some(format!(
                        "{passed} certificates of clients end that were replaced, are short-lived, or need no renewal yet"
                    ));
                    Ok(if passed == 0 { Done::Unchanged(()) } else { Done::Changed(()) })
                })
            })
            .await
    }
}

/// The times before each threshold, up to the next.
fn spans(now: Timestamp) -> Vec<Span> {
    let at = |days: i16| now + time::Duration::days(i64::from(days));
    let nearer = THRESHOLDS.into_iter().skip(1).map(at).chain([now]);
    let span = |(days, from)| Span {
        days,
        ends: (from, at(days)),
        told: THRESHOLDS.into_iter().filter(|other| *other > days).chain([UNWARNED]).collect(),
    };
    THRESHOLDS.into_iter().zip(nearer).map(span).collect()
}
