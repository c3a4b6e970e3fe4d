//! Reads certificates, anchors and revocation lists again when their files have changed.

use std::time::Duration;

use async_trait::async_trait;

use crate::protocol::error::{Doing, Failure};

use super::{Job, JobCx};

pub(super) struct RenewFiles;

#[async_trait]
impl Job for RenewFiles {
    fn name(&self) -> &'static str {
        "read changed files again"
    }

    fn rests(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn run(&self, cx: &JobCx) -> Result<(), Failure> {
        let renewal = cx.renewal.clone();
        // A revocation list may have many megabytes: it is read beside the connections, not among them.
        Ok(tokio::task::spawn_blocking(move || renewal.look()).await.doing("reading changed files")?)
    }
}
