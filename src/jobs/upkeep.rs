//! Tidies the measurements, which would grow without it.

use std::time::Duration;

use async_trait::async_trait;

use crate::protocol::error::Failure;

use super::{Job, JobCx};

pub(super) struct Upkeep;

#[async_trait]
impl Job for Upkeep {
    fn name(&self) -> &'static str {
        "tidy the measurements"
    }

    fn rests(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn run(&self, cx: &JobCx) -> Result<(), Failure> {
        cx.metrics.run_upkeep();
        Ok(())
    }
}
