//! Tokens bound to the client certificate of the connection (RFC 8705, 3).

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::clients::evidence::Evidence;
use crate::clients::methods::Carrier;
use crate::model::binding::Binding;
use crate::protocol::error::Failure;

use super::{SenderConstraint, SenderCx};

pub(super) struct Certificate;

#[async_trait]
impl SenderConstraint for Certificate {
    fn metadata(&self) -> Vec<(&'static str, Value)> {
        vec![("tls_client_certificate_bound_access_tokens", json!(true))]
    }

    /// A certificate binds when the client is registered for it or has authenticated with it. It
    /// proves possession alone, so nobody need have issued it.
    async fn prove(&self, cx: &mut SenderCx<'_>, evidence: &Evidence) -> Result<Option<Binding>, Failure> {
        let wanted =
            cx.client.record().metadata.certificate_bound || cx.client.carrier() == Carrier::Certificate;
        let shown = evidence.certificate.as_ref().filter(|_| wanted);
        Ok(shown.map(|certificate| Binding::to_certificate(&certificate.leaf.thumbprint())))
    }
}
