//! The launch API: an EHR hands over what is open in it, and is told where to open the app (SMART App Launch 2.2,
//! EHR launch). A launch is for the FHIR server that the EHR's token is for; nothing in the request says otherwise.

use serde_json::{Map, Value};
use time::Duration;
use uuid::Uuid;

use crate::clients::evidence::Evidence;
use crate::jose::thumbprint::sha256;
use crate::ledger::{Attempt, Entry, Ledger};
use crate::model::client::Client;
use crate::model::launch::{Handover, Launch, PREFIX};
use crate::model::person::{Person, Role, Username};
use crate::model::resource::Resource;
use crate::moment::Timestamp;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::policy::LAUNCH_WRITE;
use crate::protocol::error::{Doing, ErrorCode, Failure, Fault, FieldProblem, Reason, Refusal};
use crate::protocol::launch_request::LaunchRequest;
use crate::protocol::redirect_uri::Callback;
use crate::protocol::resource_metadata::ResourceKind;
use crate::protocol::secret::Secret;
use crate::scope::narrow::holds;
use crate::store::{self, Db};
use crate::tokens::access_token::{AccessTokens, LiveToken};
use crate::tokens::bearer::{self, Constraint};

/// How many launches of one EHR may be open: neither taken up nor expired.
const MOST_OPEN: i64 = 10_000;
/// The launch API.
#[derive(Clone)]
pub struct LaunchEndpoint {
    /// Reads tokens.
    pub tokens: AccessTokens,
    /// The door to reading.
    pub db: Db,
    /// The door through which state changes.
    pub ledger: Ledger,
    /// The database's time.
    pub clock: Clock,
    /// How long a handle is good.
    pub life: Duration,
}

/// What the EHR is told.
#[derive(Debug)]
pub struct Launched {
    /// The handle.
    pub launch: Secret,
    /// How long it is good, in seconds.
    pub expires_in: i64,
    /// The page of the app to open, with `iss` and `launch`.
    pub launch_url: Secret,
    /// The FHIR server that it is for.
    pub iss: String,
}

impl LaunchEndpoint {
    /// Keeps what an EHR hands over.
    pub async fn respond(
        &self,
        evidence: &Evidence,
        body: Result<Map<String, Value>, Refusal>,
        entropy: &Entropy,
    ) -> Result<Launched, Failure> {
        let now = self.clock.now();
        let id = entropy.id(now).doing("naming an entry")?;
        let mut entry = Entry::begin(id, now, "launch.create", evidence.origin.clone());
        let outcome = self.hand_over(&mut entry, (evidence, body), (id, entropy)).await;
        self.ledger.settle(entry, outcome).await
    }

    async fn hand_over(
        &self,
        entry: &mut Entry,
        (evidence, body): (&Evidence, Result<Map<String, Value>, Refusal>),
        (id, entropy): (Uuid, &Entropy),
    ) -> Result<Launched, Failure> {
        let now = entry.now();
        let live = bearer::believe(&self.tokens, entry, evidence, Constraint::AsIssued).await?;
        entry.prove_client(&live.client);
        entry.event_mut().token = Some(live.token.id);
        let resource = self.resource_of(&live).await?;
        self.leave_room(&live.client, now).await?;
        entry.event_mut().audience = Some(resource.audience().to_owned());
        let request = LaunchRequest::parse(&body?).map_err(wrong)?;
        let event = entry.event_mut();
        event.target = Some(request.client.to_string());
        event.patient.clone_from(&request.context.patient);
        let (client, opened) = self.app(&request, &resource).await?;
        let person = self.person(&request.user, &resource).await?;
        entry.event_mut().person = Some(person.subject.to_string());
        entry.event_mut().person_organization = Some(person.organization.clone());
        self.may_open(&person, &request, &resource).await?;

        let handle = format!("{PREFIX}{}", entropy.token().doing("making a launch")?);
        let launch = Launch {
            digest: sha256(handle.as_bytes()),
            ehr: live.client.id.clone(),
            client: client.id,
            audience: resource.audience().to_owned(),
            handover: Handover {
                id,
                ehr: live.client.id.to_string(),
                subject: person.subject,
                context: request.context,
            },
            does_ehr_stand: true,
            created_at: now,
            expires_at: now + self.life,
            used_at: None,
        };
        entry.attempt(Attempt::CreateLaunch(Box::new(launch)));
        let with = [("iss", resource.audience()), ("launch", handle.as_str())];
        Ok(Launched {
            launch_url: Secret::new(Callback::stored(opened).with(&with)),
            launch: Secret::new(handle),
            expires_in: self.life.whole_seconds(),
            iss: resource.audience().to_owned(),
        })
    }

