//! A browser within the test's own process, where the clock can be set.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use hilum::authorize::answer::Answer;
use hilum::authorize::browser::{CookieKind, Sender, Visit, digest};
use hilum::authorize::login::{LoginView, NotSignedIn, Notice};
use hilum::authorize::{GoOn, Trouble, Turn};
use hilum::http::state::State;
use hilum::model::audit_event::Origin;
use hilum::protocol::params::{PageForm, parse_page, parse_tolerant};
use hilum::protocol::secret::Secret;
use uuid::Uuid;

use crate::harness::App;

/// A browser that speaks to the parts of a server.
pub struct InProcess<'a> {
    /// The server.
    pub state: &'a State,
    /// Its cookies, as the server sees them.
    pub visit: Visit,
}

impl<'a> InProcess<'a> {
    /// A new browser.
    pub fn new(state: &'a State) -> Self {
        let origin = Origin {
            peer: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            certificate: None,
            request: Uuid::nil(),
            process: Arc::from("in process"),
        };
        let visit = Visit { browser: None, session: None, device: None, sender: Sender::Own, origin };
        Self { state, visit }
    }

    fn keep(&mut self, go_on: &GoOn) {
        for cookie in &go_on.cookies {
            let value = cookie.value.as_ref().expect("a value").expose();
            match cookie.kind {
                CookieKind::Browser => self.visit.browser = digest(value),
                CookieKind::Session => self.visit.session = digest(value),
                CookieKind::Device => self.visit.device = Some(Secret::new(value.to_owned())),
            }
        }
    }

    /// Begins an authorization request.
    pub async fn begin(&mut self, app: &App, change: &[(&str, &str)]) -> Result<Uuid, Trouble> {
        let address = app.authorize_with("openid", change);
        let query = address.split_once('?').expect("a query").1;
        let go_on = self.state.authorization.begin(parse_tolerant(query.as_bytes()), &self.visit).await?;
        self.keep(&go_on);
        Ok(go_on.interaction.expect("an interaction"))
    }

    /// Whether somebody is signed in.
    pub async fn is_signed_in(&mut self, app: &App) -> bool {
        match self.begin(app, &[("prompt", "none")]).await {
            Ok(_) => true,
            Err(Trouble::Client(address, failure)) => {
                let told = self.state.authorization.refused(&address, &failure).await.expect("an answer");
                let Answer::Redirect(to) = told else { panic!("{failure:?}") };
                assert!(to.contains("error=login_required"), "{failure:?}");
                false
            }
            Err(trouble) => panic!("{trouble:?}"),
        }
    }

    /// Whether the person's own page is shown.
    pub async fn sees_account(&self) -> bool {
        match self.state.authorization.account_view(None, &self.visit).await {
            Ok(Turn::Page(_)) => true,
            Ok(Turn::GoOn(_)) => false,
            Err(failure) => panic!("{failure:?}"),
        }
    }

    /// The sign-in form.
    pub async fn form(&self, interaction: Uuid) -> LoginView {
        match self.state.authorization.login_view(&interaction.to_string(), &self.visit).await {
            Ok(Turn::Page(view)) => view,
            other => panic!("no form: {other:?}"),
        }
    }

    /// Sends the sign-in form.
    pub async fn sign_in(&mut self, view: &LoginView, username: &str, password: &str) -> Result<(), Notice> {
        let form = filled(view, username, password);
        match self.state.authorization.sign_in(&form, &self.visit).await {
            Ok(go_on) => {
                self.keep(&go_on);
                Ok(())
            }
            Err(NotSignedIn::Again(view, _)) => Err(view.notice.expect("a notice")),
            Err(NotSignedIn::Page(failure)) => panic!("{failure:?}"),
        }
    }
}

fn filled(view: &LoginView, username: &str, password: &str) -> PageForm {
    let interaction = view.app.as_ref().expect("an app").interaction.to_string();
    let fields = [
        ("csrf", view.csrf.as_str()),
        ("interaction", &interaction),
        ("username", username),
        ("password", password),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    parse_page(body.as_bytes()).expect("a form")
}
