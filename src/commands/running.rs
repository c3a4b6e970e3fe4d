//! A server that runs: its listeners, its jobs, its signals, its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::available_parallelism;

use arc_swap::ArcSwap;
use time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::app::{self, Beside, Ground, Trust};
use crate::config::Config;
use crate::config::problem::ConfigError;
use crate::http::server::{self, Listeners};
use crate::jobs;
use crate::pki::chain::TrustStore;
use crate::platform::telemetry::{self, LogHandle};
use crate::platform::tls::{self, ServerCertificate};
use crate::protocol::error::{Doing, Fault};

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
    /// Reads the configuration again.
    pub reload: Box<dyn Fn() -> Result<Config, ConfigError> + 'a>,
}

/// The runtime of the ledger, the jobs and the connections for reading.
pub fn runtime() -> Result<Runtime, Failed> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// Serves until a signal ends it; `ready` is called once it listens.
pub async fn serve(running: Running<'_>, ready: impl FnOnce()) -> Result<(), Failed> {
    let Running { config, ground, .. } = &running;
    let metrics = telemetry::metrics();
    ground.prepare_keys().await?;
    let trust: Trust = Arc::new(ArcSwap::from_pointee(app::read_trust(config)?));
    tell_trust(&trust.load());
    let certificate = read_certificate(config)?;
    let state = server::share(Arc::new(app::compose(
        config,
        ground,
        &trust,
        metrics.clone(),
        running.beside.clone(),
    )?));

    let mut signals = Signals::new()?;
    let listeners = listeners(config, &certificate);
    let service = server::service(&listeners, &state)?;
    let operations = server::operations(&listeners, &state)?;
    let handles = [service.handle(), operations.handle()];
    let (end, ending) = watch::channel(false);
    let jobs = jobs::start(&ground.jobs(config, &metrics)?, &ending);
    let servers = tokio::spawn(async move { tokio::try_join!(service, operations) });
    ready();

    while signals.next().await == Asked::Reload {
        reload(&running, &trust, &certificate);
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

/// The bytes of the server's certificate and key.
fn certificate_files(config: &Config) -> Result<(Vec<u8>, Vec<u8>), Fault> {
    let read = |file: &Option<std::path::PathBuf>, doing| {
        let file = file.as_ref().ok_or_else(|| Fault::new(doing, "no file is configured"))?;
        std::fs::read(file).doing(doing)
    };
    let chain = read(&config.tls.certificate_file, "reading tls.certificate_file")?;
    Ok((chain, read(&config.tls.key_file, "reading tls.key_file")?))
}

fn read_certificate(config: &Config) -> Result<ServerCertificate, Fault> {
    let (chain, key) = certificate_files(config)?;
    ServerCertificate::read(&chain, &key)
}

/// Reads certificates, anchors, revocation lists and the log level again; what cannot be read stays
/// as it was, and the log says so.
fn reload(running: &Running<'_>, trust: &Trust, certificate: &ServerCertificate) {
    let again = || -> Result<(), Failed> {
        let config = (running.reload)()?;
        let (chain, key) = certificate_files(&config)?;
        let anchors = app::read_trust(&config)?;
        certificate.replace(&chain, &key)?;
        let epoch = trust.load().epoch();
        trust.store(Arc::new(anchors.in_epoch(epoch + 1)));
        tell_trust(&trust.load());
        running.log.change(&config.log.level).doing("changing the log level")?;
        Ok(())
    };
    match again() {
        Ok(()) => tracing::info!("certificates, anchors, revocation lists and log level were read again"),
        Err(Failed(error)) => tracing::error!(error, "could not reload: what was in force stays in force"),
    }
}

/// Tells the log whom the server trusts to issue client certificates.
fn tell_trust(trust: &TrustStore) {
    let anchors = trust.anchor_subjects().join("; ");
    tracing::info!(anchors, revocation = trust.checks_revocation(), "anchors of client certificates");
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
