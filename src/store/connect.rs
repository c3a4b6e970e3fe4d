//! How connections are made: the pool for reading, and single connections for the ledger's writers.

use std::str::FromStr;
use std::time::Duration;

use rustls::CertificateError;
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

/// Connects once, so that whoever starts is told what to do where that cannot be.
pub async fn reach(options: &PgConnectOptions) -> Result<(), Fault> {
    let connection = explained(options).await?;
    connection.close().await.doing("closing a connection to the database")
}

/// A connection as it is asked for, with what to do where it cannot be.
pub(super) async fn explained(options: &PgConnectOptions) -> Result<PgConnection, Fault> {
    PgConnection::connect_with(options).await.map_err(|error| {
        let says = advice(&error).map_or_else(|| error.to_string(), |advice| format!("{error}: {advice}"));
        Fault::new("connecting to the database", says)
    })
}

/// What to do where the TLS of the database is wrong.
fn advice(error: &sqlx::Error) -> Option<&'static str> {
    if matches!(error, sqlx::Error::Tls(cause) if cause.to_string().contains("does not support TLS")) {
        return Some("PostgreSQL offers no TLS, which sslmode asks for: turn ssl on there");
    }
    let sqlx::Error::Io(error) = error else { return None };
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(wrong)) = cause else { return None };
    if matches!(wrong, CertificateError::Expired | CertificateError::ExpiredContext { .. }) {
        return Some("the certificate of PostgreSQL has expired: renew it there, and reload PostgreSQL");
    }
    if matches!(wrong, CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) {
        return Some("the certificate of PostgreSQL is not valid yet: look at the clocks of both machines");
    }
    if matches!(wrong, CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) {
        return Some(
            "the certificate of PostgreSQL is for another name: give a host that it names in the URL",
        );
    }
    if matches!(wrong, CertificateError::UnknownIssuer | CertificateError::BadSignature) {
        return Some(
            "the certificate of PostgreSQL is not by an authority that is trusted: name that authority's with \
             sslrootcert=FILE in the URL",
        );
    }
    Some("the certificate of PostgreSQL was refused: have it made anew there")
}
