//! Signing in with username and password. Whatever is wrong, the answer is the same (ASVS 6.3.8).

use uuid::Uuid;

use crate::ledger::{Attempt, Entry, SigningIn};
use crate::model::attempts::{self, Attempts};
use crate::model::interaction::{Circumstances, Step};
use crate::model::person::{Person, Username};
use crate::model::session::Session;
use crate::moment::Timestamp;
use crate::platform::passwords as hashing;
use crate::protocol::error::{Doing, ErrorCode, Failure, Fault, Reason, Refusal};
use crate::protocol::params::PageForm;
use crate::protocol::secret::Secret;
use crate::store;

use super::browser::{self, Cookie, CookieKind, Form, Visit};
use super::case::{Case, name_person};
use super::{AuthorizationFlow, GoOn, Place, Trouble, Turn, throttle};

/// The most bytes of a password that are looked at.
const LONGEST: usize = 1024;
/// The word by which links and forms say that somebody signs in for their own page.
pub const FOR_ACCOUNT: &str = "account";
/// How the person proved who they are (RFC 8176).
const PASSWORD: &str = "pwd";

/// The sign-in form.
#[derive(Debug)]
pub struct LoginView {
    /// The app that asks; without one it is for the person's own page.
    pub app: Option<AskingApp>,
    /// The token of the form.
    pub csrf: String,
    /// The username to begin with.
    pub username: String,
    /// Why it is shown once more.
    pub notice: Option<Notice>,
    /// The cookies that the browser gets.
    pub cookies: Vec<Cookie>,
}

/// The app for which somebody signs in.
#[derive(Debug)]
pub struct AskingApp {
    /// Its name.
    pub name: String,
    /// The organization that answers for it.
    pub organization: String,
    /// The interaction.
    pub interaction: Uuid,
    /// What the form may lead to besides this server.
    pub target: String,
}

/// Why the sign-in form is shown once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Username or password is wrong.
    Wrong,
    /// There were too many attempts.
    Wait {
        /// How long until the next one is taken.
        seconds: i64,
    },
    /// Whoever is signed in must show again that it is them.
    Again,
}

/// Why somebody is not signed in.
#[derive(Debug)]
pub enum NotSignedIn {
    /// The form is shown once more.
    Again(Box<LoginView>, Refusal),
    /// It is told on a page.
    Page(Failure),
}

impl From<Failure> for NotSignedIn {
    fn from(failure: Failure) -> Self {
        Self::Page(failure)
    }
}

impl From<Fault> for NotSignedIn {
    fn from(fault: Fault) -> Self {
        Self::Page(fault.into())
    }
}

/// What somebody signs in for.
enum Errand {
    /// What an app asks.
    App(Box<Case>),
    /// Their own page, in this browser.
    Account([u8; 32]),
}

/// Everything about one attempt.
struct Try {
    errand: Errand,
    username: String,
    password: Secret,
    counts: Vec<Attempts>,
}

impl AuthorizationFlow {
    /// The sign-in form, where it comes next.
    pub async fn login_view(&self, id: &str, visit: &Visit) -> Result<Turn<LoginView>, Trouble> {
        let mut entry = self.entry("sign_in", &visit.origin).map_err(|fault| Trouble::Page(fault.into()))?;
        let case = match self.case(&mut entry, id, visit).await {
            Ok(case) => case,
            Err(failure) => return Err(Trouble::Page(self.refuse(entry, failure).await)),
        };
        let session = case.present.as_ref().map(|present| present.session.id);
        let step = case.interaction.next(&Circumstances { session, ..Circumstances::default() });
        if step != Step::Login || case.interaction.request.prompts.is_none() {
            return Ok(Turn::GoOn(GoOn::to(Place::Dispatcher, case.interaction.id)));
        }
        let hint = case.interaction.request.login_hint.clone();
        let known = case.present.as_ref().map(|present| present.person.username.to_string());
        let notice = known.is_some().then_some(Notice::Again);
        let errand = Errand::App(Box::new(case));
        Ok(Turn::Page(self.view(&errand, hint.or(known).unwrap_or_default(), notice)))
    }

    /// The sign-in form for the person's own page, unless somebody is signed in.
    pub async fn login_view_for_account(&self, visit: &Visit) -> Result<Turn<LoginView>, Failure> {
        if self.present(visit, self.clock.now()).await?.is_some() {
            return Ok(Turn::GoOn(GoOn::alone(Place::Account)));
        }
        let (browser, cookies) = self.browser_of(visit)?;
        let view = self.view(&Errand::Account(browser), String::new(), None);
        Ok(Turn::Page(LoginView { cookies, ..view }))
    }

