//! `GET` and `POST /oauth2/logout`: the page on which people sign out, and the `end_session_endpoint` to which apps
//! send them (OpenID Connect RP-Initiated Logout 1.0, 2).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::authorize::browser::{Sender, Visit};
use crate::authorize::logout::{LogoutAnswer, Question};
use crate::http::cookies;
use crate::http::render::page::logout as page;
use crate::http::render::redirect;
use crate::http::state::State;
use crate::protocol::error::Failure;
use crate::protocol::logout_request::LogoutRequest;
use crate::protocol::params::{self, PageForm};

/// What a wish to sign out is recorded as.
const ACTION: &str = "sign_out";

/// Asks whether to sign out; an app that shows an id token of the very session has asked already.
pub async fn get(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let visit = cookies::visit(&request, &state);
    match params::parse_page(request.query_string().as_bytes()) {
        Ok(query) => asked(&request, &state, (&query, &visit)).await,
        Err(refusal) => super::unread(&request, &state, ACTION, refusal).await,
    }
}

/// Takes the answer of the person, or the form of an app.
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    let form = match super::read(&request, payload, &state, (ACTION, state.bounds.body)).await {
        Ok(form) => form,
        Err(answer) => return answer,
    };
    let visit = cookies::visit(&request, &state);
    let is_answer = form.optional("csrf").is_some() || form.optional("scope_of").is_some();
    if is_answer {
        return match state.authorization.sign_out(&form, &visit).await {
            Ok(answer) => show(&request, &state, answer),
            Err(failure) => super::failure(&request, &state, &failure),
        };
    }
    if is_withheld(&visit) {
        let asked = LogoutRequest::read(|name| form.optional(name));
        let onward = page::Onward { frame: super::frame(&request, &state), fields: fields(&asked) };
        return onward.answer(StatusCode::OK);
    }
    asked(&request, &state, (&form, &visit)).await
}

/// Whether the browser may have kept its cookies back, since a page of another site has sent the form. They come
/// with the next form, which a page of this server sends; an address would show the id token to histories and logs.
fn is_withheld(visit: &Visit) -> bool {
    visit.sender == Sender::Foreign && visit.session.is_none() && visit.browser.is_none()
}

async fn asked(request: &HttpRequest, state: &State, (form, visit): (&PageForm, &Visit)) -> HttpResponse {
    let asked = LogoutRequest::read(|name| form.optional(name));
    match state.authorization.logout(asked, visit).await {
        Ok(answer) => show(request, state, answer),
        Err(failure) => refused(request, state, &failure),
    }
}

/// What an app did wrong; the person may sign out all the same.
fn refused(request: &HttpRequest, state: &State, failure: &Failure) -> HttpResponse {
    let Failure::Refusal(refusal) = failure else { return super::failure(request, state, failure) };
    super::log(request, failure);
    let page = page::NotSignedOut { frame: super::frame(request, state), says: refusal.told() };
    page.answer(StatusCode::BAD_REQUEST)
}

fn show(request: &HttpRequest, state: &State, answer: LogoutAnswer) -> HttpResponse {
    let frame = super::frame(request, state);
    match answer {
        LogoutAnswer::Question(question) => {
            let Question { person, app, request, origin, csrf, cookies } = *question;
            let page = page::SignOut { frame, person, app, csrf, fields: fields(&request) };
            redirect::with_cookies(page.answer(StatusCode::OK, &origin), &cookies)
        }
        LogoutAnswer::SignedOut { back, cookies } => {
            let back = back.map(|back| page::Back { app: back.app, to: back.to });
            redirect::with_cookies(page::SignedOut { frame, back }.answer(StatusCode::OK), &cookies)
        }
        LogoutAnswer::Leave { to, cookies } => redirect::with_cookies(redirect::to(&to), &cookies),
    }
}

/// What an app asked, as the next form repeats it.
fn fields(request: &LogoutRequest) -> Vec<(&'static str, String)> {
    request.fields().into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}
