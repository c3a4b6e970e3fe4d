//! A token shown in a request to this server itself, with the key it is bound to (RFC 6750, 2.1; RFC 9449, 7.1).

use crate::clients::evidence::Evidence;
use crate::keys::keyring::Look;
use crate::ledger::Entry;
use crate::model::binding::Binding;
use crate::protocol::auth_header::AuthHeader;
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};
use crate::protocol::secret::Secret;
use crate::sender::dpop;

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

/// Believes a token in the `Authorization` header, if it is alive and shown by whoever holds its key. The entry takes
/// the proof that came with it.
pub async fn believe(
    tokens: &AccessTokens,
    entry: &mut Entry,
    evidence: &Evidence,
    constraint: Constraint,
) -> Result<LiveToken, Failure> {
    match &evidence.authorization {
        Some(AuthHeader::Bearer(text)) => believe_text(tokens, entry, text, evidence, constraint).await,
        Some(AuthHeader::Dpop(text)) => believe_proved(tokens, entry, text, evidence).await,
        Some(AuthHeader::Basic { .. } | AuthHeader::Unreadable) => Err(invalid("token_unreadable").into()),
        None => Err(invalid(MISSING).into()),
    }
}

/// Believes a token that was shown without proof, in the header or in another place, such as a form (RFC 6750, 2.2).
pub async fn believe_text(
    tokens: &AccessTokens,
    entry: &Entry,
    text: &Secret,
    evidence: &Evidence,
    constraint: Constraint,
) -> Result<LiveToken, Failure> {
    let live = alive(tokens, entry, text).await?;
    let shown = evidence.certificate.as_ref();
    let shown = shown.map(|certificate| Binding::to_certificate(&certificate.leaf.thumbprint()));
    match (&live.token.binding, shown) {
        (Some(binding), Some(shown)) if binding.is(&shown) => Ok(live),
        (Some(_), _) => Err(of_another(&live)),
        (None, _) if constraint == Constraint::AsIssued => Ok(live),
        (None, _) => Err(invalid("token_not_bound").into()),
    }
}

/// Believes a token that is bound to the key of a proof, which must be for this very token (RFC 9449, 4.3).
async fn believe_proved(
    tokens: &AccessTokens,
    entry: &mut Entry,
    text: &Secret,
    evidence: &Evidence,
) -> Result<LiveToken, Failure> {
    let examined = tokens.proofs().examine(evidence, entry.now(), Some(text))?;
    let examined = examined
        .ok_or_else(|| dpop::invalid("a token of the scheme DPoP comes with a DPoP proof", "dpop_missing"))?;
    let live = alive(tokens, entry, text).await?;
    match &live.token.binding {
        Some(binding) if binding.is(&examined.binding) => {
            entry.use_up(examined.used);
            Ok(live)
        }
        Some(_) => Err(of_another(&live)),
        None => Err(invalid("token_not_bound").into()),
    }
}

async fn alive(tokens: &AccessTokens, entry: &Entry, text: &Secret) -> Result<LiveToken, Failure> {
    let found = tokens.read_live(text.expose(), entry.now(), Look::Sparingly).await?;
    found.ok_or_else(|| invalid("token_not_alive").into())
}

fn of_another(live: &LiveToken) -> Failure {
    invalid("token_of_another_sender").detail(format!("of {}", live.client.id)).into()
}

fn invalid(reason: &'static str) -> Refusal {
    Refusal::new(
        ErrorCode::InvalidToken,
        "the access token is missing, dead, or not shown with its key",
        Reason::new(reason),
    )
}
