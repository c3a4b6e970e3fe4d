//! Requests of proxies that hand something on that is no certificate.

use crate::model::audit_event::Origin;
use crate::protocol::error::{Failure, Refusal};

use super::{Administration, Refused};

/// What is recorded of them.
const ACTION: &str = "proxy.hand_on";

impl Administration {
    /// Refuses a request, and records why.
    pub async fn refuse_proxied(&self, origin: Origin, why: &'static str) -> Failure {
        let told = "the client certificate that the proxy handed on cannot be read";
        let refusal = Refusal::invalid_request(told, "proxied_certificate").detail(why.to_owned());
        tracing::warn!(why, "what a proxy handed on is no certificate");
        self.record_refused(&origin, Refused { action: ACTION, rule: None, client: None }, refusal.into())
            .await
    }
}
