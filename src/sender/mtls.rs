//! Tokens bound to the client certificate of the connection (RFC 8705, 3).

use serde_json::{Value, json};

use crate::clients::authenticate::AuthenticatedClient;
use crate::clients::methods::Carrier;
use crate::model::binding::Binding;
use crate::protocol::error::Refusal;

use super::{Offer, SenderConstraint, SenderCx, Wish};

pub(super) struct Certificate;

impl SenderConstraint for Certificate {
    fn metadata(&self) -> Vec<(&'static str, Value)> {
        vec![("tls_client_certificate_bound_access_tokens", json!(true))]
    }

    /// A certificate proves possession alone here, so nobody need have issued it.
    fn examine(&self, cx: &SenderCx<'_>) -> Result<Option<Offer>, Refusal> {
        let shown = cx.evidence.certificate.as_ref();
        Ok(shown.map(|certificate| Offer {
            binding: Binding::to_certificate(&certificate.leaf.thumbprint()),
            used: None,
            algorithm: None,
        }))
    }

    /// A certificate binds when the client is registered for it; and when the client has authenticated with it,
    /// unless it shows another key. Registered for both, it wants the other.
    fn wish(&self, client: &AuthenticatedClient, _: &Offer) -> Result<Wish, Refusal> {
        let metadata = &client.record().metadata;
        Ok(match (metadata.certificate_bound, metadata.dpop_bound) {
            (true, false) => Wish::Explicit,
            (true, true) => Wish::Implied,
            (false, _) if client.carrier() == Carrier::Certificate => Wish::Implied,
            (false, _) => Wish::None,
        })
    }
}
