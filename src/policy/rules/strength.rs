//! A back-end gets `system/` scopes with a private key or a certificate alone (SMART Backend Services), and so
//! does an administrator, an EHR that launches apps into any record, and who asks for details of any patient: a secret can be copied, and any
//! certificate shown with it.

use crate::model::authorization::Subject;
use crate::policy::{Draft, Question, Strength};
use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::scope::narrow::{holds, levels};
use crate::scope::permission::Level;
use crate::scope::set::ScopeSet;

/// The scope of the launch API.
pub const LAUNCH_WRITE: &str = "launch.write";

/// The scope of the endpoint where payers report what they have decided.
pub const DECISION_WRITE: &str = "authorization_decision.write";

/// Whether some of these scopes are for clients that hold a key.
#[must_use]
pub fn needs_key(scope: &ScopeSet) -> bool {
    levels(scope).contains(&Level::System)
        || scope.iter().any(|token| token.as_str().starts_with("admin/"))
        || holds(scope, LAUNCH_WRITE)
        || holds(scope, DECISION_WRITE)
}

pub(in crate::policy) fn apply(question: &Question<'_>, draft: Draft) -> Result<Draft, Refusal> {
    // A person's app may be public: what it gets is the person's, by their consent and its verifier.
    if let Subject::Person(_) = draft.authorization.subject {
        return Ok(draft);
    }
    match question.strength {
        Strength::PrivateKey => Ok(draft),
        // Details can be of any patient.
        Strength::SharedSecret if !needs_key(&draft.scope) && draft.details.is_empty() => Ok(draft),
        Strength::SharedSecret => Err(Refusal::new(
            ErrorCode::UnauthorizedClient,
            "system/, admin/, launch.write and authorization_decision.write scopes, and authorization_details, need a client \
             that authenticates with a key or a certificate",
            Reason::new("system_scope_with_secret"),
        )),
        Strength::Named => Err(Refusal::new(
            ErrorCode::UnauthorizedClient,
            "a public client cannot act for itself",
            Reason::new("public_client"),
        )),
    }
}
