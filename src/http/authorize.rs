//! `GET` and `POST /oauth2/authorize`, and the dispatcher `GET /oauth2/continue`.

use actix_web::{HttpRequest, HttpResponse, web};
use url::form_urlencoded;

use crate::authorize::Trouble;
use crate::authorize::answer::Answer;
use crate::authorize::browser::Sender;
use crate::authorize::dispatcher::Dispatched;
use crate::discovery::endpoints;
use crate::protocol::error::{ErrorCode, Failure};
use crate::protocol::params;

use super::pages::consent::destination;
use super::pages::{self, interaction};
use super::render::page::form_post::FormPost;
use super::render::redirect;
use super::state::State;
use super::{cookies, form};

/// What an authorization request is recorded as.
const ACTION: &str = "authorize.begin";
/// The longest request that is turned into a link, in bytes.
const LONGEST_LINK: usize = 6_000;

/// Begins an authorization request of a link.
pub async fn get(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    begin(&request, &state, request.query_string().as_bytes()).await
}

/// Begins an authorization request of a form (OpenID Connect Core, 3.1.2.1).
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    match form::body(&request, payload, state.bounds.body).await {
        Ok(body) => match as_link(&request, &state, &body) {
            Some(link) => redirect::to(&link),
            None => begin(&request, &state, &body).await,
        },
        Err(refusal) => pages::unread(&request, &state, ACTION, refusal).await,
    }
}

/// The same request as a link, when a page of another site has sent the form and the browser withheld its cookies:
/// it sends them with the link, so that whoever is signed in is known, and no cookie of another tab is replaced.
fn as_link(request: &HttpRequest, state: &State, body: &[u8]) -> Option<String> {
    let visit = cookies::visit(request, state);
    let is_withheld = visit.sender == Sender::Foreign && visit.browser.is_none();
    let text = std::str::from_utf8(body).ok()?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    let is_told = !form_urlencoded::parse(body).any(|(name, _)| is_private(&name));
    let fits = text.len() <= LONGEST_LINK && is_plain && is_told;
    (is_withheld && fits).then(|| format!("{}?{text}", endpoints::AUTHORIZE))
}

/// What speaks of a person stays out of addresses: they stand in histories and logs. The handle of a launch has come
/// in an address, is good for once, and for one app and person alone.
fn is_private(name: &str) -> bool {
    name.ends_with("_hint")
}

/// Goes on with an interaction.
pub async fn go_on(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let visit = cookies::visit(&request, &state);
    let outcome = state.authorization.go_on(&interaction(&request), &visit).await;
    match outcome {
        Ok(Dispatched::GoOn(go_on)) => redirect::on(&go_on),
        Ok(Dispatched::Granted(granted)) => {
            count("granted");
            answered(&request, &state, granted.into_answer())
        }
        Err(trouble) => tell(&request, &state, &trouble).await,
    }
}

async fn begin(request: &HttpRequest, state: &State, text: &[u8]) -> HttpResponse {
    let visit = cookies::visit(request, state);
    match state.authorization.begin(params::parse_tolerant(text), &visit).await {
        Ok(go_on) => {
            count("begun");
            redirect::on(&go_on)
        }
        Err(trouble) => tell(request, state, &trouble).await,
    }
}

/// Tells the client at its callback, or the person on a page.
pub(super) async fn tell(request: &HttpRequest, state: &State, trouble: &Trouble) -> HttpResponse {
    count(word(trouble.failure()));
    match trouble {
        Trouble::Page(failure) => pages::failure(request, state, failure),
        Trouble::Client(address, failure) => {
            pages::log(request, failure);
            match state.authorization.refused(address, failure).await {
                Ok(answer) => answered(request, state, answer),
                // Whoever is told by signed answers alone is told nothing without a key.
                Err(fault) => pages::failure(request, state, &fault.into()),
            }
        }
    }
}

/// Sends the answer on its way.
fn answered(request: &HttpRequest, state: &State, answer: Answer) -> HttpResponse {
    match answer {
        Answer::Redirect(location) => redirect::to(&location),
        Answer::Form { action, fields } => {
            let target = action.origin();
            let page = FormPost {
                frame: pages::frame(request, state),
                destination: destination(&target),
                action: action.as_str().to_owned(),
                fields,
            };
            page.answer(&target)
        }
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("hilum_authorize_requests_total", "outcome" => outcome).increment(1);
}

/// The word for a failure, for the measurements.
pub(super) fn word(failure: &Failure) -> &'static str {
    match failure {
        Failure::Refusal(refusal) if refusal.code() == ErrorCode::Forged => "forged",
        Failure::Refusal(refusal) => refusal.code().word(),
        Failure::Fault(_) => "fault",
    }
}
