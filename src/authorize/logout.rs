//! Signing out, here or everywhere, as the person wishes or an app asks (OpenID Connect RP-Initiated Logout 1.0).
//! A link that does not show an id token of the very session ends nothing, and the browser is sent to nothing but a
//! registered address.

use crate::ledger::{Attempt, Entry};
use crate::model::client::Client;
use crate::model::person::Person;
use crate::model::session::{Session, sid};
use crate::model::standing::Standing;
use crate::moment::Timestamp;
use crate::protocol::authorization_request::LONGEST_STATE;
use crate::protocol::error::{Failure, Fault, Refusal};
use crate::protocol::ids::ClientId;
use crate::protocol::logout_request::LogoutRequest;
use crate::protocol::params::PageForm;
use crate::protocol::redirect_uri::{self, Callback};
use crate::store;
use crate::tokens::id_token::{self, Hint};

use super::AuthorizationFlow;
use super::browser::{Cookie, CookieKind, Form, Visit};
use super::case::Present;

/// What comes of a wish to sign out.
#[derive(Debug)]
pub enum LogoutAnswer {
    /// The question whether to.
    Question(Box<Question>),
    /// Nobody is signed in, or not any more.
    SignedOut {
        /// Where the person may go on.
        back: Option<Back>,
        /// The cookies that the browser gets.
        cookies: Vec<Cookie>,
    },
    /// Nobody is signed in, or not any more, and the browser goes back to the app.
    Leave {
        /// Where to.
        to: String,
        /// The cookies that the browser gets.
        cookies: Vec<Cookie>,
    },
}

/// The question whether to sign out.
#[derive(Debug)]
pub struct Question {
    /// Who is signed in.
    pub person: String,
    /// The app that asks, by name.
    pub app: Option<String>,
    /// What it asked, which the form repeats.
    pub request: LogoutRequest,
    /// The origin that the browser may be sent to afterwards.
    pub origin: String,
    /// The token of the form.
    pub csrf: String,
    /// The cookies that the browser gets.
    pub cookies: Vec<Cookie>,
}

/// Where a person may go on.
#[derive(Debug)]
pub struct Back {
    /// The app, by name.
    pub app: String,
    /// Its address.
    pub to: String,
}

/// A request of an app, as far as it is good.
#[derive(Default)]
struct Judged {
    hint: Option<Hint>,
    client: Option<Client>,
    target: Option<Target>,
}

/// A registered address and what is added to it.
struct Target {
    callback: Callback,
    state: Option<String>,
}

impl AuthorizationFlow {
    /// What comes of a request, the person's own or an app's. With an id token of the very session that this browser
    /// is in, it is ended at once; everybody else is asked.
    pub async fn logout(&self, request: LogoutRequest, visit: &Visit) -> Result<LogoutAnswer, Failure> {
        let mut entry = self.entry("sign_out", &visit.origin)?;
        let judged = match self.judge(&request, entry.now()).await {
            Ok(judged) => judged,
            Err(failure) => return Err(self.refuse(entry, failure).await),
        };
        let Some((session, person)) = self.last_signed_in(visit).await? else {
            return Ok(judged.nobody(Vec::new()));
        };
        let is_live = session.is_live(&Standing::from(&person), self.lives.idle, entry.now());
        let present = Present { session, person };
        // One that was left alone is ended too: the apps that had tokens in it are told.
        if present.session.ended_at.is_none() && self.is_shown(&judged, &present.session).await? {
            present.name(entry.event_mut());
            if let Some(client) = &judged.client {
                entry.event_mut().name_client(client);
            }
            entry.attempt(Attempt::EndSession { session: present.session.id, everywhere: None });
            return self.ledger.settle(entry, Ok(judged.nobody(vec![forget()]))).await;
        }
        if is_live {
            self.logout_question((request, judged), present, visit)
        } else {
            Ok(judged.nobody(Vec::new()))
        }
    }

    fn logout_question(
        &self,
        (request, judged): (LogoutRequest, Judged),
        Present { session, person }: Present,
        visit: &Visit,
    ) -> Result<LogoutAnswer, Failure> {
        let (browser, cookies) = self.browser_of(visit)?;
        Ok(LogoutAnswer::Question(Box::new(Question {
            person: label(&person),
            request: if judged.client.is_some() { request } else { LogoutRequest::default() },
            app: judged.client.map(|client| client.metadata.client_name),
            origin: judged.target.map(|target| target.callback.origin()).unwrap_or_default(),
            csrf: self.marks.csrf(Form::Logout(session.id), &browser),
            cookies,
        })))
    }

    /// Signs out, as the person has answered the question; what the app asked for is judged once more.
    pub async fn sign_out(&self, form: &PageForm, visit: &Visit) -> Result<LogoutAnswer, Failure> {
        let mut entry = self.entry("sign_out", &visit.origin)?;
        let request = LogoutRequest::read(|name| form.optional(name));
        let judged = match self.judge(&request, entry.now()).await {
            Ok(judged) => judged,
            // Whoever wants to sign out does, whatever has become of the app's wish meanwhile.
            Err(Failure::Refusal(_)) => Judged::default(),
            Err(Failure::Fault(fault)) => return Err(fault.into()),
        };
        let Some(present) = self.present(visit, entry.now()).await? else {
            return Ok(judged.nobody(vec![forget()]));
        };
        let ended = self.end(&mut entry, &present, (form, visit));
        // The person has agreed, and so to being sent back (RP-Initiated Logout, 2).
        let outcome = ended.map(|()| judged.agreed(vec![forget()])).map_err(Failure::from);
        self.ledger.settle(entry, outcome).await
    }

