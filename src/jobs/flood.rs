//! Writes the records of refusals that were only counted.

use std::time::Duration;

use async_trait::async_trait;

use crate::protocol::error::Failure;

use super::{Job, JobCx};

pub(super) struct RecordCounted;

#[async_trait]
impl Job for RecordCounted {
    fn name(&self) -> &'static str {
        "record what was counted"
    }

    fn rests(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn run(&self, cx: &JobCx) -> Result<(), Failure> {
        let administration = &cx.administration;
        let now = administration.clock.now();
        let next = || administration.entropy.id(now).unwrap_or_default();
        administration.ledger.record_counted(now, next).await
    }
}
