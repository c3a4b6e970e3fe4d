//! The page on which people see which apps may act for them, and end it (SMART App Launch 2.2,
//! `management_endpoint`).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use uuid::Uuid;

use crate::grants::details::living;
use crate::ledger::{Attempt, Entry};
use crate::model::access::{self, Extent, Held};
use crate::model::client::Client;
use crate::model::consent::Consent;
use crate::model::relationship::written;
use crate::model::standing::Standing;
use crate::moment::Timestamp;
use crate::protocol::error::{Failure, Fault, Refusal};
use crate::protocol::ids::ClientId;
use crate::protocol::params::PageForm;
use crate::protocol::redirect_uri;
use crate::store;

use super::browser::{Cookie, Form, Visit};
use super::case::Present;
use super::details::DetailView;
use super::setting::label;
use super::{AuthorizationFlow, GoOn, Place, Turn};

/// The most extents, and the most apps, that the page tells of.
const MOST: usize = 200;
/// The most families, and the most consents, that are read for it.
const MOST_ROWS: i64 = 1_000;

/// What people see of their account.
#[derive(Debug)]
pub struct AccountView {
    /// Who is signed in, by the name to call them.
    pub person: String,
    /// Who is signed in, by the name they sign in with.
    pub username: String,
    /// The apps that may act for them, by name.
    pub apps: Vec<AppView>,
    /// Whether there is more than the page tells of.
    pub is_cut: bool,
    /// What has just been ended.
    pub ended: Option<AppName>,
    /// The token of the forms that end what an app may do.
    pub csrf: String,
    /// The token of the form that signs out.
    pub csrf_of_logout: String,
    /// The cookies that the browser gets.
    pub cookies: Vec<Cookie>,
}

/// An app that may act for a person.
#[derive(Debug)]
pub struct AppView {
    /// The app.
    pub client: ClientId,
    /// What people call it.
    pub name: AppName,
    /// Whether it may do anything at all.
    pub condition: Condition,
    /// What it may do, at each place, the newest first.
    pub extents: Vec<ExtentView>,
}

/// What people call an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppName {
    /// By its registration.
    Registered {
        /// Its name.
        name: String,
        /// The organization that answers for it.
        organization: String,
    },
    /// Its registration is gone, and its name with it.
    Gone,
}

/// Whether an app may do anything at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It may.
    Active,
    /// It was stopped here.
    Stopped,
    /// It was removed from here.
    Removed,
}

/// What an app may do at one place.
#[derive(Debug)]
pub struct ExtentView {
    /// The FHIR server, by its title, or by its address once it is not registered any more.
    pub resource: Option<String>,
    /// The patient as the person knows them, when that is registered.
    pub patient: Option<String>,
    /// What it may do beside the scopes (RFC 9396), as far as it has not ended.
    pub details: Vec<DetailView>,
    /// The rest.
    pub extent: Extent,
}

/// What came of the wish to end what an app may do.
#[derive(Debug)]
pub enum Ending {
    /// Nothing of it is any good any more.
    Ended(ClientId),
    /// Nobody is signed in, and nothing was done.
    GoOn(GoOn),
}

/// What a person has let one app do, as it stands in the database.
#[derive(Default)]
struct Kept {
    held: Vec<Held>,
    agreed: Vec<Consent>,
}

impl Kept {
    /// When the newest of it began.
    fn newest(&self) -> Option<Timestamp> {
        let held = self.held.iter().map(|held| held.family.created_at);
        held.chain(self.agreed.iter().map(|consent| consent.given_at)).max()
    }
}

/// The titles of FHIR servers, by their address.
type Titles = BTreeMap<String, Option<String>>;