    /// Signs somebody in. An attempt is counted before the password is looked at.
    pub async fn sign_in(&self, form: &PageForm, visit: &Visit) -> Result<GoOn, NotSignedIn> {
        let mut entry = self.entry("sign_in", &visit.origin)?;
        let attempt = match self.read(&mut entry, form, visit).await {
            Ok(attempt) => attempt,
            Err(failure) => return Err(self.refuse(entry, failure).await.into()),
        };
        let place = match self.let_try(entry, &attempt).await {
            Ok(place) => place,
            Err(failure) => return Err(self.again(&attempt, failure).await),
        };
        let mut entry = self.entry("sign_in", &visit.origin)?;
        if let Errand::App(case) = &attempt.errand {
            entry.event_mut().name_client(&case.client);
        }
        let outcome = match self.identify(&mut entry, &attempt, place).await {
            Ok(person) => self.begin_session(&mut entry, (&attempt, &person), visit).await,
            Err(failure) => Err(failure),
        };
        match self.ledger.settle(entry, outcome).await {
            Ok(go_on) => Ok(go_on),
            Err(failure) => Err(self.again(&attempt, failure).await),
        }
    }

    /// Reads the form. What was not sent from its own page is not looked at any further.
    async fn read(&self, entry: &mut Entry, form: &PageForm, visit: &Visit) -> Result<Try, Failure> {
        let errand = self.errand(entry, form, visit).await?;
        let missing = || Refusal::invalid_request("Give both username and password.", "credentials_missing");
        let username = form.optional("username").ok_or_else(missing)?;
        let password = form.optional("password").ok_or_else(missing)?;
        if username.len() > LONGEST || password.len() > LONGEST {
            let told = "Username and password have at most 1024 bytes.";
            return Err(Refusal::invalid_request(told, "credentials_too_long").into());
        }
        let person = self.find_person(username).await?;
        if let Some(person) = &person {
            name_person(entry.event_mut(), person);
        }
        let who = person.as_ref().map_or_else(|| throttle::nobody(username), throttle::owner);
        let device = visit.device.as_ref().filter(|_| person.is_some());
        let device = device.and_then(|device| self.marks.knows(device.expose(), &who));
        let counts = throttle::counts(&who, device, visit.origin.network());
        let password = Secret::new(password.to_owned());
        Ok(Try { errand, username: username.to_owned(), password, counts })
    }

    /// What the form was shown for. There is no other way on from it than these two.
    async fn errand(&self, entry: &mut Entry, form: &PageForm, visit: &Visit) -> Result<Errand, Failure> {
        let csrf = form.optional("csrf");
        match form.optional("to") {
            Some(FOR_ACCOUNT) => Ok(Errand::Account(self.marks.check(visit, Form::LoginForAccount, csrf)?)),
            Some(_) => Err(browser::forged("form_without_purpose").into()),
            None => {
                let text = form.optional("interaction").unwrap_or_default();
                let id: Uuid = text.parse().map_err(|_| browser::forged("form_without_interaction"))?;
                self.marks.check(visit, Form::Login(id), csrf)?;
                let case = self.case(entry, text, visit).await?;
                // Whoever was signed in before is not who tries now.
                entry.event_mut().person = None;
                entry.event_mut().person_organization = None;
                Ok(Errand::App(Box::new(case)))
            }
        }
    }

    /// Counts the attempt, if there may be one now. A flood is turned away by a plain read, and whoever finds no
    /// place to hash in has not failed.
    async fn let_try(&self, mut entry: Entry, attempt: &Try) -> Result<hashing::Place, Failure> {
        let outcome = match self.held_until(attempt, entry.now()).await {
            Ok(Some(until)) => Err(attempts::too_soon(until).into()),
            Ok(None) => self.passwords.enter().map_err(Failure::from),
            Err(fault) => Err(fault.into()),
        };
        if outcome.is_ok() {
            entry.attempt(Attempt::ReserveSignIn(attempt.counts.clone()));
        }
        self.ledger.settle(entry, outcome).await
    }

    async fn held_until(&self, attempt: &Try, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
        let mut counts = attempt.counts.clone();
        store::attempts::find(&self.db, &mut counts).await?;
        Ok(throttle::held_until(&counts, now))
    }

