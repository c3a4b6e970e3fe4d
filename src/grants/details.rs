//! Authorization details in a request: of types that are known, as their types say, and not ended (RFC 9396).

use std::collections::BTreeSet;

use crate::clients::authenticate::AuthenticatedClient;
use crate::model::audit_event::AuditEvent;
use crate::model::authorization_details_type::DetailsType;
use crate::model::client::Client;
use crate::model::delegation::Delegation;
use crate::policy;
use crate::protocol::authorization_details::prior_authorization::{self, PriorAuthorization};
use crate::protocol::authorization_details::{AuthorizationDetails, Detail, refusal};
use crate::protocol::error::{ErrorCode, Failure, Fault, Reason, Refusal};
use crate::protocol::params::Params;
use crate::store::{self, Db};

use super::GrantCx;

/// The parameter.
const PARAMETER: &str = "authorization_details";

/// The types that every server has.
pub const BUILT_IN: [&str; 1] = [prior_authorization::TYPE];

/// Judges details that a client asks for at a resource server: each is of a type that the client is registered for,
/// which is asked before anything is read for it, that is known, and as that type says; and none has ended there.
pub async fn judge(
    db: &Db,
    client: &Client,
    (audience, details): (&str, &AuthorizationDetails),
) -> Result<(), Failure> {
    if details.is_empty() {
        return Ok(());
    }
    details.iter().try_for_each(|detail| policy::may_ask_for_detail(client, detail))?;
    let types = store::authorization_details_type::find_named(db, &details.types()).await?;
    details.iter().try_for_each(|detail| is_as_its_type_says(detail, &types))?;
    if living(db, audience, details).await? != *details {
        let told = "what authorization_details ask for has ended: it was decided";
        return Err(refusal(told, "authorization_details_ended").into());
    }
    Ok(())
}

/// What of some details has not ended at a resource server.
pub async fn living(
    db: &Db,
    audience: &str,
    details: &AuthorizationDetails,
) -> Result<AuthorizationDetails, Fault> {
    let identities: Vec<Vec<u8>> = details.iter().filter_map(identity).collect();
    if identities.is_empty() {
        return Ok(details.clone());
    }
    let of = (audience, prior_authorization::TYPE);
    let ended: BTreeSet<Vec<u8>> =
        store::ended_authorization::find_ended(db, of, &identities).await?.into_iter().collect();
    Ok(details.kept(|detail| identity(detail).is_none_or(|identity| !ended.contains(&identity))))
}

/// Notes for the record what is asked for beside scopes, and about whom.
pub fn note(event: &mut AuditEvent, details: &AuthorizationDetails) {
    if details.is_empty() {
        return;
    }
    if event.detail.is_none() {
        event.detail =
            Some(format!("{PARAMETER}: {}", details.types().join(" ")).chars().take(500).collect());
    }
    let patients: BTreeSet<String> = details.patients().collect();
    if event.patient.is_none() && patients.len() == 1 {
        event.patient = patients.into_iter().next();
    }
}

/// Refuses details where nobody could be asked what they say: they would be left out in silence (RFC 9396, 5).
pub(super) fn not_taken(params: &Params) -> Result<(), Refusal> {
    if params.optional(PARAMETER).is_none() {
        return Ok(());
    }
    Err(refusal("authorization_details are not granted by this grant", "authorization_details_not_taken"))
}

/// The details of a request that rests on nothing but the client's own registration.
pub(super) async fn asked(
    cx: &mut GrantCx<'_>,
    client: &AuthenticatedClient,
    (audience, params): (&str, &Params),
) -> Result<AuthorizationDetails, Failure> {
    let Some(text) = params.optional(PARAMETER) else { return Ok(AuthorizationDetails::default()) };
    let details = AuthorizationDetails::parse(text)?;
    note(cx.entry.event_mut(), &details);
    judge(cx.db, client.record(), (audience, &details)).await?;
    Ok(details)
}

/// What a person has agreed to beside scopes, as far as it still stands; the request may ask for less, never for
/// more (RFC 9396, 6). What its client is no longer registered for is not brought back, nor what has ended.
pub(super) async fn delegated(
    cx: &mut GrantCx<'_>,
    client: &AuthenticatedClient,
    (delegation, params): (&Delegation, &Params),
) -> Result<AuthorizationDetails, Failure> {
    let agreed = &delegation.particulars.authorization_details;
    let asked = match params.optional(PARAMETER) {
        None => agreed.clone(),
        Some(text) => AuthorizationDetails::parse(text)?,
    };
    if !agreed.covers(&asked) {
        let told = "authorization_details go beyond what was granted";
        return Err(refusal(told, "authorization_details_widened").into());
    }
    if asked.is_empty() {
        return Ok(asked);
    }
    let registered = &client.record().metadata.authorization_details_types;
    let asked = asked.kept(|detail| registered.iter().any(|kind| kind == detail.kind()));
    let types = store::authorization_details_type::find_named(cx.db, &asked.types()).await?;
    let asked = asked.kept(|detail| is_as_its_type_says(detail, &types).is_ok());
    let left = living(cx.db, &delegation.audience, &asked).await?;
    note(cx.entry.event_mut(), &left);
    if left.is_empty() && delegation.scope.is_empty() {
        let told = "nothing is left of what was granted";
        let reason = Reason::new("authorization_details_ended");
        return Err(Refusal::new(ErrorCode::InvalidGrant, told, reason).into());
    }
    Ok(left)
}

/// Judges one detail by its type, which this server has or an administrator has registered.
fn is_as_its_type_says(detail: &Detail, types: &[DetailsType]) -> Result<(), Refusal> {
    let wrong = |named: String| {
        let told = "authorization_details are not as their type says";
        refusal(told, "authorization_details_wrong").detail(named)
    };
    if detail.kind() == prior_authorization::TYPE {
        return PriorAuthorization::parse(detail.members()).map(drop).map_err(|problems| {
            let named: Vec<String> = problems.into_iter().map(|problem| problem.field).collect();
            wrong(format!("{}: {}", detail.kind(), named.join(" ")).chars().take(500).collect())
        });
    }
    match types.iter().find(|known| known.name == detail.kind()) {
        Some(known) if known.schema.accepts(detail.members()) => Ok(()),
        Some(known) => Err(wrong(known.name.clone())),
        None => {
            let told = "this server does not have that type of authorization_details";
            Err(refusal(told, "authorization_details_type_unknown"))
        }
    }
}

fn identity(detail: &Detail) -> Option<Vec<u8>> {
    detail.prior_authorization().map(|request| request.identity().to_vec())
}
