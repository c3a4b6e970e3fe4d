//! No administrator raises itself or another above itself, and the last one is not removed.

use crate::model::client::Client;
use crate::model::person::{Person, Role};
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};
use crate::scope::set::ScopeSet;
use crate::scope::token::ScopeToken;
use crate::store::{self, Tx};

use super::actor::Actor;
use super::scopes::{self, WRITES_CLIENTS};

/// Refuses to give, or to touch a client that has, admin scopes which the actor does not hold itself.
pub fn is_within(actor: &Actor, metadata: &ClientMetadata) -> Result<(), Refusal> {
    let held = match actor {
        Actor::Terminal { .. } => return Ok(()),
        Actor::Client { scope, .. } => scope,
    };
    let beyond = admin_scopes(&metadata.scope).find(|scope| !held.iter().any(|own| own.as_str() == *scope));
    match beyond {
        None => Ok(()),
        Some(scope) => {
            let reason = Reason::new("admin_scope_beyond_own");
            let told = "only an administrator who holds these admin scopes may do this";
            Err(Refusal::new(ErrorCode::InsufficientScope, told, reason).detail(scope.to_owned()))
        }
    }
}

/// Refuses an administrator who was stopped while it waited for its turn.
pub async fn still_stands(actor: &Actor, tx: &mut Tx) -> Result<(), Failure> {
    let Actor::Client { client, issued_at, .. } = actor else { return Ok(()) };
    let now = store::client::find_in(tx, &client.id).await?;
    if now.is_some_and(|client| client.keeps_alive(*issued_at)) {
        return Ok(());
    }
    let told = "the administrator was stopped meanwhile";
    Err(Refusal::new(ErrorCode::InvalidToken, told, Reason::new("administrator_stopped")).into())
}

/// Refuses to leave nobody who may write registrations. Whoever sits at the server can always
/// register another administrator, and is not held to this.
pub async fn leaves_an_admin(
    actor: &Actor,
    tx: &mut Tx,
    before: &Client,
    after: Option<&Client>,
) -> Result<(), Failure> {
    let writes = |client: &Client| {
        client.is_active() && admin_scopes(&client.metadata.scope).any(|s| s == WRITES_CLIENTS)
    };
    let loses = writes(before) && !after.is_some_and(writes);
    match actor {
        Actor::Terminal { .. } => return Ok(()),
        Actor::Client { .. } if !loses => return Ok(()),
        Actor::Client { .. } => {}
    }
    if store::client::count_others_with_scope(tx, &before.id, WRITES_CLIENTS).await? > 0 {
        return Ok(());
    }
    let told = "this is the last administrator who may write registrations";
    Err(Refusal::new(ErrorCode::Conflict, told, Reason::new("last_administrator")).into())
}

/// Refuses to make, or to touch, a security officer without every admin scope: whoever resets an
/// officer's password could be the officer.
pub fn is_within_roles(actor: &Actor, roles: &[Role]) -> Result<(), Refusal> {
    let held = match actor {
        Actor::Terminal { .. } => return Ok(()),
        Actor::Client { .. } if !roles.contains(&Role::SecurityOfficer) => return Ok(()),
        Actor::Client { scope, .. } => scope,
    };
    let beyond = scopes::ALL.split(' ').find(|scope| !held.iter().any(|own| own.as_str() == *scope));
    match beyond {
        None => Ok(()),
        Some(scope) => {
            let reason = Reason::new("admin_scope_beyond_own");
            let told = "only an administrator who holds every admin scope may do this to a security officer";
            Err(Refusal::new(ErrorCode::InsufficientScope, told, reason).detail(scope.to_owned()))
        }
    }
}

/// Refuses to leave no security officer, as [`leaves_an_admin`] does for administrators. The caller
/// has waited for other changes of people.
pub async fn leaves_an_officer(
    actor: &Actor,
    tx: &mut Tx,
    before: &Person,
    after: &Person,
) -> Result<(), Failure> {
    let keeps = |person: &Person| person.is_active() && person.has_role(Role::SecurityOfficer);
    match actor {
        Actor::Terminal { .. } => return Ok(()),
        Actor::Client { .. } if !keeps(before) || keeps(after) => return Ok(()),
        Actor::Client { .. } => {}
    }
    if store::person::count_others_with_role(tx, &before.subject, Role::SecurityOfficer).await? > 0 {
        return Ok(());
    }
    let told = "this is the last security officer";
    Err(Refusal::new(ErrorCode::Conflict, told, Reason::new("last_security_officer")).into())
}

fn admin_scopes(scope: &ScopeSet) -> impl Iterator<Item = &str> {
    scope.iter().map(ScopeToken::as_str).filter(|token| token.starts_with("admin/"))
}
