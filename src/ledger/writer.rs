//! A writer: one connection of its own, outside of any pool, dropped at any error.

use std::time::Duration;

use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::protocol::error::Fault;
use crate::store::transaction::{self, Fate};
use crate::store::{Tx, connect};

/// How long the statements of one transaction may take together.
const WORK: Duration = Duration::from_secs(3);
/// How long to wait for the answer to a commit.
const COMMIT: Duration = Duration::from_secs(3);
/// How long to ask how a commit without answer ended.
const FATE: Duration = Duration::from_secs(5);

/// One connection and what it takes to make another.
pub(super) struct Writer {
    options: PgConnectOptions,
    idle: Option<PgConnection>,
}

impl Writer {
    pub(super) const fn new(options: PgConnectOptions) -> Self {
        Self { options, idle: None }
    }

    /// Begins a transaction and works in it; at an error or a time-out the connection is dropped,
    /// and with it everything.
    pub(super) async fn within<T, F>(&mut self, work: F) -> Result<(Tx, T), Fault>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, Fault>,
    {
        let steps = async {
            let mut tx = self.begin().await?;
            let value = work(&mut tx).await?;
            Ok((tx, value))
        };
        timeout(WORK, steps).await.map_err(|_| Fault::new("writing", "the database took too long"))?
    }

    /// Begins on the idle connection. If that has died meanwhile, nothing was sent yet: once more on
    /// a new one.
    async fn begin(&mut self) -> Result<Tx, Fault> {
        if let Some(connection) = self.idle.take()
            && let Ok(tx) = transaction::begin(connection).await
        {
            return Ok(tx);
        }
        transaction::begin(connect::writer(&self.options).await?).await
    }

    /// Commits. When no answer comes, a fresh connection is asked how it ended: what was committed is
    /// never settled twice, and what is unknown at the deadline is a fault.
    pub(super) async fn commit(&mut self, tx: Tx, transaction: Option<String>) -> Result<(), Fault> {
        let lost = match timeout(COMMIT, transaction::commit(tx)).await {
            Ok(Ok(connection)) => {
                self.idle = Some(connection);
                return Ok(());
            }
            Ok(Err(fault)) => fault,
            Err(_) => Fault::new("committing", "the database took too long"),
        };
        let Some(transaction) = transaction else { return Err(lost) };
        match self.fate(&transaction).await {
            Some(Fate::Committed) => {
                tracing::warn!(
                    transaction,
                    "the answer to a commit was lost; the database says it was committed"
                );
                Ok(())
            }
            Some(Fate::Aborted | Fate::Open) | None => Err(lost),
        }
    }

    /// Asks until the database answers that the transaction has ended, or the deadline comes.
    async fn fate(&self, transaction: &str) -> Option<Fate> {
        let deadline = Instant::now() + FATE;
        loop {
            match timeout_at(deadline, transaction::fate(&self.options, transaction)).await {
                Ok(Ok(fate @ (Fate::Committed | Fate::Aborted))) => return Some(fate),
                Ok(Ok(Fate::Open) | Err(_)) => sleep(Duration::from_millis(100)).await,
                Err(_) => return None,
            }
        }
    }

    /// Rolls back what came to nothing and keeps the connection.
    pub(super) async fn rollback(&mut self, tx: Tx) {
        self.idle = match timeout(COMMIT, transaction::rollback(tx)).await {
            Ok(Ok(connection)) => Some(connection),
            // Dropped: the database rolls back when it sees the connection close.
            Ok(Err(_)) | Err(_) => None,
        };
    }
}
