//! Re-wrapping: every sealed value is put under the master key that seals now, while the server serves.

use crate::ledger::{Done, Work};
use crate::protocol::error::Failure;
use crate::store;
use crate::store::sealed::{COLUMNS, Sealed, SealedColumn};

use super::Administration;
use super::actor::Caller;

/// How many values are read and written at a time.
const BATCH: i64 = 100;
/// How often everything is gone through at most. It ends after a pass that found nothing to do: a process that seals
/// under another master key still may have added a row where an earlier pass had been.
const PASSES: usize = 5;
const ACTION: &str = "keys.rewrap";

/// What became of the values of a column.
#[derive(Clone, Debug)]
pub struct ColumnRewrapped {
    /// The column.
    pub of: SealedColumn,
    /// How many values there were when it began.
    pub total: i64,
    /// How many were looked at so far.
    pub seen: u64,
    /// How many were put under the master key.
    pub rewrapped: u64,
    /// How many stood under it already.
    pub unchanged: u64,
    /// How many the last pass still found under another master key, or changed by others.
    pub changed: u64,
    /// The rows whose value could not be opened, and why.
    pub failed: Vec<(String, String)>,
}

/// What became of all values.
#[derive(Clone, Debug)]
pub struct Rewrapped {
    /// The name of the master key that they are under now.
    pub master_key: String,
    /// Column by column.
    pub columns: Vec<ColumnRewrapped>,
}

impl Rewrapped {
    /// Whether every value is under the master key.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.columns.iter().all(|column| column.failed.is_empty() && column.changed == 0)
    }

    fn told(&self) -> String {
        let sum = |of: fn(&ColumnRewrapped) -> u64| self.columns.iter().map(of).sum::<u64>();
        let failed: usize = self.columns.iter().map(|column| column.failed.len()).sum();
        let (rewrapped, unchanged, changed) =
            (sum(|column| column.rewrapped), sum(|column| column.unchanged), sum(|column| column.changed));
        format!(
            "{rewrapped} re-wrapped, {unchanged} stood under it already, {failed} could not be opened, \
             {changed} changed meanwhile"
        )
    }
}

impl Administration {
    /// Puts every sealed value under the master key that seals now. May be stopped and run again.
    pub async fn rewrap(
        &self,
        caller: &Caller,
        mut progress: impl FnMut(&ColumnRewrapped),
    ) -> Result<Rewrapped, Failure> {
        let master_key = self.sealer.current().to_string();
        self.record_rewrap(caller, &master_key, "begun".to_owned()).await?;
        let mut done = Rewrapped { master_key, columns: Vec::new() };
        for of in COLUMNS {
            let total = store::sealed::count(&self.db, of).await?;
            let (seen, rewrapped, unchanged, changed) = (0, 0, 0, 0);
            let failed = Vec::new();
            done.columns.push(ColumnRewrapped { of, total, seen, rewrapped, unchanged, changed, failed });
        }
        for _ in 0..PASSES {
            for column in &mut done.columns {
                let before = column.rewrapped;
                (column.seen, column.unchanged, column.changed) = (0, 0, 0);
                column.failed.clear();
                self.rewrap_column(caller, column, &mut progress).await?;
                // What an earlier pass has put there is not counted twice.
                column.unchanged = column.unchanged.saturating_sub(before);
                column.changed += column.rewrapped.saturating_sub(before);
            }
            if done.columns.iter().all(|column| column.changed == 0) {
                break;
            }
        }
        self.record_rewrap(caller, &done.master_key, done.told()).await?;
        Ok(done)
    }

    /// Goes through a column once.
    async fn rewrap_column(
        &self,
        caller: &Caller,
        column: &mut ColumnRewrapped,
        progress: &mut impl FnMut(&ColumnRewrapped),
    ) -> Result<(), Failure> {
        let mut after: Option<String> = None;
        loop {
            let page = store::sealed::find_page(&self.db, column.of, after.as_deref(), BATCH).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.row.clone());
            let mut fresh = Vec::new();
            for value in page {
                column.seen += 1;
                match self.sealer.rewrap(column.of.place(&value.row), &value.value).await {
                    Ok(Some(rewrapped)) => fresh.push((value, rewrapped)),
                    Ok(None) => column.unchanged += 1,
                    Err(fault) => column.failed.push((value.row, fault.to_string())),
                }
            }
            let (asked, replaced) = (fresh.len(), self.replace(caller, column.of, fresh).await?);
            column.rewrapped += replaced;
            column.changed += u64::try_from(asked).unwrap_or(u64::MAX).saturating_sub(replaced);
            progress(column);
        }
    }

    /// Writes what was re-wrapped, each value only where it still stands as it was read.
    async fn replace(
        &self,
        caller: &Caller,
        of: SealedColumn,
        fresh: Vec<(Sealed, Vec<u8>)>,
    ) -> Result<u64, Failure> {
        if fresh.is_empty() {
            return Ok(0);
        }
        let event = self.event(caller, ACTION)?;
        self.ledger
            .transact(event, move |tx, _| -> Work<'_, u64> {
                Box::pin(async move {
                    let mut replaced = 0;
                    for (was, by) in &fresh {
                        replaced += u64::from(store::sealed::replace(tx, of, was, by).await?);
                    }
                    // The records of the beginning and the end speak for all.
                    Ok(if replaced == 0 { Done::Unchanged(0) } else { Done::Unrecorded(replaced) })
                })
            })
            .await
    }

    async fn record_rewrap(&self, caller: &Caller, master_key: &str, told: String) -> Result<(), Failure> {
        let mut event = self.event(caller, ACTION)?;
        event.target = Some(master_key.to_owned());
        event.detail = Some(told);
        self.ledger
            .transact(event, |_, _| -> Work<'_, ()> { Box::pin(async { Ok(Done::Changed(())) }) })
            .await
    }
}
