//! Follows the database's time, every ten seconds.

use std::time::Duration;

use async_trait::async_trait;

use crate::protocol::error::Failure;
use crate::store;

use super::{Job, JobCx};

pub(super) struct FollowClock;

#[async_trait]
impl Job for FollowClock {
    fn name(&self) -> &'static str {
        "follow the database's clock"
    }

    fn rests(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn run(&self, cx: &JobCx) -> Result<(), Failure> {
        let administration = &cx.administration;
        administration.clock.measure(store::now(&administration.db)).await?;
        Ok(())
    }
}