    /// Finds out who it is. It takes as long, and says the same, when there is nobody of that name.
    async fn identify(
        &self,
        entry: &mut Entry,
        attempt: &Try,
        place: hashing::Place,
    ) -> Result<Person, Failure> {
        let person = self.find_person(&attempt.username).await?;
        if let Some(person) = &person {
            name_person(entry.event_mut(), person);
        }
        let stored = person.as_ref().map(|person| person.password_hash.expose().to_owned());
        let password = Secret::new(attempt.password.expose().to_owned());
        let is_right = self.passwords.verify(place, password, stored).await?;
        let Some(person) = person else { return Err(wrong("unknown_username").into()) };
        if !is_right {
            return Err(wrong("wrong_password").into());
        }
        if !person.is_active() {
            return Err(wrong("person_disabled").into());
        }
        if person.sealed_totp.is_some() {
            // This release cannot ask for it, and a password alone is not enough for this person.
            return Err(wrong("second_factor_not_available").into());
        }
        Ok(person)
    }

    async fn find_person(&self, username: &str) -> Result<Option<Person>, Fault> {
        match Username::parse(username) {
            Some(username) => store::person::find_by_username(&self.db, &username).await,
            None => Ok(None),
        }
    }

    /// Begins a session under a new cookie; the one that this browser had ends (ASVS 7.2.4).
    async fn begin_session(
        &self,
        entry: &mut Entry,
        (attempt, person): (&Try, &Person),
        visit: &Visit,
    ) -> Result<GoOn, Failure> {
        let now = entry.now();
        // A person who has just been reset begins anew with the next whole second.
        let begins = now.max(person.not_before);
        let (cookie, digest) =
            browser::fresh(CookieKind::Session, &self.entropy).doing("beginning a session")?;
        let device = self.marks.device(&throttle::owner(person), &self.entropy).doing("marking a device")?;
        let session = Session {
            id: self.id(now)?,
            subject: person.subject,
            methods: vec![PASSWORD.to_owned()],
            authenticated_at: begins,
            used_at: begins,
            ends_at: begins + self.lives.session,
            ended_at: None,
        };
        let before = self.last_signed_in(visit).await?;
        let (place, interaction) = match &attempt.errand {
            Errand::App(case) => (Place::Dispatcher, Some(case.interaction.id)),
            Errand::Account(_) => (Place::Account, None),
        };
        entry.attempt(Attempt::SignIn(Box::new(SigningIn {
            interaction,
            session,
            digest,
            replaces: before.map(|(session, _)| session.id),
            counts: attempt.counts.clone(),
            person_version: person.version,
        })));
        Ok(GoOn { place, interaction, cookies: vec![cookie, device] })
    }

    /// The form once more, where the person can do better; else a page.
    async fn again(&self, attempt: &Try, failure: Failure) -> NotSignedIn {
        let refusal = match failure {
            Failure::Refusal(refusal) => refusal,
            Failure::Fault(fault) => return fault.into(),
        };
        let notice = if refusal.code() == ErrorCode::TooManyAttempts {
            let now = self.clock.now();
            match self.held_until(attempt, now).await {
                Ok(until) => Notice::Wait { seconds: until.map_or(1, |until| whole_seconds(until - now)) },
                Err(fault) => return fault.into(),
            }
        } else if refusal.code() == ErrorCode::AccessDenied {
            Notice::Wrong
        } else {
            return NotSignedIn::Page(refusal.into());
        };
        NotSignedIn::Again(
            Box::new(self.view(&attempt.errand, attempt.username.clone(), Some(notice))),
            refusal,
        )
    }

    fn view(&self, errand: &Errand, username: String, notice: Option<Notice>) -> LoginView {
        let (app, form, browser) = match errand {
            Errand::App(case) => (Some(asking(case)), Form::Login(case.interaction.id), &case.browser),
            Errand::Account(browser) => (None, Form::LoginForAccount, browser),
        };
        LoginView { app, csrf: self.marks.csrf(form, browser), username, notice, cookies: Vec::new() }
    }
}

fn asking(case: &Case) -> AskingApp {
    AskingApp {
        name: case.client.metadata.client_name.clone(),
        organization: case.client.metadata.organization.clone(),
        interaction: case.interaction.id,
        target: case.interaction.destination.origin(),
    }
}

/// The refusal of credentials, whatever is wrong with them: one reason for all, so that a flood of one kind is
/// not counted, and answered, apart from a flood of another. The detail is for the record alone.
fn wrong(detail: &'static str) -> Refusal {
    let told = "the username or the password is not right";
    let reason = Reason::new("credentials_wrong");
    Refusal::new(ErrorCode::AccessDenied, told, reason).detail(detail.to_owned())
}

/// Whole seconds, never less than it takes.
pub(super) fn whole_seconds(wait: time::Duration) -> i64 {
    wait.whole_seconds().saturating_add(i64::from(wait.subsec_nanoseconds() > 0)).max(1)
}
