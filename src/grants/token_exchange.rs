//! `urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693): whoever was shown a token gets a narrower one, in
//! its own name, to go on with. Da Vinci CRD wants it in place of passing the token of a hook on.

use async_trait::async_trait;

use crate::clients::authenticate::AuthenticatedClient;
use crate::model::access_token::{AccessToken, MOST_ACTORS, PersonClaims};
use crate::model::authorization::{Authorization, Companions, Descent, OnBehalf, SenderDemand, Subject};
use crate::model::binding::Binding;
use crate::model::client::THIS_SERVER;
use crate::model::consent::Wish;
use crate::policy::Strength;
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};
use crate::protocol::ids::ClientId;
use crate::protocol::launch_context::{LaunchContext, needs_patient};
use crate::protocol::params::Params;
use crate::protocol::resource_metadata::{ResourceKind, ResourceMetadata};
use crate::scope::dialects;
use crate::scope::narrow::covers_all;
use crate::scope::permission::{Level, Permission};
use crate::scope::set::ScopeSet;
use crate::scope::token::ScopeToken;
use crate::store;

use super::{Grant, GrantCx, audience, details, named_scope, proves_itself, without_sign_in};

/// The type of access tokens (RFC 8693, 3).
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// The type of JWTs (RFC 8693, 3).
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// What other servers let clients ask for, which nobody gets here: to be somebody else.
const NEVER: [&str; 4] = ["requested_subject", "requested_issuer", "subject_issuer", "may_act"];

pub(super) struct TokenExchange;

#[async_trait]
impl Grant for TokenExchange {
    fn grant_type(&self) -> &'static str {
        "urn:ietf:params:oauth:grant-type:token-exchange"
    }

    fn least_strength(&self) -> Strength {
        Strength::SharedSecret
    }

    async fn authorize(
        &self,
        cx: &mut GrantCx<'_>,
        client: &AuthenticatedClient,
        binding: Option<&Binding>,
        params: &Params,
    ) -> Result<Authorization, Failure> {
        proves_itself(client)?;
        asks_for_an_access_token(params)?;
        details::not_taken(params)?;
        let before = subject_token(cx, client, binding, params).await?;
        let actor = actor_token(cx, client, binding, params).await?;
        let mut descent = descent(&before, &client.record().id, cx)?;
        descent.certificates.extend(actor.iter().flat_map(AccessToken::all_certificates));
        let asked = narrowed(&before.scope, params)?;
        let (subject, context) = subject(cx, &before).await?;
        cx.entry.event_mut().scopes_asked = Some(asked.to_string());
        let resource = audience::of_another(cx, client, params).await?;
        let subject = match subject {
            Whom::System(id) => Subject::Client(id),
            Whom::Person(person) => {
                let onward = Onward { client, before: &before, asked: &asked, resource: &resource };
                let context = onward.context(cx, &person, context).await?;
                Subject::Person(Box::new(OnBehalf { context, ..*person }))
            }
        };
        let sender = if before.binding.is_some() { SenderDemand::Kept } else { SenderDemand::AsRegistered };
        Ok(Authorization {
            grant_type: self.grant_type(),
            subject,
            asked,
            // Details are about one request of one client: they are not handed on.
            details: AuthorizationDetails::default(),
            resource,
            sender,
            companions: Companions::default(),
            descent: Some(descent),
        })
    }
}

/// For whom the subject token speaks.
enum Whom {
    /// A client.
    System(ClientId),
    /// A person.
    Person(Box<OnBehalf>),
}

/// Refuses requests for another type of token, and for somebody else's.
fn asks_for_an_access_token(params: &Params) -> Result<(), Refusal> {
    if NEVER.iter().any(|name| params.optional(name).is_some()) {
        let told = "a token is exchanged for one of the same subject alone";
        return Err(Refusal::invalid_request(told, "exchange_for_another_subject"));
    }
    match params.optional("requested_token_type") {
        None | Some(ACCESS_TOKEN) => Ok(()),
        Some(_) => {
            let told = "requested_token_type must be that of access tokens";
            Err(Refusal::invalid_request(told, "requested_token_type"))
        }
    }
}

