//! Problem documents (RFC 9457), for the admin API and for what is not there.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use crate::admin::actor::SCOPE_MISSING;
use crate::http::evidence;
use crate::protocol::error::{ErrorCode, Failure, Fault, Refusal};
use crate::tokens::challenge::{Challenge, is_of_proof};

use super::{bearer, oauth_json};

const MEDIA_TYPE: &str = "application/problem+json";

/// A failure of a route of the admin API. A token without the scope of the route is told which that is (RFC 6750, 3).
#[must_use]
pub fn of_route(request: &HttpRequest, failure: &Failure, scope: &str) -> HttpResponse {
    match failure {
        Failure::Refusal(refusal) if refusal.reason().code() == SCOPE_MISSING => {
            refused_for(request, refusal, Some(scope))
        }
        Failure::Refusal(_) | Failure::Fault(_) => self::failure(request, failure),
    }
}

/// A failure that is told as a problem.
#[must_use]
pub fn failure(request: &HttpRequest, failure: &Failure) -> HttpResponse {
    match failure {
        Failure::Refusal(refusal) => refused(request, refusal),
        Failure::Fault(fault) => self::fault(request, fault),
    }
}

/// A refusal, with the members that are at fault.
#[must_use]
pub fn refused(request: &HttpRequest, refusal: &Refusal) -> HttpResponse {
    refused_for(request, refusal, None)
}

fn refused_for(request: &HttpRequest, refusal: &Refusal, lacking: Option<&str>) -> HttpResponse {
    let code = refusal.code();
    let status = bearer::status(code);
    tracing::info!(error = code.word(), reason = refusal.reason().code(), "refused");
    let mut document = body(status.as_u16(), refusal.told());
    document.insert("error".to_owned(), json!(code.word()));
    if let Some(scope) = lacking {
        document.insert("detail".to_owned(), json!(format!("ask for a token with the scope {scope}")));
    }
    let problems: Vec<Value> = refusal
        .field_problems()
        .iter()
        .map(|problem| json!({"field": problem.field, "detail": problem.says}))
        .collect();
    if !problems.is_empty() {
        document.insert("errors".to_owned(), json!(problems));
    }
    let mut answer = HttpResponse::build(status);
    answer.insert_header((header::CACHE_CONTROL, "no-store"));
    if code == ErrorCode::TooManyAttempts {
        answer.insert_header((header::RETRY_AFTER, oauth_json::LATER));
    }
    let is_of_token =
        code == ErrorCode::InvalidToken || code == ErrorCode::InsufficientScope || is_of_proof(code);
    if is_of_token {
        answer.insert_header((
            header::WWW_AUTHENTICATE,
            Challenge::told(refusal)
                .with_scope(lacking.map(str::to_owned))
                .in_scheme(evidence::scheme(request))
                .to_string(),
        ));
    }
    answer.content_type(MEDIA_TYPE).json(document)
}

/// We could not: told to come again, logged here and nowhere else.
#[must_use]
pub fn fault(request: &HttpRequest, fault: &Fault) -> HttpResponse {
    tracing::error!(%fault, request_id = %evidence::request_id(request), "a request failed through no fault of its sender");
    plain(StatusCode::SERVICE_UNAVAILABLE)
        .insert_header((header::RETRY_AFTER, "1"))
        .json(body(503, "nothing was done: try again"))
}

/// What took too long; told to endpoints of OAuth and to the admin API alike.
#[must_use]
pub fn too_slow() -> HttpResponse {
    let mut document = body(503, "the request took too long: try again");
    document.insert("error".to_owned(), json!("temporarily_unavailable"));
    plain(StatusCode::SERVICE_UNAVAILABLE).insert_header((header::RETRY_AFTER, "1")).json(document)
}

/// What is not there.
#[must_use]
pub fn not_found() -> HttpResponse {
    simple(StatusCode::NOT_FOUND, "there is nothing here")
}

/// A problem that is told by its status and a fixed text.
#[must_use]
pub fn simple(status: StatusCode, title: &'static str) -> HttpResponse {
    plain(status).json(body(status.as_u16(), title))
}

fn plain(status: StatusCode) -> actix_web::HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer.insert_header((header::CACHE_CONTROL, "no-store")).content_type(MEDIA_TYPE);
    answer
}

fn body(status: u16, title: &str) -> Map<String, Value> {
    Map::from_iter([
        ("type".to_owned(), json!("about:blank")),
        ("title".to_owned(), json!(title)),
        ("status".to_owned(), json!(status)),
    ])
}
