//! No administrator raises itself or another above itself, and the last one is not removed.

use crate::model::certificate_request::Eyes;
use crate::model::client::Client;
use crate::model::person::{Person, Role};
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};
use crate::scope::set::ScopeSet;
use crate::scope::token::ScopeToken;
use crate::store::{self, Tx};

use super::actor::Actor;
use super::scopes::{self, WRITES_CLIENTS};

/// Refuses to give, or to touch a client that has, admin scopes which the actor does not hold itself. While it takes four
/// eyes to issue a certificate, a client that may approve is made and changed at the terminal alone: whoever could make
/// one could approve what they asked for.
pub fn is_within(actor: &Actor, metadata: &ClientMetadata, eyes: Eyes) -> Result<(), Refusal> {
    let held = match actor {
        Actor::Terminal { .. } => return Ok(()),
        Actor::Client { scope, .. } => scope,
    };
    let beyond = admin_scopes(&metadata.scope).find(|scope| !held.iter().any(|own| own.as_str() == *scope));
    if let Some(scope) = beyond {
        let reason = Reason::new("admin_scope_beyond_own");
        let told = "only an administrator who holds these admin scopes may do this";
        return Err(Refusal::new(ErrorCode::InsufficientScope, told, reason).detail(scope.to_owned()));
    }
    if eyes == Eyes::Four && holds(&metadata.scope, scopes::APPROVES) && !asks(&metadata.scope) {
        let told =
            "a client that approves certificates is registered and changed at the terminal (`hilum client`)";
        return Err(four_eyes(told));
    }
    Ok(())
}

/// Refuses approval, while it takes four eyes, to an administrator who could have asked: by its token, or by another
/// that its registration lets it have.
pub fn may_approve(actor: &Actor, eyes: Eyes) -> Result<(), Refusal> {
    match (actor, eyes) {
        (Actor::Client { client, scope, .. }, Eyes::Four) if asks(scope) || asks(&client.metadata.scope) => {
            Err(four_eyes(
                "whoever may write clients or ask for certificates cannot approve them: register a client of its own \
                 for approving, at the terminal",
            ))
        }
        (Actor::Client { .. } | Actor::Terminal { .. }, Eyes::Two | Eyes::Four) => Ok(()),
    }
}

const fn four_eyes(told: &'static str) -> Refusal {
    Refusal::new(ErrorCode::FourEyes, told, Reason::new("four_eyes"))
}

fn holds(scope: &ScopeSet, wanted: &str) -> bool {
    scope.iter().any(|held| held.as_str() == wanted)
}

fn asks(scope: &ScopeSet) -> bool {
    scopes::ASKS.iter().any(|wanted| holds(scope, wanted))
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
