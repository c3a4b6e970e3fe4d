//! The headers of every answer.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;

use crate::http::evidence;

/// What every answer says to browsers: https alone, no guessing, no frames, nothing loaded, no referrer.
const FIXED: [(&str, &str); 5] = [
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "cross-origin"),
];

/// What answers that are no pages say; a page says itself what it loads and where its forms go.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Sets the fixed headers and the identifier of the request.
pub async fn set<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let id = evidence::request_id(request.request()).to_string();
    match next.call(request).await {
        Ok(mut answer) => {
            insert(answer.headers_mut(), &id);
            Ok(answer)
        }
        Err(error) => {
            let mut answer = error.error_response();
            insert(answer.headers_mut(), &id);
            Err(InternalError::from_response(error, answer).into())
        }
    }
}

fn insert(headers: &mut HeaderMap, id: &str) {
    for (name, value) in FIXED {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    }
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
}
