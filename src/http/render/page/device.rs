//! The pages on which people connect a device: the form for its code, and the word that it was answered.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use askama::Template;

use super::{Frame, form_action, page, stylesheet_path, tame, wait};

/// The form for the code of a device.
#[derive(Template)]
#[template(path = "device.html")]
pub struct UserCode {
    /// What stands on every page.
    pub frame: Frame,
    /// Proof that the form came from here.
    pub csrf: String,
    /// The code to begin with, or nothing.
    pub code: String,
    /// Why the form is shown once more.
    pub notice: Option<Notice>,
}

/// Why the form is shown once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// No device waits that shows this code.
    Unknown,
    /// There were too many that are not known.
    Wait {
        /// How long until the next one is taken.
        seconds: i64,
    },
}

/// The word that a device was answered.
#[derive(Template)]
#[template(path = "device_answered.html")]
pub struct Answered {
    /// What stands on every page.
    pub frame: Frame,
    /// The name of the app on the device.
    pub client_name: String,
    /// Whether it has access now.
    pub is_allowed: bool,
}

impl UserCode {
    /// The page.
    #[must_use]
    pub fn answer(&self, status: StatusCode) -> HttpResponse {
        page(self, status, &form_action(""))
    }

    /// What the field says of itself.
    const fn marks(&self) -> &'static str {
        if self.notice.is_some() {
            r#" aria-invalid="true" aria-describedby="notice hint""#
        } else {
            r#" aria-describedby="hint""#
        }
    }

    /// Whether a link has brought the code along.
    fn is_brought(&self) -> bool {
        self.notice.is_none() && !self.code.is_empty()
    }
}

impl Answered {
    /// The page.
    #[must_use]
    pub fn answer(&self, status: StatusCode) -> HttpResponse {
        page(self, status, "'none'")
    }
}
