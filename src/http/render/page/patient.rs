//! The pages on which people choose a patient and an encounter.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::{Frame, form_action, page, page_with, script_path, stylesheet_path, tame};

/// What can be chosen.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The value in the form.
    pub value: String,
    /// What it is called.
    pub title: String,
    /// What tells it from others of that name.
    pub details: Vec<String>,
}

/// The question whose record is to be opened.
#[derive(Template)]
#[template(path = "patient.html")]
pub struct Patients {
    /// What stands on every page.
    pub frame: Frame,
    /// The app that asks, by the name it was registered under.
    pub client_name: String,
    /// The organization that vouches for the app.
    pub organization: String,
    /// Who is asked, by the name to call them.
    pub person: String,
    /// The FHIR server, by its title.
    pub resource: String,
    /// Whether there is a field to search in.
    pub is_searched: bool,
    /// What was searched.
    pub words: String,
    /// Who was found.
    pub choices: Vec<Choice>,
    /// Whether there are more.
    pub is_cut: bool,
    /// The interaction that goes on after this.
    pub interaction: String,
    /// Proof that the form came from here.
    pub csrf: String,
}

/// The question which visit an app is to be opened for.
#[derive(Template)]
#[template(path = "encounter.html")]
pub struct Encounters {
    /// What stands on every page.
    pub frame: Frame,
    /// The app that asks, by the name it was registered under.
    pub client_name: String,
    /// The organization that vouches for the app.
    pub organization: String,
    /// Whose visits they are.
    pub patient: String,
    /// The visits.
    pub choices: Vec<Choice>,
    /// The interaction that goes on after this.
    pub interaction: String,
    /// Proof that the form came from here.
    pub csrf: String,
}

impl Patients {
    /// The page, on which alone a script runs, and may ask this server. `form_targets` is the origin of the app's
    /// callback.
    #[must_use]
    pub fn answer(&self, status: StatusCode, form_targets: &str) -> HttpResponse {
        let more = if self.is_searched { " script-src 'self'; connect-src 'self';" } else { "" };
        page_with(self, status, &form_action(form_targets), more)
    }

    fn status(&self) -> String {
        match (self.choices.len(), self.is_cut) {
            (0, true) => "Type a name, a birth date or a record number.".to_owned(),
            (0, _) => "Nobody was found whose record you may open.".to_owned(),
            (shown, true) => format!("The first {shown} are shown. Type more to find others."),
            (1, false) => "1 patient".to_owned(),
            (shown, false) => format!("{shown} patients"),
        }
    }
}

impl Encounters {
    /// The page. `form_targets` is the origin of the app's callback.
    #[must_use]
    pub fn answer(&self, status: StatusCode, form_targets: &str) -> HttpResponse {
        page(self, status, &form_action(form_targets))
    }
}
