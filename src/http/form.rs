//! Reading a form, or a JSON document: the content type, the size and the encoding are judged before anything else.

use actix_web::http::header;
use actix_web::{HttpRequest, web};

use crate::admin::Refused;
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};
use crate::protocol::params::Params;
use crate::tokens::request::Request;

use super::evidence;
use super::state::State;

/// The reason of a body that broke off or was framed wrongly.
const BROKEN: &str = "body_broken";

/// Reads a request that carries a form. What cannot be read is recorded as a refusal of what the
/// endpoint does.
pub async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    state: &State,
    action: &'static str,
) -> Result<Request, Failure> {
    let evidence = evidence::of(request, state);
    let params = match body(request, payload, state.bounds.body).await {
        Ok(body) => Params::parse_form(&body),
        Err(refusal) => Err(refusal),
    };
    match params {
        Ok(params) => Ok(Request { params, evidence }),
        // The connection is broken: nobody waits for the answer, and nothing was asked that could be recorded.
        Err(refusal) if is_broken(&refusal) => Err(refusal.into()),
        Err(refusal) => {
            let what = Refused { action, rule: None, client: None };
            Err(state.administration.record_refused(&evidence.origin, what, refusal.into()).await)
        }
    }
}

/// Whether a body broke off.
pub(super) fn is_broken(refusal: &Refusal) -> bool {
    refusal.reason().code() == BROKEN
}

/// Reads the body of a form.
pub(super) async fn body(
    request: &HttpRequest,
    payload: web::Payload,
    most: usize,
) -> Result<web::Bytes, Refusal> {
    if !is_of(request, "application/x-www-form-urlencoded") {
        let told = "the body must be application/x-www-form-urlencoded";
        return Err(Refusal::new(ErrorCode::UnsupportedMediaType, told, Reason::new("content_type")));
    }
    // Parameters in the URL would stand in logs (RFC 6749, 2.3.1).
    if !request.query_string().is_empty() {
        return Err(Refusal::invalid_request(
            "parameters belong into the body, not the URL",
            "query_parameters",
        ));
    }
    bytes(payload, most).await
}

/// Reads the body of a JSON document.
pub(super) async fn json(
    request: &HttpRequest,
    payload: web::Payload,
    most: usize,
) -> Result<web::Bytes, Refusal> {
    if !is_of(request, "application/json") {
        let told = "the body must be application/json";
        return Err(Refusal::new(ErrorCode::UnsupportedMediaType, told, Reason::new("content_type")));
    }
    bytes(payload, most).await
}

/// Reads the body of a certification request (RFC 5967).
pub(super) async fn pkcs10(
    request: &HttpRequest,
    payload: web::Payload,
    most: usize,
) -> Result<web::Bytes, Refusal> {
    if !is_of(request, "application/pkcs10") {
        let told = "the body must be application/pkcs10: DER in base64";
        return Err(Refusal::new(ErrorCode::UnsupportedMediaType, told, Reason::new("content_type")));
    }
    bytes(payload, most).await
}

async fn bytes(payload: web::Payload, most: usize) -> Result<web::Bytes, Refusal> {
    match payload.to_bytes_limited(most).await {
        Err(_) => Err(Refusal::new(
            ErrorCode::ContentTooLarge,
            "the body is too large",
            Reason::new("body_too_large"),
        )),
        Ok(Err(_)) => Err(Refusal::invalid_request("the body could not be read", BROKEN)),
        Ok(Ok(body)) => Ok(body),
    }
}

/// Whether the body is of one media type, in UTF-8.
fn is_of(request: &HttpRequest, kind: &str) -> bool {
    let mut types = request.headers().get_all(header::CONTENT_TYPE);
    let (Some(one), None) = (types.next(), types.next()) else { return false };
    let Ok(text) = one.to_str() else { return false };
    let mut parts = text.split(';').map(str::trim);
    let is_it = parts.next().is_some_and(|named| named.eq_ignore_ascii_case(kind));
    is_it && parts.all(|part| part.is_empty() || part.eq_ignore_ascii_case("charset=utf-8"))
}
