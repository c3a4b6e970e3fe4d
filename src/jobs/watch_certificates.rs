//! Watches the ends of certificates: measures what is left, and raises alerts when it gets little.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::admin::certificates::ACTION;
use crate::model::watched_certificate::{Kind, WatchedCertificate};
use crate::moment::Timestamp;
use crate::protocol::error::Failure;

use super::{Job, JobCx};

/// The labels of a measurement: kind, subject, community.
type Labels = (&'static str, String, String);

/// Longer subjects are cut: labels are for people.
const LONGEST_SUBJECT: usize = 120;

/// Watches, and remembers what it measured, since a certificate that is replaced must not be measured for ever.
pub(super) struct WatchCertificates {
    measured: Mutex<BTreeMap<Labels, f64>>,
    /// Whether the registrations of before were looked at.
    has_begun: AtomicBool,
}

impl WatchCertificates {
    pub(super) const fn new() -> Self {
        Self { measured: Mutex::new(BTreeMap::new()), has_begun: AtomicBool::new(false) }
    }

    /// Measures the seconds that are left. Of clients, of whom there may be any number, only the first end is: who
    /// they are is told by alerts and the admin API.
    fn measure(&self, others: &[WatchedCertificate], first_of_clients: Option<Timestamp>, now: Timestamp) {
        let mut left: BTreeMap<Labels, f64> = BTreeMap::new();
        let ends = others.iter().map(|one| {
            let subject = one.subject.chars().take(LONGEST_SUBJECT).collect();
            ((one.kind.as_str(), subject, one.community.clone().unwrap_or_default()), one.not_after)
        });
        let first = first_of_clients.map(|end| ((Kind::Client.as_str(), String::new(), String::new()), end));
        for (labels, end) in ends.chain(first) {
            let seconds = (end - now).as_seconds_f64();
            let known = left.entry(labels).or_insert(seconds);
            *known = known.min(seconds);
        }
        let mut before = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        let gone =
            before.keys().filter(|labels| !left.contains_key(*labels)).map(|labels| (labels, &f64::NAN));
        for ((kind, subject, community), seconds) in gone.chain(&left) {
            metrics::gauge!("hilum_certificate_expiry_seconds",
                "kind" => *kind, "subject" => subject.clone(), "community" => community.clone())
            .set(*seconds);
        }
        *before = left;
    }
}

#[async_trait]
impl Job for WatchCertificates {
    fn name(&self) -> &'static str {
        "watch the ends of certificates"
    }

    fn rests(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn run(&self, cx: &JobCx) -> Result<(), Failure> {
        let administration = &cx.administration;
        let now = administration.clock.now();
        if !self.has_begun.load(Ordering::Relaxed) {
            administration.note_registered(now, || cx.event("certificate.registered")).await?;
            self.has_begun.store(true, Ordering::Relaxed);
        }
        let others = administration.certificates_of_servers().await?;
        let first = administration.first_end(now).await?;
        self.measure(&others, first, now);
        administration.tell_ends(&others, now, || cx.event(ACTION)).await
    }
}
