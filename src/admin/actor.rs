//! Who administers, and with what leave.

use crate::model::audit_event::{AuditEvent, Origin};
use crate::model::client::Client;
use crate::scope::set::ScopeSet;
use crate::tokens::access_token::{AccessTokens, LiveToken};
use crate::tokens::bearer::{self, Constraint};

use crate::clients::evidence::Evidence;
use crate::moment::Timestamp;
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};

/// Who administers.
#[derive(Clone, Debug)]
pub enum Actor {
    /// A client, by a bound access token with these scopes.
    Client {
        /// The client.
        client: Box<Client>,
        /// The scopes of its token.
        scope: ScopeSet,
    },
    /// Somebody at a terminal of the server, who can read its master key.
    Terminal {
        /// The name of the account.
        account: String,
    },
}

/// An actor and from where it acts.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who administers.
    pub actor: Actor,
    /// From where.
    pub origin: Origin,
}

impl Actor {
    /// Writes the actor into a record.
    pub(super) fn name(&self, event: &mut AuditEvent) {
        match self {
            Self::Client { client, scope } => {
                event.name_client(client);
                event.scopes_granted = Some(scope.to_string());
            }
            Self::Terminal { account } => event.person = Some(format!("terminal:{account}")),
        }
    }
}

/// Believes the token of an admin request and asks it for a scope.
pub async fn authorize(
    tokens: &AccessTokens,
    audience: &str,
    evidence: &Evidence,
    scope: &'static str,
    now: Timestamp,
) -> Result<Caller, Failure> {
    let LiveToken { token, client } = bearer::believe(tokens, evidence, Constraint::Demanded, now).await?;
    if token.audience != audience {
        let reason = Reason::new("token_for_another_audience");
        return Err(Refusal::new(ErrorCode::InvalidToken, "the token is for another resource", reason).into());
    }
    if !token.scope.iter().any(|held| held.as_str() == scope) {
        let reason = Reason::new("admin_scope_missing");
        let refusal =
            Refusal::new(ErrorCode::InsufficientScope, "the token lacks the scope for this", reason);
        return Err(refusal.detail(format!("{} lacks {scope}", client.id)).into());
    }
    let actor = Actor::Client { client: Box::new(client), scope: token.scope };
    Ok(Caller { actor, origin: evidence.origin.clone() })
}
