//! The page on which people see which apps may act for them.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;
use time::format_description::well_known::Rfc3339;

use crate::moment::Timestamp;

use super::{DetailLine, Frame, ScopeLine, form_action, page, stylesheet_path, tame};

/// What an app is called whose registration is gone.
pub const NAMELESS: &str = "An app that was removed";

/// Which apps may act for a person.
#[derive(Template)]
#[template(path = "account.html")]
pub struct Account {
    /// What stands on every page.
    pub frame: Frame,
    /// Who is signed in, by the name to call them, or by their username.
    pub person: String,
    /// Who is signed in, by the name they sign in with.
    pub username: String,
    /// The apps.
    pub apps: Vec<App>,
    /// Whether there is more than stands here.
    pub is_cut: bool,
    /// The app that was ended a moment ago.
    pub ended: Option<String>,
    /// Proof that a form that ends an app came from here.
    pub csrf: String,
    /// Proof that the form that signs out came from here.
    pub csrf_of_logout: String,
}

/// An app that may act for a person.
#[derive(Clone, Debug)]
pub struct App {
    /// Its identifier.
    pub client: String,
    /// The name it was registered under.
    pub name: String,
    /// The organization that vouches for it, as long as it is registered.
    pub organization: Option<String>,
    /// Whether it may do anything at all.
    pub condition: Condition,
    /// What it may do, at each place.
    pub extents: Vec<Extent>,
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
#[derive(Clone, Debug)]
pub struct Extent {
    /// The FHIR server, by its title.
    pub resource: Option<String>,
    /// The patient, by the id.
    pub patient: Option<String>,
    /// What the person calls the patient, as far as it is known.
    pub known_as: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// When it was used last.
    pub used_at: Option<Timestamp>,
    /// How long the app may go on.
    pub lasting: Lasting,
    /// What it may do, in plain words.
    pub scopes: Vec<ScopeLine>,
    /// What of the person it is told beside that.
    pub claims: Vec<&'static str>,
    /// What else it may do (RFC 9396).
    pub details: Vec<DetailLine>,
}

/// How long an app may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// It has nothing now, but need not ask to begin again.
    Remembered,
    /// For some minutes.
    Short,
    /// As long as the person is signed in.
    WhileHere,
    /// Until somebody ends it.
    WhileAway,
}

impl Account {
    /// The page.
    #[must_use]
    pub fn answer(&self, status: StatusCode) -> HttpResponse {
        page(self, status, &form_action(""))
    }
}

impl Lasting {
    const fn says(self) -> &'static str {
        match self {
            Self::Remembered => "No. It has no access now, but you will not be asked again when you open it",
            Self::Short => "No. Its access ends by itself within minutes",
            Self::WhileHere => "No. It may go on only while you stay signed in here",
            Self::WhileAway => "Yes, until you end it here or it is not used for a long time",
        }
    }
}

/// A day as people read it.
fn day(at: &Timestamp) -> String {
    format!("{} {} {}", at.day(), at.month(), at.year())
}

/// A minute as people read it.
fn minute(at: &Timestamp) -> String {
    format!("{}, {:02}:{:02} UTC", day(at), at.hour(), at.minute())
}

/// A time as programs read it, in whole seconds.
fn machine(at: &Timestamp) -> String {
    at.replace_nanosecond(0).unwrap_or(*at).format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests;
