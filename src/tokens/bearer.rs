//! A token shown in a request to this server itself (RFC 6750, 2.1), with the key it is bound to.

use crate::clients::evidence::Evidence;
use crate::keys::keyring::Look;
use crate::moment::Timestamp;
use crate::protocol::auth_header::AuthHeader;
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};
use crate::protocol::secret::Secret;

use super::access_token::{AccessTokens, LiveToken};

/// Whether a token without a binding will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// The token must be bound to a key.
    Demanded,
    /// A token that is not bound will do; one that is must be shown with its key.
    AsIssued,
}

/// The reason of a request without any token.
pub const MISSING: &str = "token_missing";

/// Believes a token in the `Authorization` header, if it is alive and shown by whoever holds its key.
pub async fn believe(
    tokens: &AccessTokens,
    evidence: &Evidence,
    constraint: Constraint,
    now: Timestamp,
) -> Result<LiveToken, Failure> {
    match &evidence.authorization {
        Some(AuthHeader::Bearer(text)) => believe_text(tokens, text, evidence, (constraint, now)).await,
        Some(AuthHeader::Basic { .. } | AuthHeader::Unreadable) => Err(invalid("token_unreadable").into()),
        None => Err(invalid(MISSING).into()),
    }
}

/// Believes a token that was shown in another place, such as a form (RFC 6750, 2.2).
pub async fn believe_text(
    tokens: &AccessTokens,
    text: &Secret,
    evidence: &Evidence,
    (constraint, now): (Constraint, Timestamp),
) -> Result<LiveToken, Failure> {
    let live = tokens
        .read_live(text.expose(), now, Look::Sparingly)
        .await?
        .ok_or_else(|| invalid("token_not_alive"))?;
    let shown = evidence.certificate.as_ref().map(|certificate| certificate.leaf.thumbprint());
    match (&live.token.binding, shown) {
        (Some(binding), Some(shown)) if binding.is_shown_by(&shown) => Ok(live),
        (Some(_), _) => {
            Err(invalid("token_of_another_sender").detail(format!("of {}", live.client.id)).into())
        }
        (None, _) if constraint == Constraint::AsIssued => Ok(live),
        (None, _) => Err(invalid("token_not_bound").into()),
    }
}

fn invalid(reason: &'static str) -> Refusal {
    Refusal::new(
        ErrorCode::InvalidToken,
        "the access token is missing, dead, or not shown with its key",
        Reason::new(reason),
    )
}
