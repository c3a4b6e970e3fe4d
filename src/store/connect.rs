//! How connections are made: the pool for reading, and single connections for the ledger's writers.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::protocol::error::{Doing, Fault};

use super::Db;

/// How long a request waits for a connection before it is told to come again.
const ACQUIRE: Duration = Duration::from_secs(1);

/// Reads a database URL.
pub fn options(url: &str) -> Result<PgConnectOptions, Fault> {
    let options = PgConnectOptions::from_str(url).doing("reading the database URL")?;
    Ok(options.disable_statement_logging())
}

/// A pool of which every session is read-only, opened when first used.
pub fn readers(options: &PgConnectOptions, most: u32) -> Db {
    let options = options.clone().application_name("hilum reader").options([
        ("default_transaction_read_only", "on"),
        ("statement_timeout", "2000"),
        ("idle_in_transaction_session_timeout", "5000"),
    ]);
    let pool = PgPoolOptions::new().max_connections(most).min_connections(0).acquire_timeout(ACQUIRE);
    Db::new(pool.connect_lazy_with(options))
}

/// A connection of a writer: durable commits, bounded waits.
pub async fn writer(options: &PgConnectOptions) -> Result<PgConnection, Fault> {
    let options = options.clone().application_name("hilum writer").options([
        ("synchronous_commit", "on"),
        ("default_transaction_isolation", "read committed"),
        ("lock_timeout", "1000"),
        ("statement_timeout", "2000"),
        ("idle_in_transaction_session_timeout", "5000"),
    ]);
    PgConnection::connect_with(&options).await.doing("connecting to the database")
}
