//! A server that runs: its listeners, its jobs, its signals, its end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::available_parallelism;

use time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::admin::Administration;
use crate::app::renewal::{Files, Judge, Renewable, Renewal};
use crate::app::renewed::{ClientAnchors, OwnCertificate, ProxyAnchors, RevocationListFiles};
use crate::app::{self, Beside, Ground};
use crate::clients::proxies::Proxies;
use crate::config::Config;
use crate::config::problem::{ConfigError, because};
use crate::http::server::{self, Listeners};
use crate::jobs;
use crate::platform::telemetry::{self, LogHandle};
use crate::platform::tls::{self, ServerCertificate};
use crate::protocol::error::Doing;

use super::output::Failed;

/// How long the last records may take when the server ends.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// What a server runs on.
pub struct Running<'a> {
    /// Its configuration.
    pub config: &'a Config,
    /// Database, ledger, keys.
    pub ground: &'a Ground,
    /// What it has beside itself.
    pub beside: Beside,
    /// Its log.
    pub log: LogHandle,
    /// What to do about an address that another program has.
    pub taken: &'static str,
    /// Reads the configuration again.
    pub reload: Box<dyn Fn() -> Result<Config, ConfigError> + 'a>,
    /// Names the files among changed ones that must not be used.
    pub judge: Judge,
}

/// The runtime of the ledger, the jobs and the connections for reading.
pub fn runtime() -> Result<Runtime, Failed> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// Serves until a signal ends it; `ready` is called once it listens.
pub async fn serve(running: Running<'_>, ready: impl FnOnce()) -> Result<(), Failed> {
    let Running { config, ground, .. } = &running;
    let metrics = telemetry::metrics();
    app::counted::begin();
    ground.prepare_keys().await?;
    let beginning = Renewal::begin(Files::of(config), running.judge);
    let files = Files::of(config);
    let communities = &ground.administration.communities;
    ClientAnchors { communities: communities.clone(), in_force: ground.administration.in_force.clone() }
        .read(&files)?();
    RevocationListFiles { revocations: communities.revocations.clone() }.read(&files)?();
    communities.refresh().await?;
    communities.revocations.read_published().await?;
    let (certificate, _) = app::read_own(&config.tls)?;
    let state =
        server::share(Arc::new(app::compose(config, ground, metrics.clone(), running.beside.clone())?));

    let mut signals = Signals::new()?;
    let listeners = listeners(config, &certificate);
    let occupied = |error| not_listening(&error, running.taken);
    let service = server::service(&listeners, &state).map_err(occupied)?;
    let operations = server::operations(&listeners, &state).map_err(occupied)?;
    let handles = [service.handle(), operations.handle()];
    let (end, ending) = watch::channel(false);
    let renewal = beginning.watch(renewed_parts(ground, &certificate, state.proxies.as_ref()));
    let jobs = jobs::start(&ground.jobs(config, &metrics, &renewal)?, &ending);
    let servers = tokio::spawn(async move { tokio::try_join!(service, operations) });
    ready();

    while signals.next().await == Asked::Reload {
        reload(&running, &renewal);
        refresh(ground).await;
    }
    tracing::info!("draining");
    state.draining.store(true, Ordering::SeqCst);
    let ending = async {
        for handle in handles {
            handle.stop(true).await;
        }
        end.send_replace(true);
        for job in jobs {
            job.await.doing("ending a job")?;
        }
        servers.await.doing("ending the listeners")??;
        Ok::<(), Failed>(())
    };
    tokio::select! {
        ended = ending => ended?,
        // What is under way is dropped with the runtime; what the ledger has not committed was not done.
        () = signals.ended() => tracing::warn!("a second signal: ending at once"),
    }
    record_counted(ground).await;
    ground.administration.db.close().await;
    tracing::info!("ended");
    Ok(())
}

/// Writes the refusals that were only counted, of the minute that has just begun too.
async fn record_counted(ground: &Ground) {
    let administration = &ground.administration;
    let now = administration.clock.now();
    let next = || administration.entropy.id(now).unwrap_or_default();
    let recording = administration.ledger.record_counted(now + Duration::minutes(1), next);
    if !tokio::time::timeout(PATIENCE, recording).await.is_ok_and(|recorded| recorded.is_ok()) {
        tracing::error!("refusals that were only counted could not be recorded");
    }
}

fn not_listening(error: &io::Error, taken: &str) -> Failed {
    let says = because(error);
    if error.kind() == io::ErrorKind::AddrInUse {
        return Failed(format!("{says}: {taken}"));
    }
    Failed(says)
}

fn listeners(config: &Config, certificate: &ServerCertificate) -> Listeners {
    let workers = config.http.workers.or_else(|| available_parallelism().ok()).map_or(1, usize::from);
    Listeners {
        public: (config.http.public.clone(), tls::without_client_certificate(certificate)),
        mtls: (config.http.mtls.clone(), tls::with_client_certificate(certificate)),
        operations: config.http.ops.clone(),
        workers,
        drain: config.http.drain,
    }
}

/// What is read again, at HUP or when it has changed. What the files hold now is what is watched.
fn renewed_parts(
    ground: &Ground,
    certificate: &ServerCertificate,
    proxies: Option<&Proxies>,
) -> Vec<Arc<dyn Renewable>> {
    let Administration { in_force, clock, communities, .. } = &ground.administration;
    let (certificate, clock) = (certificate.clone(), clock.clone());
    let mut parts: Vec<Arc<dyn Renewable>> = vec![
        Arc::new(OwnCertificate { certificate, in_force: in_force.clone(), clock }),
        Arc::new(ClientAnchors { communities: communities.clone(), in_force: in_force.clone() }),
        Arc::new(RevocationListFiles { revocations: communities.revocations.clone() }),
    ];
    if let Some(proxies) = proxies {
        parts.push(Arc::new(ProxyAnchors { proxies: proxies.clone(), in_force: in_force.clone() }));
    }
    parts
}

/// Reads certificates, anchors, revocation lists and the log level again; what cannot be read stays
/// as it was, and the log says so.
fn reload(running: &Running<'_>, renewal: &Renewal) {
    let again = || -> Result<(), Failed> {
        let config = (running.reload)()?;
        renewal.read_all(Files::of(&config))?;
        running.log.change(&config.log.level).doing("changing the log level")?;
        Ok(())
    };
    match again() {
        Ok(()) => tracing::info!("certificates, anchors, revocation lists and log level were read again"),
        Err(Failed(error)) => tracing::error!(error, "could not reload: what was in force stays in force"),
    }
}

/// Reads the trust communities of the database again.
async fn refresh(ground: &Ground) {
    if let Err(fault) = ground.administration.communities.refresh().await {
        tracing::error!(%fault, "could not read the trust communities: those in force stay");
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Reload,
    End,
}

/// The signals of the process.
struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failed> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for a signal that ends the process.
    async fn ended(&mut self) {
        while self.next().await == Asked::Reload {}
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.hangup.recv() => Asked::Reload,
            _ = self.interrupt.recv() => Asked::End,
            _ = self.terminate.recv() => Asked::End,
        }
    }
}
