//! The table `epoch`: how often the database was restored from a backup.

use crate::protocol::error::{Doing, Fault};

use super::{Db, Tx};

/// Finds the present epoch.
pub async fn find(db: &Db) -> Result<i64, Fault> {
    sqlx::query_scalar!("select number from epoch").fetch_one(db.pool()).await.doing("finding the epoch")
}

/// Raises the epoch; the answer is the new one.
pub async fn raise(tx: &mut Tx) -> Result<i64, Fault> {
    sqlx::query_scalar!("update epoch set number = number + 1 returning number")
        .fetch_one(tx.connection())
        .await
        .doing("raising the epoch")
}
