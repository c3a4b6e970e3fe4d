//! The pages that people see: signing in, choosing a patient, giving access, signing out, and what went wrong.

pub mod account;
pub mod device;
pub mod form_post;
pub mod logout;
pub mod patient;

use std::fmt::Write;
use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use askama::Template;
use uuid::Uuid;

use crate::authorize::consent::Lasting;
use crate::jose::thumbprint;

const CSS: &str = include_str!("../../../templates/hilum.css");
const SCRIPT: &str = include_str!("../../../templates/patient.js");

/// What stands on every page.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The host of the issuer, as people know it.
    pub host: String,
    /// The request, by which support finds what happened.
    pub request: Uuid,
}

/// Why the sign-in form is shown once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The username or the password is wrong; which of them is not told.
    Wrong,
    /// There were too many attempts.
    Wait {
        /// How long until the next one is taken.
        seconds: i64,
    },
    /// Whoever is signed in must show again that it is them.
    Again,
}

/// The sign-in form.
#[derive(Template)]
#[template(path = "login.html")]
pub struct SignIn {
    /// What stands on every page.
    pub frame: Frame,
    /// The app that asks; without one it is for the person's own page.
    pub app: Option<AskingApp>,
    /// Proof that the form came from here.
    pub csrf: String,
    /// The username that was given before, or nothing.
    pub username: String,
    /// Why the form is shown once more.
    pub notice: Option<Notice>,
}

/// The app for which somebody signs in.
#[derive(Clone, Debug)]
pub struct AskingApp {
    /// The name it was registered under.
    pub name: String,
    /// The organization that vouches for it.
    pub organization: String,
    /// The interaction that goes on after this.
    pub interaction: String,
}

/// One scope in plain words.
#[derive(Clone, Debug)]
pub struct ScopeLine {
    /// The scope as it was asked for.
    pub scope: String,
    /// What it is about.
    pub title: String,
    /// What it lets the app do.
    pub detail: String,
    /// What to think of before it is given.
    pub caution: Option<String>,
    /// What could be given instead of it.
    pub choices: Vec<ChoiceLine>,
}

/// What is asked for beside scopes, in plain words.
#[derive(Clone, Debug)]
pub struct DetailLine {
    /// By what the form names it.
    pub key: String,
    /// What it is.
    pub title: String,
    /// What may be done, for whom, and until when.
    pub says: String,
}

/// What could be given instead of a scope.
#[derive(Clone, Debug)]
pub struct ChoiceLine {
    /// The scope.
    pub scope: String,
    /// What it is about.
    pub title: String,
    /// What that is, where the title does not say it all.
    pub detail: Option<String>,
    /// Where it stands among the others.
    pub rank: Rank,
}

/// Where a choice stands among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// By itself.
    Whole,
    /// As a part of the last that stands by itself.
    Part,
}

/// A page of an app, to which only the person goes, and only on their own.
#[derive(Clone, Debug)]
pub struct AppLink {
    /// What stands there.
    pub title: &'static str,
    /// Where it is.
    pub uri: String,
    /// The host, which tells whose it is.
    pub host: String,
}

/// One claim about the person that is asked for by itself.
#[derive(Clone, Debug)]
pub struct ClaimLine {
    /// The claim.
    pub claim: String,
    /// What people call it.
    pub called: &'static str,
}

/// The question what an app may do.
#[derive(Template)]
#[template(path = "consent.html")]
pub struct Consent {
    /// What stands on every page.
    pub frame: Frame,
    /// The app that asks, by the name it was registered under.
    pub client_name: String,
    /// The organization that vouches for the app.
    pub organization: String,
    /// Whether an administrator has looked at the app.
    pub is_approved: bool,
    /// What the app tells of itself elsewhere.
    pub links: Vec<AppLink>,
    /// Where the answer goes: the host of the callback, or its scheme.
    pub destination: String,
    /// Who is asked, by the name to call them, or by their username.
    pub person: String,
    /// Who is asked, by the name they sign in with.
    pub username: String,
    /// The FHIR server, by its title.
    pub resource: Option<String>,
    /// The patient in context.
    pub patient: Option<String>,
    /// What is asked for, one by one.
    pub scopes: Vec<ScopeLine>,
    /// What of the person is asked for beside that.
    pub claims: Vec<ClaimLine>,
    /// What else is asked for (RFC 9396), one by one.
    pub details: Vec<DetailLine>,
    /// How long it would last.
    pub duration: Lasting,
    /// The interaction that goes on after this.
    pub interaction: String,
    /// What is in context, as the form repeats it.
    pub about: String,
    /// Proof that the form came from here.
    pub csrf: String,
    /// The code on the device that waits for the answer, where one does.
    pub device: Option<String>,
}

/// What went wrong, where no app can be told.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// What stands on every page.
    pub frame: Frame,
    /// What happened, in a few words.
    pub title: &'static str,
    /// What to do about it.
    pub says: &'static str,
}

