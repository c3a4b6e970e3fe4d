//! The JSON of RFC 6749, 5: answers and errors of the endpoints that back-ends call.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde_json::{Value, json};

use crate::discovery::endpoints;
use crate::http::evidence;
use crate::protocol::error::{ErrorCode, Failure, Fault, Refusal};
use crate::tokens::challenge::{Scheme, is_of_proof};

use super::bearer;

/// When whoever has come too often may come again, in seconds (RFC 6585, 4).
pub(super) const LATER: &str = "60";

/// The challenge to whoever has a secret (RFC 7617, 2).
pub(super) const BASIC: &str = r#"Basic realm="hilum", charset="UTF-8""#;

/// An answer that must not be kept (RFC 6749, 5.1).
#[must_use]
pub fn ok(value: &Value) -> HttpResponse {
    unkept(StatusCode::OK).json(value)
}

/// An answer without a body.
#[must_use]
pub fn done() -> HttpResponse {
    unkept(StatusCode::OK).finish()
}

/// A failure.
#[must_use]
pub fn failure(request: &HttpRequest, failure: &Failure) -> HttpResponse {
    match failure {
        Failure::Refusal(refusal) => refused(request, refusal),
        Failure::Fault(fault) => unavailable(request, fault),
    }
}

/// The word for a failure, for the measurements.
#[must_use]
pub const fn word(failure: &Failure) -> &'static str {
    match failure {
        Failure::Refusal(refusal) => refusal.code().word(),
        Failure::Fault(_) => "fault",
    }
}

fn refused(request: &HttpRequest, refusal: &Refusal) -> HttpResponse {
    let code = refusal.code();
    tracing::info!(error = code.word(), reason = refusal.reason().code(), "refused");
    let status = if shows_token(request) {
        bearer::status(code)
    } else {
        StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST)
    };
    let mut answer = unkept(status);
    if let Some(challenge) = challenge(request, refusal) {
        answer.insert_header((header::WWW_AUTHENTICATE, challenge));
    }
    if code == ErrorCode::TooManyAttempts {
        answer.insert_header((header::RETRY_AFTER, LATER));
    }
    answer.json(json!({"error": code.word(), "error_description": refusal.told()}))
}

/// The scheme that was used, or one that could be (RFC 6749, 5.2; RFC 6750, 3). Every 401 says how to do better
/// (RFC 9110, 15.5.2).
fn challenge(request: &HttpRequest, refusal: &Refusal) -> Option<String> {
    let code = refusal.code();
    let is_bare =
        request.path() == endpoints::INTROSPECTION && !request.headers().contains_key(header::AUTHORIZATION);
    if code == ErrorCode::InvalidToken || (is_of_proof(code) && shows_token(request)) {
        Some(bearer::challenge(request, refusal).to_string())
    } else if code != ErrorCode::InvalidClient {
        None
    } else if used(request, "dpop") {
        Some(r#"DPoP realm="hilum", error="invalid_token""#.to_owned())
    } else if used(request, "bearer") {
        Some(r#"Bearer realm="hilum", error="invalid_token""#.to_owned())
    } else if is_bare {
        Some(r#"Bearer realm="hilum""#.to_owned())
    } else {
        Some(BASIC.to_owned())
    }
}

/// Whether a token is the credential of a request, as it can be at introspection.
fn shows_token(request: &HttpRequest) -> bool {
    request.path() == endpoints::INTROSPECTION && evidence::scheme(request) == Scheme::Dpop
}

fn used(request: &HttpRequest, wanted: &str) -> bool {
    let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    value
        .and_then(|value| value.split_once(' '))
        .is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case(wanted))
}

/// We could not: told to come again, logged here and nowhere else.
fn unavailable(request: &HttpRequest, fault: &Fault) -> HttpResponse {
    tracing::error!(%fault, request_id = %evidence::request_id(request), "a request failed through no fault of its sender");
    unkept(StatusCode::SERVICE_UNAVAILABLE)
        .insert_header((header::RETRY_AFTER, "1"))
        .json(json!({"error": "temporarily_unavailable", "error_description": "nothing was done: try again"}))
}

/// An answer that must not be kept, to be filled.
pub(in crate::http) fn unkept(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer.insert_header((header::CACHE_CONTROL, "no-store")).insert_header((header::PRAGMA, "no-cache"));
    answer
}
