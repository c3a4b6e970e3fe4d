//! The FHIR REST API (FHIR R4, 3.1) at `/sandbox/fhir`. Any origin may read: only the token opens anything,
//! and it never travels by itself.

use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;

use crate::http::state::State;
use crate::http::{discovery, evidence};
use crate::protocol::error::Failure;
use crate::sandbox::compartment::Resource;
use crate::sandbox::enforce::Extent;
use crate::sandbox::fhir::FhirEndpoint;
use crate::sandbox::issue::{Issue, Kind};
use crate::sandbox::{self, query, records};

const MEDIA_TYPE: &str = "application/fhir+json";

/// Registers the routes, which only a server with a sandbox has.
pub fn routes(config: &mut web::ServiceConfig) {
    let scope = web::scope(sandbox::FHIR_PATH)
        .service(at("/metadata", "GET, OPTIONS").route(web::get().to(metadata)))
        .service(at("/.well-known/smart-configuration", "GET, OPTIONS").route(web::get().to(configuration)))
        .service(at("/{type}", "GET, POST, OPTIONS").route(web::get().to(call)).route(web::post().to(call)))
        .service(at("/{type}/_search", "POST, OPTIONS").route(web::post().to(call)))
        .service(
            at("/{type}/{id}", "GET, PUT, DELETE, OPTIONS")
                .route(web::get().to(call))
                .route(web::put().to(call))
                .route(web::delete().to(call)),
        )
        .default_service(web::to(|| async {
            told(&Issue::new(Kind::NotFound, "there is nothing at this address"))
        }));
    config.service(scope);
}

/// A resource that any origin may call.
fn at(path: &str, allowed: &'static str) -> actix_web::Resource {
    let preflight = web::route().method(Method::OPTIONS).to(preflight);
    web::resource(path).route(preflight).default_service(web::to(move || async move {
        let mut answer = told(&Issue::new(Kind::Method, "this address does not have that method"));
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
        answer
    }))
}

/// What an app may send beside what every page may, conditional requests (FHIR R4, 3.1.0.5) included.
const SENT: &str =
    "authorization, dpop, content-type, accept, prefer, if-match, if-none-match, if-none-exist";

async fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, SENT))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
        .finish()
}

/// `GET metadata`: everybody may.
async fn metadata(state: web::Data<State>) -> HttpResponse {
    match &state.sandbox {
        Some(sandbox) => answer(StatusCode::OK, sandbox.fhir.capabilities()),
        None => told(&Issue::new(Kind::NotFound, "there is no sandbox")),
    }
}

/// `GET .well-known/smart-configuration`: the document under `/r/sandbox`.
async fn configuration(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    discovery::of_resource(&request, &state, sandbox::RESOURCE).await
}

/// Whatever needs a token.
async fn call(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    let Some(sandbox) = &state.sandbox else {
        return told(&Issue::new(Kind::NotFound, "there is no sandbox"));
    };
    let extent = match sandbox.fhir.admit(&evidence::of(&request, &state)).await {
        Ok(extent) => extent,
        Err(Failure::Refusal(refusal)) => {
            tracing::info!(reason = refusal.reason().code(), "refused");
            return told(&Issue::of_token(&refusal).in_scheme(evidence::scheme(&request)));
        }
        Err(Failure::Fault(fault)) => {
            tracing::error!(%fault, request_id = %evidence::request_id(&request), "a request failed through no fault of its sender");
            return told(&Issue::new(Kind::Transient, "nothing was done: try again"));
        }
    };
    let body = match read(&request, payload, state.bounds.body).await {
        Ok(body) => body,
        Err(issue) => return told(&issue),
    };
    respond(&request, &sandbox.fhir, &extent, &body)
        .unwrap_or_else(|issue| told(&issue.in_scheme(evidence::scheme(&request))))
}

