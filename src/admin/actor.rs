//! Who administers, and with what leave.

use crate::model::audit_event::{AuditEvent, Origin};
use crate::model::client::Client;
use crate::scope::set::ScopeSet;
use crate::tokens::access_token::{AccessTokens, LiveToken};
use crate::tokens::bearer::{self, Constraint};

use crate::clients::evidence::Evidence;
use crate::ledger::Entry;
use crate::moment::Timestamp;
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};

/// The reason of a refusal to a token without the scope of the route.
pub const SCOPE_MISSING: &str = "admin_scope_missing";

/// Who administers.
#[derive(Clone, Debug)]
pub enum Actor {
    /// A client, by a bound access token with these scopes.
    Client {
        /// The client.
        client: Box<Client>,
        /// The scopes of its token.
        scope: ScopeSet,
        /// When its token was issued.
        issued_at: Timestamp,
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
    /// The name by which two actors are told apart.
    #[must_use]
    pub fn known_as(&self) -> String {
        match self {
            Self::Client { client, .. } => format!("client:{}", client.id),
            Self::Terminal { account } => format!("terminal:{account}"),
        }
    }

    /// Writes the actor into a record.
    pub(super) fn name(&self, event: &mut AuditEvent) {
        match self {
            Self::Client { client, scope, .. } => {
                event.name_client(client);
                event.scopes_granted = Some(scope.to_string());
            }
            Self::Terminal { .. } => event.person = Some(self.known_as()),
        }
    }
}

/// Believes the token of an admin request.
pub async fn believe(
    tokens: &AccessTokens,
    entry: &mut Entry,
    audience: &str,
    evidence: &Evidence,
) -> Result<LiveToken, Failure> {
    let live = bearer::believe(tokens, entry, evidence, Constraint::Demanded).await?;
    if live.token.audience != audience {
        let reason = Reason::new("token_for_another_audience");
        return Err(Refusal::new(ErrorCode::InvalidToken, "the token is for another resource", reason).into());
    }
    Ok(live)
}

/// Asks a believed token for the scope of a route.
pub fn authorize(live: &LiveToken, scope: &'static str, origin: &Origin) -> Result<Caller, Refusal> {
    let LiveToken { token, client, .. } = live;
    if !token.scope.iter().any(|held| held.as_str() == scope) {
        let reason = Reason::new(SCOPE_MISSING);
        return Err(Refusal::new(ErrorCode::InsufficientScope, "the token lacks the scope for this", reason));
    }
    let actor = Actor::Client {
        client: Box::new(client.clone()),
        scope: token.scope.clone(),
        issued_at: token.issued_at,
    };
    Ok(Caller { actor, origin: origin.clone() })
}
