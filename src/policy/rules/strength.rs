//! A back-end gets `system/` scopes with a private key or a certificate alone (SMART Backend Services).

use crate::policy::{Draft, Question, Strength};
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::scope::narrow::levels;
use crate::scope::permission::Level;

pub(in crate::policy) fn apply(question: &Question<'_>, draft: Draft) -> Result<Draft, Refusal> {
    match question.strength {
        Strength::PrivateKey => Ok(draft),
        Strength::SharedSecret if !levels(&draft.scope).contains(&Level::System) => Ok(draft),
        Strength::SharedSecret => Err(Refusal::new(
            ErrorCode::UnauthorizedClient,
            "system/ scopes need a client that authenticates with a key or a certificate",
            Reason::new("system_scope_with_secret"),
        )),
        Strength::Named => Err(Refusal::new(
            ErrorCode::UnauthorizedClient,
            "a public client cannot act for itself",
            Reason::new("public_client"),
        )),
    }
}
