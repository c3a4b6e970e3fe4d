//! The answers of endpoints that take an access token (RFC 6750, 3).

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::protocol::error::{ErrorCode, Failure, Refusal};
use crate::tokens::bearer::MISSING;

use super::oauth_json;

/// An answer that must not be kept.
#[must_use]
pub fn ok(value: &Value) -> HttpResponse {
    oauth_json::ok(value)
}

/// A failure, with the challenge that tells what was wrong.
#[must_use]
pub fn failure(request: &HttpRequest, failure: &Failure) -> HttpResponse {
    match failure {
        Failure::Refusal(refusal) => refused(refusal),
        Failure::Fault(_) => oauth_json::failure(request, failure),
    }
}

fn refused(refusal: &Refusal) -> HttpResponse {
    let code = refusal.code();
    tracing::info!(error = code.word(), reason = refusal.reason().code(), "refused");
    let challenge = if refusal.reason().code() == MISSING {
        // Whoever showed nothing is told nothing but how to come (RFC 6750, 3.1).
        r#"Bearer realm="hilum""#.to_owned()
    } else if code == ErrorCode::InsufficientScope {
        r#"Bearer realm="hilum", error="insufficient_scope", scope="openid""#.to_owned()
    } else {
        format!(r#"Bearer realm="hilum", error="{}""#, code.word())
    };
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut answer = oauth_json::unkept(status);
    answer.insert_header((header::WWW_AUTHENTICATE, challenge));
    answer.json(json!({"error": code.word(), "error_description": refusal.told()}))
}
