//! Fetches revocation lists ahead of need, asks responders again, and looks at the certificates that are known.

use std::time::Duration;

use async_trait::async_trait;

use crate::protocol::error::Failure;

use super::{Job, JobCx};

pub(super) struct RefreshRevocation;

#[async_trait]
impl Job for RefreshRevocation {
    fn name(&self) -> &'static str {
        "learn which certificates were revoked"
    }

    fn rests(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn run(&self, cx: &JobCx) -> Result<(), Failure> {
        let communities = &cx.administration.communities;
        let revocations = &communities.revocations;
        revocations.want_all(&communities.crl_urls());
        revocations.fetch_due().await?;
        revocations.read_published().await?;
        revocations.sweep().await?;
        revocations.ask_again().await
    }
}
