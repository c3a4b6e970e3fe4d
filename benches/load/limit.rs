//! What the machine gives: cryptography, and one-row durable commits of PostgreSQL.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use hilum::jose::{Algorithm, Jwk, SigningKey};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Connection, Executor};

use crate::Outcome;
use crate::drive::{CONNECTIONS, Round, number};
use crate::hilum::Dev;
use crate::processes::Watched;

/// One operation of cryptography, and how many microseconds of a processor it takes.
pub(crate) type Costs = BTreeMap<&'static str, f64>;

pub(crate) const ES384_VERIFY: &str = "ES384 verify";
pub(crate) const ES256_VERIFY: &str = "ES256 verify";
pub(crate) const RS384_VERIFY: &str = "RS384 verify";
pub(crate) const ES256_SIGN: &str = "ES256 sign";
pub(crate) const HMAC: &str = "HMAC-SHA-256 of 256 bytes";

/// Measures each for a share of the time, on one thread.
pub(crate) fn cryptography(counted: Duration) -> Outcome<Costs> {
    let share = counted / 5;
    // About as long as an assertion.
    let message = [7_u8; 600];
    let mut costs = Costs::new();
    for (name, algorithm) in
        [(ES384_VERIFY, Algorithm::Es384), (ES256_VERIFY, Algorithm::Es256), (RS384_VERIFY, Algorithm::Rs384)]
    {
        let key = SigningKey::generate(algorithm)?;
        let public = Jwk::parse(&key.public_jwk("limit"))?;
        let signature = key.sign_bytes(&message)?;
        costs.insert(name, micros_of(share, || public.verify(algorithm, &message, &signature).is_ok())?);
    }
    let key = SigningKey::generate(Algorithm::Es256)?;
    costs.insert(ES256_SIGN, micros_of(share, || key.sign_bytes(&message).is_ok())?);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[9; 32]);
    let text = [5_u8; 256];
    costs.insert(HMAC, micros_of(share, || !hmac::sign(&key, &text).as_ref().is_empty())?);
    Ok(costs)
}

/// The processor time of one call, by calling it for so long.
fn micros_of(time: Duration, mut call: impl FnMut() -> bool) -> Outcome<f64> {
    let mut count = 0_u64;
    let (begin, before) = (Instant::now(), own_time());
    while begin.elapsed() < time {
        for _ in 0..20 {
            if !std::hint::black_box(call()) {
                return Err("cryptography failed".into());
            }
            count += 1;
        }
    }
    let elapsed = begin.elapsed();
    // Where the kernel keeps no account of a thread, its time is taken by the clock.
    let used = before.and_then(|before| Some(own_time()?.saturating_sub(before))).unwrap_or(elapsed);
    Ok(used.as_secs_f64() * 1e6 / number(count))
}

/// The processor time of this thread.
fn own_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// A database of the run's own in the peer's cluster.
pub(crate) struct Database {
    pub(crate) folder: String,
    pub(crate) port: u16,
    options: PgConnectOptions,
    postmaster: u32,
}

impl Database {
    pub(crate) fn create(dev: &Dev, name: &str) -> Outcome<Self> {
        let (folder, port) = dev.socket()?;
        let options = PgConnectOptions::new_without_pgpass()
            .socket(&folder)
            .port(port)
            .username("hilum_admin")
            .ssl_mode(PgSslMode::Disable);
        runtime()?.block_on(async {
            let mut connection = options.clone().database("postgres").connect().await?;
            connection.execute(sqlx::AssertSqlSafe(format!("create database {name}"))).await?;
            connection.close().await
        })?;
        Ok(Self { folder, port, options: options.database(name), postmaster: dev.postmaster })
    }

    /// The settings of the cluster that bear on what a commit costs.
    pub(crate) fn settings(&self) -> Outcome<Vec<(String, String)>> {
        let names = "'server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', \
                     'max_wal_size', 'wal_sync_method', 'data_checksums'";
        let text = format!(
            "select name, setting || coalesce(' × ' || unit, '') from pg_settings where name in ({names}) order by name"
        );
        Ok(runtime()?.block_on(async {
            let mut connection = self.options.connect().await?;
            sqlx::query_as(sqlx::AssertSqlSafe(text)).fetch_all(&mut connection).await
        })?)
    }

    pub(crate) fn prepare(&self) -> Outcome<()> {
        Ok(runtime()?.block_on(async {
            let mut connection = self.options.connect().await?;
            connection
                .execute("create table kept (key bytea primary key, at timestamptz not null)")
                .await
                .map(drop)
        })?)
    }

    /// As many connections as the load has, each with one row for each commit.
    pub(crate) fn commits(&self, counted: Duration) -> Outcome<Round> {
        let runtime = runtime()?;
        let watched = Watched { server: None, postmaster: Some(self.postmaster) };
        runtime.block_on(async {
            let (stop, stopped) = tokio::sync::watch::channel(false);
            let written = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
            let mut writers = Vec::new();
            for _ in 0..CONNECTIONS {
                let connection = self.options.connect().await?;
                writers.push(tokio::spawn(write_rows(connection, written.clone(), stopped.clone())));
            }
            let count = || written.load(std::sync::atomic::Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(1)).await;
            let (before, first, begin) = (watched.used()?, count(), Instant::now());
            tokio::time::sleep(counted).await;
            let (requests, seconds, after) =
                (count() - first, begin.elapsed().as_secs_f64(), watched.used()?);
            stop.send(true)?;
            for writer in writers {
                writer.await??;
            }
            let used = after.database.saturating_sub(before.database);
            let database_micros = used.as_secs_f64() * 1e6 / number(requests.max(1));
            Ok(Round { requests, seconds, database_micros, ..Round::default() })
        })
    }
}

async fn write_rows(
    mut connection: PgConnection,
    written: std::sync::Arc<std::sync::atomic::AtomicU64>,
    stopped: tokio::sync::watch::Receiver<bool>,
) -> Result<(), sqlx::Error> {
    while !*stopped.borrow() {
        let key = crate::operations::unique("row");
        sqlx::query("insert into kept (key, at) values ($1, now())")
            .bind(key.as_bytes())
            .execute(&mut connection)
            .await?;
        written.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
    Ok(())
}

fn runtime() -> Outcome<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}