impl SignIn {
    /// The page. `form_targets` is the origin of the app's callback.
    #[must_use]
    pub fn answer(&self, status: StatusCode, form_targets: &str) -> HttpResponse {
        page(self, status, &form_action(form_targets))
    }

    fn is_refused(&self) -> bool {
        matches!(self.notice, Some(Notice::Wrong | Notice::Wait { .. }))
    }

    /// What ties a field to the notice above it (WCAG 2.2, 3.3.1).
    const fn marks(&self) -> &'static str {
        match self.notice {
            Some(Notice::Wrong) => r#" aria-invalid="true" aria-describedby="notice""#,
            Some(Notice::Wait { .. } | Notice::Again) => r#" aria-describedby="notice""#,
            None => "",
        }
    }
}

impl Consent {
    /// The page. `form_targets` is the origin of the app's callback.
    #[must_use]
    pub fn answer(&self, status: StatusCode, form_targets: &str) -> HttpResponse {
        page(self, status, &form_action(form_targets))
    }
}

impl ErrorPage {
    /// The page.
    #[must_use]
    pub fn answer(&self, status: StatusCode) -> HttpResponse {
        page(self, status, "'none'")
    }
}

/// The style of every page. Its path changes with it, so it may be kept for ever.
pub async fn stylesheet() -> HttpResponse {
    asset("text/css; charset=utf-8", CSS)
}

/// Where [`stylesheet`] is.
pub fn stylesheet_path() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| asset_path("hilum", CSS, "css"));
    &PATH
}

/// The script of the page on which patients are searched.
pub async fn script() -> HttpResponse {
    asset("text/javascript; charset=utf-8", SCRIPT)
}

/// Where [`script`] is.
pub fn script_path() -> &'static str {
    static PATH: LazyLock<String> = LazyLock::new(|| asset_path("patient", SCRIPT, "js"));
    &PATH
}

fn asset(media_type: &'static str, content: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .content_type(media_type)
        .body(content)
}

fn asset_path(name: &str, content: &str, extension: &str) -> String {
    let mut path = format!("/assets/{name}-");
    for byte in thumbprint::sha256(content.as_bytes()).iter().take(4) {
        // Writing to a text cannot fail.
        let _ = write!(path, "{byte:02x}");
    }
    format!("{path}.{extension}")
}

fn page(template: &impl Template, status: StatusCode, form_action: &str) -> HttpResponse {
    page_with(template, status, form_action, "")
}

/// A page that loads more than its style: `more` is what its policy says of that.
fn page_with(template: &impl Template, status: StatusCode, form_action: &str, more: &str) -> HttpResponse {
    let policy = format!(
        "default-src 'none'; style-src 'self';{more} form-action {form_action}; frame-ancestors 'none'; base-uri 'none'"
    );
    let rendered = template.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a page could not be made");
        String::new()
    });
    let (status, media_type, body) = if rendered.is_empty() {
        let sorry = "This page cannot be shown at the moment. Please try again.\n".to_owned();
        (StatusCode::SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", sorry)
    } else {
        (status, "text/html; charset=utf-8", rendered)
    };
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::PRAGMA, "no-cache"))
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .content_type(media_type)
        .body(body)
}

/// Browsers hold the redirects that follow a form to this too, so the callback is among it. A target that
/// would end the directive is left out: the browser then stays here.
fn form_action(targets: &str) -> String {
    let mut sources = "'self'".to_owned();
    for target in writable(targets) {
        sources.push(' ');
        sources.push_str(target);
    }
    sources
}

/// The targets that a policy can name.
fn writable(targets: &str) -> impl Iterator<Item = &str> {
    let ends = |byte: u8| matches!(byte, b';' | b',' | b'\'' | b'"');
    targets
        .split_ascii_whitespace()
        .filter(move |target| target.bytes().all(|byte| byte.is_ascii_graphic() && !ends(byte)))
}

/// A text from elsewhere, on one line and reading in its own direction: nothing in it steers what stands
/// around it (Unicode Standard Annex 9, explicit directional formatting).
fn tame(text: &str) -> String {
    let steers = |sign: &char| matches!(sign, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let visible: String = text.chars().filter(|sign| !steers(sign)).collect();
    let words: Vec<&str> = visible
        .split(|sign: char| sign.is_whitespace() || sign.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() { "(no name)".to_owned() } else { words.join(" ") }
}

/// A number of days, in words.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "a template passes references")]
fn days(count: &i64) -> String {
    format!("{count} {}", if *count == 1 { "day" } else { "days" })
}

/// How long, in words; never less than it takes.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "a template passes references")]
fn wait(seconds: &i64) -> String {
    let (count, unit) = match *seconds {
        ..=1 => (1, "second"),
        few @ 2..=90 => (few, "seconds"),
        some @ 91..=5_400 => ((some + 59) / 60, "minutes"),
        many => (many / 3_600 + i64::from(many % 3_600 > 0), "hours"),
    };
    format!("{count} {unit}")
}

#[cfg(test)]
mod tests;