    fn end(
        &self,
        entry: &mut Entry,
        present: &Present,
        (form, visit): (&PageForm, &Visit),
    ) -> Result<(), Refusal> {
        present.name(entry.event_mut());
        let session = present.session.id;
        self.marks.check(visit, Form::Logout(session), form.optional("csrf"))?;
        let everywhere = match form.optional("scope_of") {
            Some("here") => None,
            Some("everywhere") => Some(present.person.subject),
            Some(_) | None => {
                let told = "Choose whether to sign out here or everywhere.";
                return Err(Refusal::invalid_request(told, "extent_unknown"));
            }
        };
        entry.event_mut().detail = everywhere.map(|_| "every session of the person".to_owned());
        entry.attempt(Attempt::EndSession { session, everywhere });
        Ok(())
    }

    /// Judges what an app asks for: its id token must be one of this server, and the address registered for it,
    /// character by character.
    async fn judge(&self, request: &LogoutRequest, now: Timestamp) -> Result<Judged, Failure> {
        // It goes back in an address, which is a header (OpenID Connect RP-Initiated Logout 1.0, 3).
        if request.state.as_ref().is_some_and(|state| state.len() > LONGEST_STATE) {
            return Err(Refusal::invalid_request("state is too long", "state_too_long").into());
        }
        let hint = match &request.id_token_hint {
            Some(text) => Some(self.hint(text, now).await?),
            None => None,
        };
        let named = named(hint.as_ref(), request.client_id.as_deref())?;
        let client = match &named {
            Some(id) => store::client::find(&self.db, id).await?.filter(Client::is_active),
            None => None,
        };
        if hint.is_none() && named.is_some() && client.is_none() {
            return Err(refusal("client_unknown").into());
        }
        let target = match &request.post_logout_redirect_uri {
            // Nobody says whose address it is: it is passed over.
            Some(_) if named.is_none() => None,
            Some(asked) => Some(target(client.as_ref(), asked, request.state.clone())?),
            None => None,
        };
        Ok(Judged { hint, client, target })
    }

    async fn hint(&self, text: &str, now: Timestamp) -> Result<Hint, Failure> {
        let found = id_token::hint(&self.signing, &self.issuer, text, now).await?;
        found.ok_or_else(|| refusal("id_token_hint_not_ours").into())
    }

    /// Whether the app has shown an id token of this very session, or of one that it continues.
    async fn is_shown(&self, judged: &Judged, session: &Session) -> Result<bool, Fault> {
        let Some(Hint { client, sid: Some(shown) }) = &judged.hint else { return Ok(false) };
        if sid(session.id, client) == *shown {
            return Ok(true);
        }
        let continued = store::session::find_continued(&self.db, session.id).await?;
        Ok(continued.iter().any(|before| sid(*before, client) == *shown))
    }
}

impl Judged {
    /// Nobody is signed in, and nobody was asked: an approved app that has shown an id token is given the browser
    /// back, others offer a link. Anybody may register an app and get an id token of their own, and send others here
    /// with it: nobody is led to an address that nobody has looked at.
    fn nobody(self, cookies: Vec<Cookie>) -> LogoutAnswer {
        let is_approved = self.client.as_ref().is_some_and(|client| client.provenance.is_approved());
        if self.hint.is_some() && is_approved {
            return self.agreed(cookies);
        }
        let back = self.client.zip(self.target);
        let back =
            back.map(|(client, target)| Back { app: client.metadata.client_name, to: target.address() });
        LogoutAnswer::SignedOut { back, cookies }
    }

    /// The person is signed out, and nothing is in doubt.
    fn agreed(self, cookies: Vec<Cookie>) -> LogoutAnswer {
        match self.target {
            Some(target) => LogoutAnswer::Leave { to: target.address(), cookies },
            None => LogoutAnswer::SignedOut { back: None, cookies },
        }
    }
}

impl Target {
    fn address(&self) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        self.callback.with(state.as_slice())
    }
}

/// The client that a request names, by its id token or itself; never two (RP-Initiated Logout, 2).
fn named(hint: Option<&Hint>, asked: Option<&str>) -> Result<Option<ClientId>, Refusal> {
    match (hint, asked) {
        (Some(hint), Some(asked)) if hint.client.as_str() != asked => Err(refusal("client_id_differs")),
        (Some(hint), _) => Ok(Some(hint.client.clone())),
        (None, Some(asked)) => ClientId::parse(asked).map(Some).ok_or_else(|| refusal("client_unknown")),
        (None, None) => Ok(None),
    }
}

/// Not even the port of a loopback address may differ (RP-Initiated Logout, 3.1).
fn target(client: Option<&Client>, asked: &str, state: Option<String>) -> Result<Target, Refusal> {
    let not_registered = || refusal("post_logout_redirect_uri_not_registered");
    let registered = &client.ok_or_else(not_registered)?.metadata.post_logout_redirect_uris;
    let is_exact = registered.iter().any(|known| known.as_str() == asked);
    let callback =
        redirect_uri::matched(registered, asked).filter(|_| is_exact).ok_or_else(not_registered)?;
    Ok(Target { callback, state })
}

const fn refusal(reason: &'static str) -> Refusal {
    let told = "The app that sent you here has made a mistake in asking to sign you out. Nothing was done.";
    Refusal::invalid_request(told, reason)
}

fn label(person: &Person) -> String {
    person.label().to_owned()
}

const fn forget() -> Cookie {
    Cookie { kind: CookieKind::Session, value: None }
}
