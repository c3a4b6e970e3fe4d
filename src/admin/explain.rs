//! What would become of a request: which scopes are granted, narrowed or dropped, by which rule, and what else
//! it would meet. The rules are those of real requests; nothing is changed but the audit trail.

use serde_json::{Map, Value};

use crate::authorize::endpoint::{launch_missing, may_ask};
use crate::clients::methods::{self, Carrier, ClientAuthMethod};
use crate::config::features::Features;
use crate::grants::{self, Named, audience_for_client, audience_for_person};
use crate::ledger::{Done, Work};
use crate::model::audit_event::AuditEvent;
use crate::model::authorization::{Authorization, Companions, OnBehalf, SenderDemand, Subject};
use crate::model::binding::Binding;
use crate::model::client::Client;
use crate::model::person::Person;
use crate::model::resource::Resource;
use crate::moment::Timestamp;
use crate::pki::thumbprint::Thumbprint;
use crate::policy::{self, Extent, Presence, Question, Strength, Trace, Visit, Way};
use crate::protocol::authorization_details::AuthorizationDetails;
use crate::protocol::client_metadata::Profile;
use crate::protocol::error::{ErrorCode, Failure, Fault, FieldProblem, Reason, Refusal};
use crate::protocol::resource_metadata::{ResourceKind, ResourceMetadata};
use crate::scope::narrow::holds;
use crate::scope::set::ScopeSet;
use crate::store;

use super::Administration;
use super::actor::Caller;
use super::forecast::{ConsentForecast, Need, TokenForecast, needs};
use super::inquiry::{Inquiry, Whom};
use super::supposition::{Meant, Opened, supposed};

const CODE: &str = "authorization_code";
const CREDENTIALS: &str = "client_credentials";

/// Why the request as a whole would be refused.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The refusal.
    pub refusal: Refusal,
    /// The rule, or the step before the rules.
    pub rule: &'static str,
    /// What to do about it.
    pub advice: Option<String>,
}

/// What would become of a request.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The client.
    pub client: Client,
    /// The person, where one was named.
    pub user: Option<Person>,
    /// The resource server, where the request comes so far.
    pub resource: Option<ResourceMetadata>,
    /// The grant.
    pub grant_type: &'static str,
    /// What would be granted.
    pub scope: ScopeSet,
    /// Why nothing would be.
    pub refusal: Option<Refused>,
    /// Each scope that was asked, in its order.
    pub ways: Vec<Way>,
    /// Each rule, in the order in which they are asked.
    pub rules: Vec<Visit>,
    /// Whether the person would be asked; none where nobody is.
    pub consent: Option<ConsentForecast>,
    /// The access token; none where there would be none.
    pub token: Option<TokenForecast>,
    /// What must be in place.
    pub context: Vec<Need>,
}

impl Explained {
    /// `granted`, `narrowed` or `refused`.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        if self.refusal.is_some() {
            return "refused";
        }
        let whole = self.ways.iter().all(|way| way.fate == policy::Fate::Granted);
        if whole { "granted" } else { "narrowed" }
    }
}

/// A question whose names have been looked up.
struct Looked {
    client: Client,
    user: Option<Person>,
    grant_type: &'static str,
    scope: ScopeSet,
    resource: Option<String>,
    patient: Option<String>,
}

/// The one place of a request.
struct Place {
    resource: ResourceMetadata,
    sender: SenderDemand,
    name: Option<String>,
}