/// The subject token: alive, of this server, and shown by whoever it was issued to or is meant for.
async fn subject_token(
    cx: &mut GrantCx<'_>,
    client: &AuthenticatedClient,
    binding: Option<&Binding>,
    params: &Params,
) -> Result<AccessToken, Failure> {
    let text = params.require("subject_token")?;
    is_typed(text, params.require("subject_token_type")?).map_err(not_valid)?;
    let now = cx.entry.now();
    let token =
        cx.judges.tokens.find(text, now).await?.ok_or_else(|| not_valid("subject_token_not_alive"))?;
    note(cx, &token);
    if token.client.as_str() == THIS_SERVER {
        return Err(not_valid("subject_token_of_this_server").into());
    }
    let id = &client.record().id;
    if token.client == *id {
        // Its own: whoever stole it must not get rid of the key (RFC 8705, 3).
        if token.binding.is_some() && token.binding.as_ref() != binding {
            return Err(not_valid("subject_token_of_another_sender").into());
        }
        return Ok(token);
    }
    // Another client's: only the resource server that it was shown to goes on with it.
    if client.record().metadata.introspects.contains(&token.audience) {
        return Ok(token);
    }
    let resource = store::resource::find_by_url(cx.db, &token.audience).await?;
    if resource.is_some_and(|found| found.metadata.introspection_clients.contains(id)) {
        return Ok(token);
    }
    Err(not_valid("subject_token_for_another").into())
}

/// Whether a token can be of the type that it is said to be. What it is tells itself; what it is said to be must
/// not differ.
fn is_typed(text: &str, kind: &str) -> Result<(), &'static str> {
    match kind {
        ACCESS_TOKEN => Ok(()),
        JWT if text.contains('.') => Ok(()),
        JWT => Err("token_not_a_jwt"),
        _ => Err("token_type_unknown"),
    }
}

/// An actor token says no more than who asks, which is proved already; what it says must not differ. What it rests on
/// the new token rests on too.
async fn actor_token(
    cx: &mut GrantCx<'_>,
    client: &AuthenticatedClient,
    binding: Option<&Binding>,
    params: &Params,
) -> Result<Option<AccessToken>, Failure> {
    let (text, kind) = match (params.optional("actor_token"), params.optional("actor_token_type")) {
        (None, None) => return Ok(None),
        (Some(text), Some(kind)) => (text, kind),
        (Some(_), None) | (None, Some(_)) => {
            let told = "actor_token and actor_token_type go together (RFC 8693, 2.1)";
            return Err(Refusal::invalid_request(told, "actor_token_type").into());
        }
    };
    let wrong = |reason| Refusal::invalid_request("the actor token is not valid", reason);
    is_typed(text, kind).map_err(wrong)?;
    let token = cx.judges.tokens.find(text, cx.entry.now()).await?;
    let token = token.ok_or_else(|| wrong("actor_token_not_alive"))?;
    let id = &client.record().id;
    if token.client != *id || token.subject != id.as_str() || token.person.is_some() {
        return Err(wrong("actor_token_of_another").into());
    }
    if token.binding.is_some() && token.binding.as_ref() != binding {
        return Err(wrong("actor_token_of_another_sender").into());
    }
    Ok(Some(token))
}

/// What the new token keeps of the one before. Whoever exchanges a token of its own acts for nobody new.
fn descent(before: &AccessToken, client: &ClientId, cx: &mut GrantCx<'_>) -> Result<Descent, Refusal> {
    let actors = if before.client == *client {
        before.actors.clone()
    } else {
        [client.clone()].into_iter().chain(before.chain()).collect()
    };
    if actors.len() > MOST_ACTORS || before.ancestors.len() >= MOST_ACTORS {
        return Err(not_valid("exchanged_too_often"));
    }
    let seconds = (before.expires_at - cx.entry.now()).whole_seconds();
    if seconds < 1 {
        return Err(not_valid("subject_token_not_alive"));
    }
    let names: Vec<&str> = actors.iter().map(ClientId::as_str).collect();
    let detail = format!("act: {}; exchanged from {}", names.join(" for "), before.id);
    cx.entry.event_mut().detail = Some(detail);
    let ancestors = [before.id].into_iter().chain(before.ancestors.iter().copied()).collect();
    Ok(Descent { actors, ancestors, certificates: before.all_certificates(), seconds })
}

/// The scopes asked for: all that the token before has, or fewer, never more.
fn narrowed(had: &ScopeSet, params: &Params) -> Result<ScopeSet, Refusal> {
    let had = without_sign_in(had);
    let Some(asked) = named_scope(params)? else { return Ok(had) };
    if asked.is_empty() || !covers_all(&had, &asked) {
        let reason = Reason::new("scope_widened");
        let refusal =
            Refusal::new(ErrorCode::InvalidScope, "scope goes beyond that of the subject token", reason);
        return Err(refusal.detail(asked.to_string()));
    }
    Ok(asked)
}

/// For whom the token before speaks, with what was in context.
async fn subject(cx: &mut GrantCx<'_>, before: &AccessToken) -> Result<(Whom, LaunchContext), Failure> {
    let Some(PersonClaims { grant, context, .. }) = &before.person else {
        let id = ClientId::parse(&before.subject).ok_or_else(|| not_valid("subject_token_subject"))?;
        return Ok((Whom::System(id), LaunchContext::default()));
    };
    let found = store::family::find_by_grant(cx.db, *grant).await?;
    let found = found.ok_or_else(|| not_valid("subject_token_not_alive"))?;
    let delegation = &found.family.delegation;
    cx.name_person(&found.person, delegation);
    let person = OnBehalf {
        standing: found.person.clone(),
        context: LaunchContext::default(),
        sign_in: delegation.sign_in.clone(),
        grant: *grant,
        particulars: delegation.particulars.clone(),
    };
    Ok((Whom::Person(Box::new(person)), context.clone()))
}

