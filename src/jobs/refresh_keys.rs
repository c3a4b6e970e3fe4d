//! Reads the signing keys again, so that what one process made or withdrew is known to all.

use std::time::Duration;

use async_trait::async_trait;

use crate::protocol::error::Failure;

use super::{Job, JobCx};

pub(super) struct RefreshKeys;

#[async_trait]
impl Job for RefreshKeys {
    fn name(&self) -> &'static str {
        "read the signing keys"
    }

    fn rests(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn run(&self, cx: &JobCx) -> Result<(), Failure> {
        cx.keys.refresh(cx.administration.clock.now()).await?;
        Ok(())
    }
}
