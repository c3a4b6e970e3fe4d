//! Announces the next signing keys when their time has come.

use std::time::Duration;

use async_trait::async_trait;

use crate::keys::rotation;
use crate::protocol::error::Failure;

use super::{Job, JobCx};

pub(super) struct RotateKeys;

#[async_trait]
impl Job for RotateKeys {
    fn name(&self) -> &'static str {
        "replace the signing keys"
    }

    fn rests(&self) -> Duration {
        Duration::from_mins(1)
    }

    async fn run(&self, cx: &JobCx) -> Result<(), Failure> {
        let administration = &cx.administration;
        let event = cx.event("keys.announce")?;
        let (doors, sealer) = ((&administration.db, &administration.ledger), administration.sealer.clone());
        if rotation::keep_current(doors, sealer, event, administration.schedule).await? > 0 {
            cx.keys.refresh().await?;
        }
        Ok(())
    }
}