impl AuthorizationFlow {
    /// What a person sees of their account; who is not signed in comes to sign-in first. `ended` names the app
    /// that was ended a moment ago.
    pub async fn account_view(
        &self,
        ended: Option<&str>,
        visit: &Visit,
    ) -> Result<Turn<AccountView>, Failure> {
        let now = self.clock.now();
        let Some(Present { session, person }) = self.present(visit, now).await? else {
            return Ok(Turn::GoOn(GoOn::alone(Place::Login)));
        };
        let standing = Standing::from(&person);
        let (apps, is_cut) = self.apps(&standing, now).await?;
        let ended = match ended.and_then(ClientId::parse) {
            // Told only while it is true.
            Some(client) if apps.iter().all(|app| app.client != client) => {
                self.ended(&standing, &client).await?
            }
            Some(_) | None => None,
        };
        let (browser, cookies) = self.browser_of(visit)?;
        Ok(Turn::Page(AccountView {
            person: person.label().to_owned(),
            username: person.username.to_string(),
            apps,
            is_cut,
            ended,
            csrf: self.marks.csrf(Form::Account(session.id), &browser),
            csrf_of_logout: self.marks.csrf(Form::Logout(session.id), &browser),
            cookies,
        }))
    }

    /// Ends all that an app may do for whoever is signed in.
    pub async fn withdraw(&self, form: &PageForm, visit: &Visit) -> Result<Ending, Failure> {
        let mut entry = self.entry("access.withdraw", &visit.origin)?;
        let Some(present) = self.present(visit, entry.now()).await? else {
            return Ok(Ending::GoOn(GoOn::alone(Place::Login)));
        };
        let outcome = self.end_access(&mut entry, &present, (form, visit)).await;
        self.ledger.settle(entry, outcome).await.map(Ending::Ended)
    }

    async fn end_access(
        &self,
        entry: &mut Entry,
        present: &Present,
        (form, visit): (&PageForm, &Visit),
    ) -> Result<ClientId, Failure> {
        present.name(entry.event_mut());
        let session = present.session.id;
        self.marks.check(visit, Form::Account(session), form.optional("csrf"))?;
        let client = form.optional("client").and_then(ClientId::parse);
        let client = client.ok_or_else(|| {
            Refusal::invalid_request("Choose the app that may no longer act for you.", "client_missing")
        })?;
        match store::client::find(&self.db, &client).await? {
            Some(client) => entry.event_mut().name_client(&client),
            None => entry.event_mut().client = Some(client.to_string()),
        }
        let subject = present.person.subject;
        entry.attempt(Attempt::Withdraw { subject, client: client.clone(), session });
        Ok(client)
    }

    /// The apps by name, and whether there is more than is told of them. A clinician's app may hold thousands of
    /// grants: the newest are told, of every app its share, so that each can be ended.
    async fn apps(&self, person: &Standing, now: Timestamp) -> Result<(Vec<AppView>, bool), Fault> {
        let (kept, mut is_cut) = self.kept(person, now).await?;
        let mut kept: Vec<(ClientId, Kept)> = kept.into_iter().collect();
        kept.sort_by_key(|(_, kept)| Reverse(kept.newest()));
        is_cut |= kept.len() > MOST;
        kept.truncate(MOST);
        let share = MOST / kept.len().max(1);
        let mut titles = Titles::new();
        let mut apps = Vec::with_capacity(kept.len());
        for (client, kept) in kept {
            if let Some(mut app) = self.app(&person.subject, (client, kept), &mut titles).await? {
                is_cut |= app.extents.len() > share;
                app.extents.truncate(share);
                apps.push(app);
            }
        }
        apps.sort_by_cached_key(|app| app.name.key());
        Ok((apps, is_cut))
    }

    /// What a person has let apps do and what still stands of it, by app, and whether there may be more.
    async fn kept(
        &self,
        person: &Standing,
        now: Timestamp,
    ) -> Result<(BTreeMap<ClientId, Kept>, bool), Fault> {
        let subject = person.subject;
        let families = store::family::find_of_person(&self.db, subject, now, MOST_ROWS).await?;
        let grants: Vec<Uuid> = families.iter().map(|found| found.family.grant).collect();
        let uses = store::family::find_last_uses(&self.db, subject, &grants).await?;
        let agreed = store::consent::find_of_person(&self.db, subject, person.not_before, MOST_ROWS).await?;
        let is_full = |rows: usize| i64::try_from(rows).is_ok_and(|rows| rows >= MOST_ROWS);
        let is_cut = is_full(families.len()) || is_full(agreed.len());
        let mut kept: BTreeMap<ClientId, Kept> = BTreeMap::new();
        for found in families {
            if found.family.stands(&found.surroundings(self.lives.idle, now), now).is_err() {
                continue;
            }
            let family = found.family;
            let used_at = uses.get(&family.grant).copied().unwrap_or(family.created_at);
            kept.entry(family.delegation.client.clone()).or_default().held.push(Held { family, used_at });
        }
        for consent in agreed {
            kept.entry(consent.client.clone()).or_default().agreed.push(consent);
        }
        Ok((kept, is_cut))
    }

