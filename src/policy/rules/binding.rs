//! Tokens that must be bound to a key are not issued without one (RFC 8705, 3).

use crate::model::authorization::SenderDemand;
use crate::policy::{Draft, Question};
use crate::protocol::error::Refusal;

pub(in crate::policy) fn apply(question: &Question<'_>, draft: Draft) -> Result<Draft, Refusal> {
    if question.binding.is_some() {
        return Ok(draft);
    }
    if question.client.metadata.certificate_bound {
        let told = "this client's tokens are bound to its certificate: use the mutual-TLS token endpoint";
        return Err(Refusal::invalid_request(told, "certificate_required_by_registration"));
    }
    match draft.authorization.sender {
        SenderDemand::AsRegistered => Ok(draft),
        SenderDemand::Always => {
            let told = "tokens for this resource are bound to a certificate: use the mutual-TLS token endpoint, with a \
                 client registered for tls_client_certificate_bound_access_tokens or to authenticate by certificate";
            Err(Refusal::invalid_request(told, "certificate_required_by_resource"))
        }
    }
}
