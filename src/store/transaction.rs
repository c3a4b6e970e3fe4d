//! Beginning and ending transactions, for the ledger's writers alone.

use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;

use crate::protocol::error::{Doing, Fault};

use super::{Tx, connect};

/// Begins a transaction on a connection. On an error the connection is dropped.
pub(crate) async fn begin(mut connection: PgConnection) -> Result<Tx, Fault> {
    sqlx::raw_sql("begin").execute(&mut connection).await.doing("beginning a transaction")?;
    Ok(Tx::new(connection))
}

/// Commits. On an error the connection is dropped and nobody knows yet whether the commit took place.
pub(crate) async fn commit(mut tx: Tx) -> Result<PgConnection, Fault> {
    sqlx::raw_sql("commit").execute(tx.connection()).await.doing("committing")?;
    Ok(tx.into_connection())
}

/// Rolls back. On an error the connection is dropped, which rolls back too.
pub(crate) async fn rollback(mut tx: Tx) -> Result<PgConnection, Fault> {
    sqlx::raw_sql("rollback").execute(tx.connection()).await.doing("rolling back")?;
    Ok(tx.into_connection())
}

/// How a transaction ended of whose commit no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was committed.
    Committed,
    /// It was not, or the database no longer knows it.
    Aborted,
    /// It is still going on.
    Open,
}

/// Asks, on a fresh connection, how a transaction ended.
pub(crate) async fn fate(options: &PgConnectOptions, transaction: &str) -> Result<Fate, Fault> {
    let mut connection = connect::writer(options).await?;
    let status = sqlx::query_scalar!("select pg_xact_status($1::text::xid8)", transaction)
        .fetch_one(&mut connection)
        .await
        .doing("asking how a transaction ended")?;
    Ok(match status.as_deref() {
        Some("committed") => Fate::Committed,
        Some("in progress") => Fate::Open,
        _ => Fate::Aborted,
    })
}
