//! How connections are made: the pool for reading, and single connections for the ledger's writers.

use std::io::ErrorKind;
use std::str::FromStr;
use std::time::Duration;

use rustls::CertificateError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::protocol::error::{Doing, Fault};

use super::Db;

/// What gives the URL of the role that serves.
const SETTING: &str = "database.url";

/// How long the first connection may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a request waits for a connection before it is told to come again.
const ACQUIRE: Duration = Duration::from_secs(1);

/// Reads a database URL.
pub fn options(url: &str) -> Result<PgConnectOptions, Fault> {
    let options = PgConnectOptions::from_str(url).doing("reading the database URL")?;
    Ok(options.disable_statement_logging())
}

/// Connects, and tells whom it could not reach, as whom, and why. `setting` is the key that gave the URL.
pub async fn open(options: &PgConnectOptions, setting: &'static str) -> Result<PgConnection, Fault> {
    let opened = tokio::time::timeout(PATIENCE, PgConnection::connect_with(options)).await;
    let cause = match opened {
        Ok(Ok(connection)) => return Ok(connection),
        Ok(Err(error)) => cause(&error),
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    };
    Err(unreached(options, setting, &cause))
}

/// Makes sure that the pool reaches the database. A pool tries until its patience ends and does not tell why, so one
/// connection is then asked for the cause.
pub async fn reach(options: &PgConnectOptions, db: &Db) -> Result<(), Fault> {
    match db.pool().acquire().await {
        Ok(_) => Ok(()),
        Err(sqlx::Error::PoolTimedOut) => open(options, SETTING).await.map(drop),
        Err(error) => Err(unreached(options, SETTING, &cause(&error))),
    }
}

fn unreached(options: &PgConnectOptions, setting: &'static str, cause: &str) -> Fault {
    let (place, role) = (place(options), options.get_username());
    Fault::new(setting, format!("cannot connect to {place} as {role}: {cause}"))
}

/// What a fault says. Of what PostgreSQL has refused its own words are told, not where they stand in its source.
#[must_use]
pub fn told(fault: &Fault) -> String {
    match fault.cause().downcast_ref::<sqlx::Error>() {
        Some(error) => format!("{}: {}", fault.doing(), cause(error)),
        None => fault.to_string(),
    }
}

/// A socket, or host and port. Nothing else of the URL is told: it may hold a password.
fn place(options: &PgConnectOptions) -> String {
    let (host, port) = (options.get_host(), options.get_port());
    let folder = options.get_socket().map(|folder| folder.display().to_string());
    match folder.or_else(|| host.starts_with('/').then(|| host.to_owned())) {
        Some(folder) => format!("{folder}/.s.PGSQL.{port}"),
        None => format!("{host}:{port}"),
    }
}

fn cause(error: &sqlx::Error) -> String {
    if let Some(advice) = advice(error) {
        return format!("{error}: {advice}");
    }
    if let sqlx::Error::Database(refused) = error {
        return refused.message().to_owned();
    }
    let sqlx::Error::Io(error) = error else { return error.to_string() };
    if error.kind() == ErrorKind::ConnectionRefused {
        "connection refused".to_owned()
    } else if error.kind() == ErrorKind::NotFound {
        "there is no such socket".to_owned()
    } else {
        error.to_string()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_cannot_be_reached_is_named_with_the_cause_and_without_the_password() {
        // Nobody gets a port below those that the system gives away.
        let rows = [
            (
                "postgres://app:s3cret@127.0.0.1:1/hilum",
                "database.url: cannot connect to 127.0.0.1:1 as app: connection refused",
            ),
            (
                "postgres://app:s3cret@%2Fnowhere:5432/hilum",
                "database.url: cannot connect to /nowhere/.s.PGSQL.5432 as app: there is no such socket",
            ),
        ];
        for (url, expected) in rows {
            let fault = open(&options(url).unwrap(), SETTING).await.map(drop).unwrap_err();
            assert_eq!(fault.to_string(), expected, "{url}");
        }
    }
}
