//! `/.well-known/est/`: enrolment over TLS (RFC 7030). There is one authority, so there are no labels (RFC 7030, 3.2.2),
//! and nothing is here until the built-in PKI has been made.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::enrollment::{Asking, Enrolled, WANTED};
use crate::protocol::error::{Failure, Fault, Refusal};

use super::render::{est, problem};
use super::routes::not_allowed;
use super::state::State;
use super::{evidence, form};

/// `GET /.well-known/est/cacerts`.
pub async fn cacerts(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    match state.enrollment.authorities().await {
        Ok(Some(message)) => est::message(est::CERTIFICATES, &message),
        Ok(None) => problem::not_found(),
        Err(fault) => est::failure(&request, &fault.into()),
    }
}

/// `GET /.well-known/est/csrattrs`.
pub async fn csrattrs(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    there(&request, &state, || est::message(est::ATTRIBUTES, WANTED)).await
}

/// `POST /.well-known/est/simpleenroll`.
pub async fn enroll(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    if let Some(answer) = absent(&request, state.enrollment.is_there().await) {
        return answer;
    }
    match read(&request, payload, &state).await {
        Ok(asking) => told(&request, state.enrollment.enroll(asking).await),
        Err(broken) => est::failure(&request, &broken.into()),
    }
}

/// `POST /.well-known/est/simplereenroll`.
pub async fn reenroll(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    if let Some(answer) = absent(&request, state.enrollment.is_there().await) {
        return answer;
    }
    match read(&request, payload, &state).await {
        Ok(asking) => told(&request, state.enrollment.reenroll(asking).await),
        Err(broken) => est::failure(&request, &broken.into()),
    }
}

/// The answer to a method that is not there, where the resource itself is.
pub async fn other(request: HttpRequest, state: web::Data<State>, allowed: &'static str) -> HttpResponse {
    there(&request, &state, || not_allowed(allowed)).await
}

async fn there(request: &HttpRequest, state: &State, answer: impl FnOnce() -> HttpResponse) -> HttpResponse {
    absent(request, state.enrollment.is_there().await).unwrap_or_else(answer)
}

fn absent(request: &HttpRequest, is_there: Result<bool, Fault>) -> Option<HttpResponse> {
    match is_there {
        Ok(true) => None,
        Ok(false) => Some(problem::not_found()),
        Err(fault) => Some(est::failure(request, &fault.into())),
    }
}

/// Reads a request. Nothing is made of one that broke off: nobody waits for the answer.
async fn read(request: &HttpRequest, payload: web::Payload, state: &State) -> Result<Asking, Refusal> {
    let evidence = evidence::of(request, state);
    match form::pkcs10(request, payload, state.bounds.body).await {
        Err(refusal) if form::is_broken(&refusal) => Err(refusal),
        body => Ok(Asking { evidence, body: body.map(|bytes| bytes.to_vec()) }),
    }
}

fn told(request: &HttpRequest, outcome: Result<Enrolled, Failure>) -> HttpResponse {
    match outcome {
        Ok(Enrolled::Issued(message)) => est::message(est::CERTIFICATES, &message),
        Ok(Enrolled::Pending { again_after }) => est::pending(again_after),
        Err(failure) => est::failure(request, &failure),
    }
}