/// A person's token on its way to a resource server.
///
/// Where it is good already, it may be exchanged for less. Elsewhere:
///
/// - Its own client could have asked the person, and is not spared that: it needs a decision of theirs for that
///   resource server that is remembered and covers all that is asked, about the same patient.
/// - A resource server that was shown another client's token goes on as an administrator has registered it, which
///   is what its registration for other resource servers and this grant says.
/// - At another FHIR server, whoever exchanges, the id of a patient names another patient, unless the person is
///   known to act for that one there too. Without a decision for that server, what is not about that one patient
///   crosses for somebody alone who is a user there.
struct Onward<'a> {
    client: &'a AuthenticatedClient,
    before: &'a AccessToken,
    asked: &'a ScopeSet,
    resource: &'a ResourceMetadata,
}

impl Onward<'_> {
    /// The context at the resource server that is asked for, if the token may go there.
    async fn context(
        &self,
        cx: &GrantCx<'_>,
        person: &OnBehalf,
        context: LaunchContext,
    ) -> Result<LaunchContext, Failure> {
        let Self { client, before, resource, .. } = self;
        if resource.url == before.audience {
            return Ok(context);
        }
        let is_own = before.client == client.record().id;
        if is_own && !self.is_agreed_to(cx, person, context.patient.as_deref()).await? {
            let told = "the person has not let this client act at that resource server";
            return Err(elsewhere(told, "consent_missing").into());
        }
        if resource.kind != ResourceKind::Fhir {
            return Ok(context);
        }
        if let Some(patient) = &context.patient {
            self.is_patient_there(cx, person, patient).await?;
        }
        if !is_own && !is_of_patient(self.asked) && !person.standing.is_user_at(&resource.url) {
            let told = "the person is not known at that resource server";
            return Err(elsewhere(told, "person_of_another_server").into());
        }
        Ok(LaunchContext::of_patient(context.patient))
    }

    /// Whether the person has decided, and still does, that the client may do this there.
    async fn is_agreed_to(
        &self,
        cx: &GrantCx<'_>,
        person: &OnBehalf,
        patient: Option<&str>,
    ) -> Result<bool, Failure> {
        let client = self.client.record();
        let wish = Wish {
            audience: &self.resource.url,
            patient: patient.filter(|_| needs_patient(self.asked)),
            scope: self.asked,
            claims: &[],
            details: &AuthorizationDetails::default(),
        };
        let known = store::consent::find_newest(cx.db, person.standing.subject, &client.id).await?;
        Ok(known.iter().any(|consent| {
            client.keeps_alive(consent.given_at)
                && client.stands_since(consent.given_at)
                && consent.covers(&wish, &person.standing)
        }))
    }

    /// Refuses a patient for whom the person is not known to act there.
    async fn is_patient_there(
        &self,
        cx: &GrantCx<'_>,
        person: &OnBehalf,
        patient: &str,
    ) -> Result<(), Failure> {
        let mut standing = person.standing.clone();
        let at = (self.resource.url.as_str(), patient);
        let known = store::relationship::find(cx.db, &standing.subject, at).await?;
        standing.acts_for = known.map(|known| known.patient);
        if !standing.may_act_for(patient, &self.resource.url) {
            let told = "the patient in context is not known at that resource server";
            return Err(elsewhere(told, "patient_of_another_server").into());
        }
        Ok(())
    }
}

/// Whether scopes reach the record of the patient in context, and nothing else.
fn is_of_patient(scope: &ScopeSet) -> bool {
    let is_of_patient = |token: &ScopeToken| match dialects::read(token) {
        Some((Permission::Resource { level, .. }, _)) => level == Level::Patient,
        Some((Permission::Named(_), _)) | None => false,
    };
    scope.iter().all(is_of_patient)
}

/// The refusal of a resource server to which the token may not go.
const fn elsewhere(told: &'static str, reason: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidTarget, told, Reason::new(reason))
}

/// Notes for the record whose token it is.
fn note(cx: &mut GrantCx<'_>, token: &AccessToken) {
    let event = cx.entry.event_mut();
    event.target = Some(token.client.to_string());
    event.audience = Some(token.audience.clone());
}

/// The refusal of a subject token, whatever is wrong with it: the same words for all (RFC 8693, 2.2.2).
const fn not_valid(reason: &'static str) -> Refusal {
    Refusal::invalid_request("the subject token is not valid", reason)
}
