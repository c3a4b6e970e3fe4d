//! Tokens that must be bound to a key are not issued without one (RFC 8705, 3; RFC 9449, 5).

use crate::model::authorization::SenderDemand;
use crate::model::binding::Binding;
use crate::policy::{Draft, Question};
use crate::protocol::client_metadata::Profile;
use crate::protocol::error::Refusal;

pub(in crate::policy) fn apply(question: &Question<'_>, draft: Draft) -> Result<Draft, Refusal> {
    let metadata = &question.client.metadata;
    let is_of_key = question.binding.is_some_and(|binding| Binding::key(binding).is_some());
    // A client that is registered for both has said that its tokens are bound to a key, and so not to a certificate.
    if metadata.dpop_bound && !is_of_key {
        let told = "this client's tokens are bound to a key: show a DPoP proof";
        // No proof is no wrong proof: the request lacks something (RFC 6749, 5.2).
        return Err(Refusal::invalid_request(told, "proof_required_by_registration"));
    }
    if metadata.certificate_bound && !metadata.dpop_bound && (is_of_key || question.binding.is_none()) {
        let told = "this client's tokens are bound to its certificate: use the mutual-TLS token endpoint";
        return Err(Refusal::invalid_request(told, "certificate_required_by_registration"));
    }
    if question.binding.is_some() {
        return Ok(draft);
    }
    if metadata.profile == Profile::Fapi2 {
        let told = "this client's tokens are bound: show a DPoP proof or use the mutual-TLS token endpoint";
        return Err(Refusal::invalid_request(told, "binding_required_by_profile"));
    }
    match draft.authorization.sender {
        SenderDemand::AsRegistered => Ok(draft),
        SenderDemand::Kept => {
            let told =
                "the subject token is bound to a key: what it is exchanged for must be bound to one of yours";
            Err(Refusal::invalid_request(told, "binding_lost"))
        }
        SenderDemand::Always => {
            let told = "tokens for this resource are bound: show a DPoP proof, or use the mutual-TLS token endpoint with a \
                 client registered for tls_client_certificate_bound_access_tokens or to authenticate by certificate";
            Err(Refusal::invalid_request(told, "binding_required_by_resource"))
        }
    }
}
