//! The pages that people see, and the forms that come from them.

pub mod account;
pub mod consent;
pub mod device;
pub mod login;
pub mod logout;
pub mod patient;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::admin::Refused;
use crate::protocol::error::{ErrorCode, Failure, Refusal};
use crate::protocol::params::{self, PageForm, Plus, percent_decode};

use super::render::page::{ErrorPage, Frame};
use super::state::State;
use super::{evidence, form};

/// The interaction that the address of a page names; it opens nothing by itself.
pub(super) fn interaction(request: &HttpRequest) -> String {
    parameter(request, "i").unwrap_or_default()
}

/// What the address of a page says by a name. Control characters mean nothing here, and a NUL nothing in the database.
pub(super) fn parameter(request: &HttpRequest, name: &str) -> Option<String> {
    let mut pairs = request.query_string().split('&').filter_map(|pair| pair.split_once('='));
    let (_, text) = pairs.find(|(known, _)| *known == name)?;
    percent_decode(text.as_bytes(), Plus::IsSpace).filter(|text| !text.chars().any(char::is_control))
}

/// What stands on every page.
pub(super) fn frame(request: &HttpRequest, state: &State) -> Frame {
    Frame { host: state.addresses.issuer.host().to_owned(), request: evidence::request_id(request) }
}

/// Reads the form of a page, or answers why it cannot be read. `action` is what it is recorded as, `most` the
/// bytes that it may have.
pub(super) async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    state: &State,
    (action, most): (&'static str, usize),
) -> Result<PageForm, HttpResponse> {
    let read = match form::body(request, payload, most).await {
        Ok(body) => params::parse_page(&body),
        Err(refusal) => Err(refusal),
    };
    match read {
        Ok(form) => Ok(form),
        Err(refusal) => Err(unread(request, state, action, refusal).await),
    }
}

/// Records that a request could not be read, and tells it on a page.
pub(super) async fn unread(
    request: &HttpRequest,
    state: &State,
    action: &'static str,
    refusal: Refusal,
) -> HttpResponse {
    if form::is_broken(&refusal) {
        return failure(request, state, &refusal.into());
    }
    let origin = evidence::of(request, state).origin;
    let what = Refused { action, rule: None, client: None };
    let told = state.administration.record_refused(&origin, what, refusal.into()).await;
    failure(request, state, &told)
}

/// What went wrong, told to a person.
pub(super) fn failure(request: &HttpRequest, state: &State, failure: &Failure) -> HttpResponse {
    log(request, failure);
    let frame = frame(request, state);
    let refusal = match failure {
        Failure::Refusal(refusal) => refusal,
        Failure::Fault(_) => {
            let says = "Nothing was done. Please try again in a moment.";
            let page = ErrorPage { frame, title: "This cannot be answered at the moment", says };
            return come_again(page.answer(StatusCode::SERVICE_UNAVAILABLE), 1);
        }
    };
    let code = refusal.code();
    let title = if code == ErrorCode::Forged {
        "This page is out of date"
    } else {
        "This request cannot be answered"
    };
    // A person is not asked for credentials of HTTP.
    let status = if code == ErrorCode::InvalidClient { 400 } else { code.status() };
    let page = ErrorPage { frame, title, says: refusal.told() };
    let answer = page.answer(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST));
    if code == ErrorCode::TooManyAttempts { come_again(answer, 1) } else { answer }
}

/// Writes a failure into the log, at the one place where it is told.
pub(super) fn log(request: &HttpRequest, failure: &Failure) {
    match failure {
        Failure::Refusal(refusal) => {
            tracing::info!(error = refusal.code().word(), reason = refusal.reason().code(), "refused");
        }
        Failure::Fault(fault) => {
            let request_id = evidence::request_id(request);
            tracing::error!(%fault, %request_id, "a request failed through no fault of its sender");
        }
    }
}

/// An answer that says when to come again.
pub(super) fn come_again(mut answer: HttpResponse, seconds: i64) -> HttpResponse {
    answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    answer
}
