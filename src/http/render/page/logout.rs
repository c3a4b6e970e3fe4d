//! The pages of signing out.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::{Frame, form_action, page, stylesheet_path, tame};

/// The question whether to sign out.
#[derive(Template)]
#[template(path = "logout.html")]
pub struct SignOut {
    /// What stands on every page.
    pub frame: Frame,
    /// Who is signed in.
    pub person: String,
    /// The app that asks, by name.
    pub app: Option<String>,
    /// Proof that the form came from here.
    pub csrf: String,
    /// What the app asked, which the form repeats.
    pub fields: Vec<(&'static str, String)>,
}

/// The step between the form of an app and the question: the browser sends its cookies with the next form.
#[derive(Template)]
#[template(path = "logout_onward.html")]
pub struct Onward {
    /// What stands on every page.
    pub frame: Frame,
    /// What the app asked, which the form repeats.
    pub fields: Vec<(&'static str, String)>,
}

/// The word that the session is over.
#[derive(Template)]
#[template(path = "signed_out.html")]
pub struct SignedOut {
    /// What stands on every page.
    pub frame: Frame,
    /// Where the person may go on.
    pub back: Option<Back>,
}

/// Where a person may go on.
#[derive(Clone, Debug)]
pub struct Back {
    /// The app, by name.
    pub app: String,
    /// Its address.
    pub to: String,
}

/// The word that an app has asked wrongly.
#[derive(Template)]
#[template(path = "logout_refused.html")]
pub struct NotSignedOut {
    /// What stands on every page.
    pub frame: Frame,
    /// What happened.
    pub says: &'static str,
}

impl SignOut {
    /// The page. `form_targets` is where the browser may be sent after it.
    #[must_use]
    pub fn answer(&self, status: StatusCode, form_targets: &str) -> HttpResponse {
        page(self, status, &form_action(form_targets))
    }
}

impl Onward {
    /// The page. Whoever has shown the right id token is sent on at once, to where this server does not know yet.
    #[must_use]
    pub fn answer(&self, status: StatusCode) -> HttpResponse {
        page(self, status, &form_action("https: http:"))
    }
}

impl SignedOut {
    /// The page.
    #[must_use]
    pub fn answer(&self, status: StatusCode) -> HttpResponse {
        page(self, status, "'none'")
    }
}

impl NotSignedOut {
    /// The page.
    #[must_use]
    pub fn answer(&self, status: StatusCode) -> HttpResponse {
        page(self, status, "'none'")
    }
}