    /// Holds an EHR that opens apps without end, in vain, to a bound.
    async fn leave_room(&self, ehr: &Client, now: Timestamp) -> Result<(), Failure> {
        if store::launch::count_open(&self.db, &ehr.id, MOST_OPEN, now).await? < MOST_OPEN {
            return Ok(());
        }
        let told = "too many launches are open that no app has taken up: try again later";
        Err(Refusal::new(ErrorCode::TooManyAttempts, told, Reason::new("too_many_launches_open")).into())
    }

    /// The FHIR server that a token is for, when it is that of an EHR.
    async fn resource_of(&self, live: &LiveToken) -> Result<Resource, Failure> {
        if live.token.person.is_some() || !holds(&live.token.scope, LAUNCH_WRITE) {
            let told = "the access token was not granted launch.write to an EHR";
            let reason = Reason::new("launch_scope_missing");
            return Err(Refusal::new(ErrorCode::InsufficientScope, told, reason).into());
        }
        let found = store::resource::find_by_url(&self.db, &live.token.audience).await?;
        let found = found.filter(|resource| resource.metadata.kind == ResourceKind::Fhir);
        let told = "the access token is for no FHIR server of this server";
        let reason = Reason::new("launch_for_no_fhir_server");
        Ok(found.ok_or_else(|| Refusal::new(ErrorCode::InsufficientScope, told, reason))?)
    }

    /// The app, and where it is opened.
    async fn app(&self, request: &LaunchRequest, resource: &Resource) -> Result<(Client, String), Failure> {
        let client = store::client::find(&self.db, &request.client).await?.filter(Client::is_active);
        let client = client.ok_or_else(|| one("client_id", "is no active client"))?;
        let metadata = &client.metadata;
        let signs_in = metadata.grant_types.iter().any(|grant| grant == "authorization_code");
        if !signs_in || !holds(&metadata.scope, "launch") {
            return Err(one("client_id", "is a client that is not registered for the scope launch").into());
        }
        if !metadata.resources.iter().any(|url| url == resource.audience()) {
            return Err(one("client_id", "is a client that is not registered for this FHIR server").into());
        }
        let opened = match (&request.launch_url, metadata.launch_urls.as_slice()) {
            (None, [only]) => only,
            (None, []) => return Err(one("client_id", "is a client without a launch URL").into()),
            (None, _) => return Err(one("launch_url", "is required: this client has several").into()),
            (Some(named), registered) if registered.contains(named) => named,
            (Some(_), _) => return Err(one("launch_url", "is not registered for this client").into()),
        };
        let opened = opened.clone();
        Ok((client, opened))
    }

    /// Refuses a record that the person may not open. The EHR vouches for those who treat patients; whoever is a
    /// patient, or acts for one, opens what is known here.
    async fn may_open(&self, person: &Person, request: &LaunchRequest, at: &Resource) -> Result<(), Failure> {
        let Some(patient) = &request.context.patient else { return Ok(()) };
        if person.has_role(Role::Clinician) || person.own_patient_at(at.audience()) == Some(patient) {
            return Ok(());
        }
        let known = (at.audience(), patient.as_str());
        match store::relationship::find(&self.db, &person.subject, known).await? {
            Some(_) => Ok(()),
            None => Err(one("patient", "is nobody for whom this person may act").into()),
        }
    }

    /// The person, by `sub`, by user name, or by the FHIR resource that they are.
    async fn person(&self, named: &str, resource: &Resource) -> Result<Person, Failure> {
        let found = if let Ok(subject) = Uuid::try_parse(named) {
            store::person::find(&self.db, &subject).await?
        } else if let Some(username) = Username::parse(named) {
            store::person::find_by_username(&self.db, &username).await?
        } else {
            self.person_of_resource(named, resource).await?
        };
        Ok(found.filter(Person::is_active).ok_or_else(|| one("user", "is nobody who can sign in here"))?)
    }

    /// The one person who is a FHIR resource, however the reference is written.
    async fn person_of_resource(&self, named: &str, resource: &Resource) -> Result<Option<Person>, Fault> {
        let base = format!("{}/", resource.audience().trim_end_matches('/'));
        let relative = named.strip_prefix(&base).unwrap_or(named);
        let absolute = format!("{base}{relative}");
        let mut found = store::person::find_by_fhir_user(&self.db, (relative, &absolute)).await?;
        // Two people who are one resource cannot be told apart.
        Ok(found.pop().filter(|_| found.is_empty()))
    }
}

fn one(field: &'static str, says: &'static str) -> Refusal {
    wrong(vec![FieldProblem { field: field.to_owned(), says: says.to_owned() }])
}

fn wrong(problems: Vec<FieldProblem>) -> Refusal {
    let detail = problems.iter().map(|problem| problem.field.as_str()).collect::<Vec<_>>().join(" ");
    Refusal::invalid_request("the launch cannot be made", "launch_malformed").detail(detail).fields(problems)
}
