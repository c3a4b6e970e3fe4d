//! What happens without a request. Jobs work in small transactions and stop between two of them; each
//! is safe to run in every process at once.

mod flood;
mod follow_clock;
mod notify_logout;
mod purge;
mod refresh_keys;
mod refresh_revocation;
mod refresh_trust;
mod renew_files;
mod revoke_rest;
mod rotate_keys;
mod upkeep;
mod watch_certificates;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::admin::Administration;
use crate::app::renewal::Renewal;
use crate::keys::keyring::KeyRing;
use crate::model::audit_event::{AuditEvent, Origin};
use crate::oidc::backchannel_logout::LogoutNotifier;
use crate::protocol::error::{Doing, Failure, Fault};

pub use notify_logout::Places;

/// The longest a job may run.
const MOST: Duration = Duration::from_mins(1);

/// Remembers from one run to the next.
static WATCH: watch_certificates::WatchCertificates = watch_certificates::WatchCertificates::new();

/// Every job of this server.
static JOBS: &[&dyn Job] = &[
    &follow_clock::FollowClock,
    &refresh_keys::RefreshKeys,
    &refresh_trust::RefreshTrust,
    &refresh_revocation::RefreshRevocation,
    &rotate_keys::RotateKeys,
    &flood::RecordCounted,
    &notify_logout::NotifyLogout,
    &purge::Purge,
    &upkeep::Upkeep,
    &renew_files::RenewFiles,
    &revoke_rest::RevokeRest,
    &WATCH,
];

/// What jobs need.
#[derive(Clone)]
pub struct JobCx {
    /// Database, ledger, clock, chance.
    pub administration: Administration,
    /// The signing keys of this process.
    pub keys: KeyRing,
    /// The measurements.
    pub metrics: PrometheusHandle,
    /// Reads changed files again.
    pub renewal: Arc<Renewal>,
    /// The name of this process in audit records.
    pub process: Arc<str>,
    /// Tells clients that sessions have ended.
    pub notifier: LogoutNotifier,
    /// How much of that may go on at a time.
    pub places: Places,
    /// How long the end waits for what is under way.
    pub drain: Duration,
}

impl JobCx {
    /// The audit record of something a job does.
    pub fn event(&self, action: &str) -> Result<AuditEvent, Fault> {
        event(&self.administration, &self.process, action)
    }
}

/// The audit record of something that a process does by itself.
pub fn event(
    Administration { clock, entropy, .. }: &Administration,
    process: &Arc<str>,
    action: &str,
) -> Result<AuditEvent, Fault> {
    let now = clock.now();
    let id = entropy.id(now).doing("naming an entry")?;
    let request = entropy.id(now).doing("naming a run of a job")?;
    let origin = Origin { peer: None, certificate: None, request, process: process.clone() };
    Ok(AuditEvent::begin(id, now, action, origin))
}

/// One job.
#[async_trait]
trait Job: Sync {
    /// Its name in the log.
    fn name(&self) -> &'static str;

    /// How long it rests between two runs.
    fn rests(&self) -> Duration;

    /// What calls it before it has rested.
    fn bell<'a>(&self, _cx: &'a JobCx) -> Option<&'a Notify> {
        None
    }

    /// Runs once.
    async fn run(&self, cx: &JobCx) -> Result<(), Failure>;

    /// Waits, for a while, for what its runs have left under way: it is not run again.
    async fn end(&self, _cx: &JobCx) {}
}

/// Starts every job; each ends soon after `ending` turns true.
pub fn start(cx: &JobCx, ending: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
    JOBS.iter().map(|job| tokio::spawn(repeat(*job, cx.clone(), ending.clone()))).collect()
}

async fn repeat(job: &'static dyn Job, cx: JobCx, mut ending: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(job.rests());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick comes at once, and what it would do was done at the start.
    ticks.tick().await;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = called(job.bell(&cx)) => {}
            _ = ending.wait_for(|ending| *ending) => break,
        }
        let Ok(done) = tokio::time::timeout(MOST, job.run(&cx)).await else {
            tracing::warn!(job = job.name(), "a job took too long and will run again");
            continue;
        };
        match done {
            Ok(()) => {}
            Err(Failure::Fault(fault)) => {
                tracing::warn!(job = job.name(), %fault, "a job failed and will run again");
            }
            Err(Failure::Refusal(refusal)) => {
                tracing::warn!(job = job.name(), reason = refusal.reason().code(), "a job was refused");
            }
        }
    }
    job.end(&cx).await;
}

/// Waits for a bell; without one, for ever.
async fn called(bell: Option<&Notify>) {
    match bell {
        Some(bell) => bell.notified().await,
        None => std::future::pending().await,
    }
}
