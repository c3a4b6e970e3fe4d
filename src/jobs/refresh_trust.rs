//! Reads the trust communities again, so that what one process registered or removed is in force in all.

use std::time::Duration;

use async_trait::async_trait;

use crate::protocol::error::Failure;

use super::{Job, JobCx};

pub(super) struct RefreshTrust;

#[async_trait]
impl Job for RefreshTrust {
    fn name(&self) -> &'static str {
        "read the trust communities"
    }

    fn rests(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn run(&self, cx: &JobCx) -> Result<(), Failure> {
        cx.administration.communities.refresh().await?;
        Ok(())
    }
}