    /// One app, if there is anything that it may do or could do again.
    async fn app(
        &self,
        person: &Uuid,
        (id, mut kept): (ClientId, Kept),
        titles: &mut Titles,
    ) -> Result<Option<AppView>, Fault> {
        let client = store::client::find(&self.db, &id).await?;
        if let Some(client) = &client {
            if client.is_active() {
                kept.held.retain(|held| client.keeps_alive(held.family.created_at));
            }
            if !is_remembered(client) {
                kept.agreed.clear();
            }
        }
        let mut extents = Vec::new();
        for extent in access::extents(&kept.held, &kept.agreed) {
            let resource = self.title(&extent.audience, titles).await?;
            let patient = self.patient_of(person, &extent).await?;
            let details = self.told(&living(&self.db, &extent.audience, &extent.details).await?).await?;
            if !(extent.scope.is_empty() && details.is_empty()) {
                extents.push(ExtentView { resource, patient, details, extent });
            }
        }
        let condition = match &client {
            Some(client) if client.is_active() => Condition::Active,
            Some(_) => Condition::Stopped,
            None => Condition::Removed,
        };
        let name = AppName::of(client.as_ref());
        Ok((!extents.is_empty()).then_some(AppView { client: id, name, condition, extents }))
    }

    /// What a person calls the patient of an extent, as far as an administrator has registered it.
    async fn patient_of(&self, person: &Uuid, extent: &Extent) -> Result<Option<String>, Fault> {
        let Some(patient) = &extent.patient else { return Ok(None) };
        let found = store::relationship::find(&self.db, person, (&extent.audience, patient)).await?;
        Ok(found.map(|known| {
            let birth_date = known.birth_date.map(written);
            label(&known.name, birth_date.as_deref(), known.identifier.as_ref().unwrap_or(patient))
        }))
    }

    /// What people call a FHIR server, which is asked for once; this server itself is not told as one.
    async fn title(&self, audience: &str, known: &mut Titles) -> Result<Option<String>, Fault> {
        if audience == self.own.userinfo.url {
            return Ok(None);
        }
        if let Some(title) = known.get(audience) {
            return Ok(title.clone());
        }
        let found = store::resource::find_by_url(&self.db, audience).await?;
        let title = Some(found.map_or_else(|| audience.to_owned(), |resource| resource.metadata.title));
        known.insert(audience.to_owned(), title.clone());
        Ok(title)
    }

    /// The name of an app that can no longer act for a person who had let it.
    async fn ended(&self, person: &Standing, client: &ClientId) -> Result<Option<AppName>, Fault> {
        if !store::consent::was_withdrawn(&self.db, person.subject, client).await? {
            return Ok(None);
        }
        Ok(Some(AppName::of(store::client::find(&self.db, client).await?.as_ref())))
    }
}

impl AppName {
    fn of(client: Option<&Client>) -> Self {
        client.map_or(Self::Gone, |client| Self::Registered {
            name: client.metadata.client_name.clone(),
            organization: client.metadata.organization.clone(),
        })
    }

    /// By what apps are put in order.
    fn key(&self) -> (bool, String) {
        match self {
            Self::Registered { name, .. } => (false, name.to_lowercase()),
            Self::Gone => (true, String::new()),
        }
    }
}

/// Whether a former decision may spare a person the question, wherever the app receives its answers: not for one
/// that anybody could pass himself off as (RFC 8252, 8.6).
fn is_remembered(client: &Client) -> bool {
    let uris = &client.metadata.redirect_uris;
    let is_claimed =
        |uri: &str| redirect_uri::matched(uris, uri).is_some_and(|callback| callback.is_claimed());
    client.metadata.token_endpoint_auth_method != "none" || uris.iter().any(|uri| is_claimed(uri.as_str()))
}
