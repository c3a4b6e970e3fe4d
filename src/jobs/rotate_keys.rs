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
        Duration::from_secs(5)
    }

    async fn run(&self, cx: &JobCx) -> Result<(), Failure> {
        let administration = &cx.administration;
        let made_by = (cx.event("keys.announce")?, administration.clock.clone());
        let (doors, custody) = ((&administration.db, &administration.ledger), administration.custody.clone());
        if rotation::keep_current(doors, custody, made_by, administration.schedule).await? > 0 {
            cx.keys.refresh(administration.clock.now()).await?;
        }
        Ok(())
    }
}