/// The interaction that the method and the address ask for.
fn respond(
    request: &HttpRequest,
    fhir: &FhirEndpoint,
    extent: &Extent,
    body: &[u8],
) -> Result<HttpResponse, Issue> {
    let part = |name: &str| request.match_info().get(name).unwrap_or_default();
    let (kind, id) = (part("type"), part("id"));
    let query = request.query_string().as_bytes();
    let searches = request.path().ends_with("/_search");
    match (request.method().as_str(), id.is_empty()) {
        ("GET", true) => Ok(answer(StatusCode::OK, &fhir.search(extent, kind, query)?)),
        ("POST", _) if searches => {
            // Parameters may stand in both places (FHIR R4, 3.1.1.5.1).
            let all = [query, body].join(&b'&');
            Ok(answer(StatusCode::OK, &fhir.search(extent, kind, &all)?))
        }
        ("POST", _) => {
            let made = fhir.create(extent, kind, body)?;
            let mut answer = resource(StatusCode::CREATED, &made);
            if let Ok(location) = HeaderValue::from_str(&fhir.address(&made)) {
                answer.headers_mut().insert(header::LOCATION, location);
            }
            Ok(answer)
        }
        ("PUT", _) => Ok(resource(StatusCode::OK, &*fhir.update(extent, (kind, id), body)?)),
        ("DELETE", _) => {
            fhir.delete(extent, kind, id)?;
            Ok(opened(HttpResponse::NoContent()).finish())
        }
        _ => {
            check_formats(query)?;
            Ok(resource(StatusCode::OK, &*fhir.read(extent, kind, id)?))
        }
    }
}

/// A read takes no parameter but the format.
fn check_formats(text: &[u8]) -> Result<(), Issue> {
    url::form_urlencoded::parse(text).try_for_each(|(name, value)| match name.as_ref() {
        "_format" => query::check_format(&value),
        _ => Err(Issue::new(Kind::Invalid, "reading a resource takes no such parameter")),
    })
}

/// Reads the body, within its bound and in the format that the address takes.
async fn read(request: &HttpRequest, payload: web::Payload, most: usize) -> Result<web::Bytes, Issue> {
    let body = match payload.to_bytes_limited(most).await {
        Err(_) => return Err(Issue::new(Kind::TooLarge, "the body is too large")),
        Ok(Err(_)) => return Err(Issue::new(Kind::Invalid, "the body could not be read")),
        Ok(Ok(body)) => body,
    };
    let text = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = text.and_then(|text| text.split(';').next()).map(|kind| kind.trim().to_ascii_lowercase());
    let form = request.path().ends_with("/_search");
    let right = match kind.as_deref() {
        Some("application/x-www-form-urlencoded") => form || body.is_empty(),
        Some("application/fhir+json" | "application/json" | "text/json") => !form || body.is_empty(),
        Some(_) | None => body.is_empty(),
    };
    if right {
        Ok(body)
    } else {
        Err(Issue::new(
            Kind::MediaType,
            "the body must be application/fhir+json, and that of a search a form",
        ))
    }
}

/// An answer that any origin may read and nobody keeps.
fn opened(mut answer: actix_web::HttpResponseBuilder) -> actix_web::HttpResponseBuilder {
    answer
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            "etag, location, www-authenticate, dpop-nonce",
        ))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type(MEDIA_TYPE);
    answer
}

fn answer(status: StatusCode, value: &Value) -> HttpResponse {
    opened(HttpResponse::build(status)).body(value.to_string())
}

/// A resource with its version (FHIR R4, 3.1.0.1.2).
fn resource(status: StatusCode, resource: &Resource) -> HttpResponse {
    let version = format!("W/\"{}\"", records::version(resource));
    let body = serde_json::to_string(resource).unwrap_or_default();
    opened(HttpResponse::build(status)).insert_header((header::ETAG, version)).body(body)
}

fn told(issue: &Issue) -> HttpResponse {
    let status = StatusCode::from_u16(issue.kind.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut answer = opened(HttpResponse::build(status));
    if let Some(challenge) = &issue.challenge {
        answer.insert_header((header::WWW_AUTHENTICATE, challenge.to_string()));
    }
    answer.body(issue.outcome().to_string())
}
