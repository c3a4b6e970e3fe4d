//! The answers of endpoints that take an access token (RFC 6750, 3; RFC 9449, 7.1).

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::http::evidence;
use crate::protocol::error::{ErrorCode, Failure, Refusal};
use crate::tokens::challenge::{Challenge, is_of_proof};

use super::oauth_json;

/// An answer that must not be kept.
#[must_use]
pub fn ok(value: &Value) -> HttpResponse {
    oauth_json::ok(value)
}

/// A signed answer that must not be kept.
#[must_use]
pub fn signed(token: String) -> HttpResponse {
    oauth_json::unkept(StatusCode::OK).content_type("application/jwt").body(token)
}

/// A failure, with the challenge that tells what was wrong.
#[must_use]
pub fn failure(request: &HttpRequest, failure: &Failure) -> HttpResponse {
    match failure {
        Failure::Refusal(refusal) => refused(request, refusal),
        Failure::Fault(_) => oauth_json::failure(request, failure),
    }
}

fn refused(request: &HttpRequest, refusal: &Refusal) -> HttpResponse {
    let code = refusal.code();
    tracing::info!(error = code.word(), reason = refusal.reason().code(), "refused");
    let scope = (code == ErrorCode::InsufficientScope).then(|| "openid".to_owned());
    let mut answer = oauth_json::unkept(status(code));
    answer
        .insert_header((header::WWW_AUTHENTICATE, challenge(request, refusal).with_scope(scope).to_string()));
    answer.json(json!({"error": code.word(), "error_description": refusal.told()}))
}

/// The challenge to a request.
pub(super) fn challenge(request: &HttpRequest, refusal: &Refusal) -> Challenge {
    Challenge::of(refusal).in_scheme(evidence::scheme(request))
}

/// The status where a token is the credential.
pub(super) fn status(code: ErrorCode) -> StatusCode {
    let status = if is_of_proof(code) { ErrorCode::InvalidToken.status() } else { code.status() };
    StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST)
}
