//! Goes on with the certificates of an authority that is revoked, where whoever revoked it was stopped.

use std::time::Duration;

use async_trait::async_trait;

use crate::admin::issuance::REVOKE_AUTHORITY;
use crate::protocol::error::Failure;

use super::{Job, JobCx};

pub(super) struct RevokeRest;

#[async_trait]
impl Job for RevokeRest {
    fn name(&self) -> &'static str {
        "mark the certificates of revoked authorities"
    }

    /// They open nothing before either: only lists do not name them yet.
    fn rests(&self) -> Duration {
        Duration::from_mins(5)
    }

    async fn run(&self, cx: &JobCx) -> Result<(), Failure> {
        let administration = &cx.administration;
        let now = administration.clock.now();
        administration.authority.revoke_what_is_left(now, || cx.event(REVOKE_AUTHORITY)).await
    }
}