impl Administration {
    /// Tells what would become of a request; that somebody asked is recorded.
    pub async fn explain_scopes(
        &self,
        caller: &Caller,
        document: &Map<String, Value>,
    ) -> Result<Explained, Failure> {
        let mut event = self.event(caller, "scope.explain")?;
        let inquiry = match Inquiry::parse(document) {
            Ok(inquiry) => inquiry,
            Err(refusal) => return self.refuse(event, refusal.into()).await,
        };
        event.target = Some(inquiry.client.to_string());
        event.scopes_asked = Some(inquiry.scope.to_string());
        let looked = match self.look_up(inquiry).await {
            Ok(looked) => looked,
            Err(failure) => return self.refuse(event, failure).await,
        };
        name(&mut event, &looked);
        let explained = self.told(looked, event.at).await?;
        event.audience = explained.resource.as_ref().map(|resource| resource.url.clone());
        self.ledger
            .transact(event, |_, _| -> Work<'_, ()> { Box::pin(async { Ok(Done::Changed(())) }) })
            .await?;
        Ok(explained)
    }

    /// Looks up whom and what a question names.
    async fn look_up(&self, inquiry: Inquiry) -> Result<Looked, Failure> {
        let Inquiry { client, scope, user, resource, grant_type, patient } = inquiry;
        let client = store::client::find(&self.db, &client).await?;
        let client = client.ok_or_else(|| missing("client_id", "names no client", "client_unknown"))?;
        let user = match user {
            None => None,
            Some(whom) => {
                let found = match whom {
                    Whom::Subject(subject) => store::person::find(&self.db, &subject).await?,
                    Whom::Named(username) => store::person::find_by_username(&self.db, &username).await?,
                };
                Some(found.ok_or_else(|| missing("user", "names nobody", "person_unknown"))?)
            }
        };
        let registered = |grant: &str| client.metadata.grant_types.iter().any(|known| known == grant);
        let own =
            if user.is_some() || registered(CODE) || !registered(CREDENTIALS) { CODE } else { CREDENTIALS };
        Ok(Looked { client, user, grant_type: grant_type.unwrap_or(own), scope, resource, patient })
    }

    /// The answer, rule by rule.
    async fn told(&self, looked: Looked, now: Timestamp) -> Result<Explained, Failure> {
        if let Err(refused) = may_begin(&looked, self.features) {
            return Ok(unbegun(looked, None, *refused));
        }
        let place = match self.place(&looked).await {
            Ok(place) => place,
            Err(Failure::Refusal(refusal)) => {
                let advice = Some(self.places(&looked).await?);
                let refused = Refused { refusal, rule: "resource", advice };
                return Ok(unbegun(looked, None, refused));
            }
            Err(Failure::Fault(fault)) => return Err(fault.into()),
        };
        let who = (looked.user.as_ref(), looked.patient.as_deref());
        let opened = match opened(&looked, &place.resource) {
            Ok(opened) => opened,
            Err(refused) => return Ok(unbegun(looked, Some(place.resource), *refused)),
        };
        let meant = Meant::of(&self.db, who, (&place.resource, opened)).await?;
        if meant == Meant::Foreign {
            return Ok(unbegun(looked, Some(place.resource), patient_beyond_person()));
        }
        let person = supposed(looked.user.as_ref(), &meant, now);
        let binding = binding(&looked.client);
        let trace = self.trace(&looked, &place, &person, binding.as_ref());
        let context =
            needs((&looked.scope, &trace.scope), (looked.user.is_some(), &meant), looked.grant_type);
        let is_refused = trace.denial.is_some();
        let consent = match looked.grant_type {
            CODE if !is_refused => Some(
                self.consent_forecast(
                    &looked.client,
                    looked.user.as_ref().map(|_| &person),
                    &trace.scope,
                    &place.resource,
                )
                .await?,
            ),
            _ => None,
        };
        let token = (!is_refused)
            .then(|| TokenForecast::of(&trace, &place.resource, binding.as_ref(), looked.grant_type));
        let Trace { scope, denial, advice, ways, rules, .. } = trace;
        let refusal = denial.map(|denial| Refused { refusal: denial.refusal, rule: denial.rule, advice });
        let Looked { client, user, grant_type, .. } = looked;
        let resource = Some(place.resource);
        Ok(Explained {
            client,
            user,
            resource,
            grant_type,
            scope,
            refusal,
            ways,
            rules,
            consent,
            token,
            context,
        })
    }

    /// Which resource servers a client can name instead.
    async fn places(&self, looked: &Looked) -> Result<String, Fault> {
        let own = &self.own.admin.url;
        let is_own = |url: &&String| looked.grant_type == CREDENTIALS && *url == own;
        let mut known: Vec<&str> =
            looked.client.metadata.resources.iter().filter(is_own).map(String::as_str).collect();
        for url in &looked.client.metadata.resources {
            let found = store::resource::find_by_url(&self.db, url).await?;
            let is_one = |resource: &Resource| {
                looked.grant_type == CREDENTIALS || resource.metadata.kind == ResourceKind::Fhir
            };
            known.extend(found.filter(is_one).map(|_| url.as_str()));
        }
        Ok(match known.as_slice() {
            [] => format!(
                "Add a resource server to the client's resources with `hilum client patch {} FILE`.",
                looked.client.id
            ),
            [only] => format!("Ask again with --resource {only}"),
            several => format!("Ask again with --resource and one of the client's: {}", several.join(" ")),
        })
    }

    /// The resource server, found as a real request finds it.
    async fn place(&self, looked: &Looked) -> Result<Place, Failure> {
        let Looked { client, scope, resource, grant_type, .. } = looked;
        let (resource, sender) = if *grant_type == CREDENTIALS {
            audience_for_client(&self.db, &self.own, client, resource.as_slice()).await?
        } else {
            let named = Named { scope, audience: resource.as_deref(), blame: ErrorCode::InvalidRequest };
            let found = audience_for_person(&self.db, &self.own, client, named).await?;
            (found, SenderDemand::AsRegistered)
        };
        let name = store::resource::find_by_url(&self.db, &resource.url).await?;
        Ok(Place { resource, sender, name: name.map(|resource| resource.name.to_string()) })
    }

    /// What the rules make of it.
    fn trace(&self, looked: &Looked, place: &Place, person: &OnBehalf, binding: Option<&Binding>) -> Trace {
        let Looked { client, user, grant_type, scope, .. } = looked;
        let method = methods::find(&client.metadata.token_endpoint_auth_method);
        let strength = method.map_or(Strength::Named, ClientAuthMethod::strength);
        let subject = if *grant_type == CREDENTIALS {
            Subject::Client(client.id.clone())
        } else {
            Subject::Person(Box::new(person.clone()))
        };
        policy::explain(&policy::Inquiry {
            question: Question { client, strength, binding, lifetimes: self.lifetimes },
            authorization: Authorization {
                grant_type,
                subject,
                asked: scope.clone(),
                details: AuthorizationDetails::default(),
                resource: place.resource.clone(),
                sender: place.sender,
                companions: Companions::default(),
                descent: None,
            },
            presence: if user.is_some() { Presence::Known } else { Presence::Awaited },
            resource_name: place.name.as_deref(),
        })
    }
}

/// Names in a record whose decisions and rights were looked at.
fn name(event: &mut AuditEvent, looked: &Looked) {
    if let Some(user) = &looked.user {
        let subject = user.subject.to_string();
        // At a terminal, who sits there stands in the record.
        match &event.person {
            None => event.person = Some(subject),
            Some(_) => event.detail = Some(subject),
        }
    }
    event.grant_type = Some(looked.grant_type.to_owned());
    event.patient.clone_from(&looked.patient);
}

/// What stands against a request before its scopes are looked at.
fn may_begin(looked: &Looked, features: Features) -> Result<(), Box<Refused>> {
    let refused =
        |rule, advice: String| move |refusal| Box::new(Refused { refusal, rule, advice: Some(advice) });
    let Looked { client, user, grant_type, .. } = looked;
    if !client.is_active() {
        let advice = format!("Let the client go on with `hilum client enable {}`.", client.id);
        let told = "the client is disabled: it may do nothing";
        let refusal = Refusal::new(ErrorCode::InvalidClient, told, Reason::new("client_disabled"));
        return Err(refused("client_active", advice)(refusal));
    }
    let advice =
        format!("Add {grant_type} to the client's grant_types with `hilum client patch {} FILE`.", client.id);
    if *grant_type == CODE {
        may_ask(client).map_err(refused("grant", advice))?;
    } else {
        grants::may_use(client, grant_type, &features).map_err(refused("grant", advice))?;
    }
    match user {
        Some(user) if !user.is_active() => {
            let advice = format!("Let the person go on with `hilum user enable {}`.", user.username);
            let told = "this person is disabled, and cannot sign in";
            let refusal = Refusal::new(ErrorCode::LoginRequired, told, Reason::new("person_disabled"));
            Err(refused("person_active", advice)(refusal))
        }
        Some(_) | None => Ok(()),
    }
}

/// How the app of a request is opened. Whoever asks for `launch` must show a launch, and an EHR makes none for an app
/// that cannot have that scope.
fn opened(looked: &Looked, resource: &ResourceMetadata) -> Result<Opened, Box<Refused>> {
    let Looked { client, grant_type, scope, .. } = looked;
    if *grant_type != CODE || !holds(scope, "launch") {
        return Ok(Opened::Alone);
    }
    match policy::offer(client, None, Extent::of_scope(scope.clone()), resource) {
        Ok(offered) if !holds(&offered.scope, "launch") => {
            let id = &client.id;
            let advice = format!(
                "Add launch to the client's scope with `hilum client patch {id} FILE`, so that an EHR can open it, or \
                 leave launch out of the request."
            );
            Err(Box::new(Refused { refusal: launch_missing(), rule: "launch", advice: Some(advice) }))
        }
        // What else stands against the request, the rules say.
        Ok(_) | Err(_) => Ok(Opened::ByEhr),
    }
}

/// The refusal of a patient for whom the person may not act.
fn patient_beyond_person() -> Refused {
    let told = "this person may not act in the record of that patient";
    let refusal = Refusal::new(ErrorCode::AccessDenied, told, Reason::new("patient_beyond_person"));
    let advice = "Leave patient out, or say that the person may act for this patient: `hilum user patch`.";
    Refused { refusal, rule: "patient_of_person", advice: Some(advice.to_owned()) }
}

/// The answer to a request that is refused before the rules are asked.
fn unbegun(looked: Looked, resource: Option<ResourceMetadata>, refused: Refused) -> Explained {
    let Looked { client, user, grant_type, scope, .. } = looked;
    let ways = policy::unasked(&scope, refused.rule);
    Explained {
        client,
        user,
        resource,
        grant_type,
        scope: ScopeSet::default(),
        refusal: Some(refused),
        ways,
        rules: Vec::new(),
        consent: None,
        token: None,
        context: Vec::new(),
    }
}

/// What the token would be bound to, if the client shows the key or the certificate that its registration is about.
fn binding(client: &Client) -> Option<Binding> {
    let metadata = &client.metadata;
    let method = methods::find(&metadata.token_endpoint_auth_method);
    let shown = method.is_some_and(|method| method.carrier() == Carrier::Certificate);
    if !metadata.dpop_bound && (metadata.certificate_bound || shown) {
        return Some(Binding::to_certificate(&Thumbprint::of_der(b"the certificate of the client")));
    }
    (metadata.dpop_bound || metadata.profile == Profile::Fapi2)
        .then(|| Binding::to_key("the key of the client"))
}

/// The refusal of a name that nothing has.
fn missing(field: &str, says: &str, reason: &'static str) -> Refusal {
    let problem = FieldProblem { field: field.to_owned(), says: says.to_owned() };
    Refusal::new(ErrorCode::NotFound, "there is nothing of that name", Reason::new(reason))
        .fields(vec![problem])
}
