//! The metadata documents and the key set. Everybody may read them, browsers too.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value};

use crate::discovery::{oauth, openid, smart};
use crate::keys::publication;
use crate::protocol::ids::ResourceName;

use super::render::problem;
use super::state::State;

/// How long a metadata document may be cached, in seconds.
const MAX_AGE: i64 = 300;

/// `GET /.well-known/oauth-authorization-server`.
pub async fn oauth(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    with_types(&request, &state, oauth::document(&state.addresses, &state.features)).await
}

/// `GET /.well-known/openid-configuration`.
pub async fn openid(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    with_types(&request, &state, openid::document(&state.addresses, &state.features)).await
}

/// `GET /.well-known/smart-configuration`.
pub async fn smart(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    with_types(&request, &state, smart::document(&state.addresses, &state.features)).await
}

/// `GET /r/{resource}/.well-known/smart-configuration`.
pub async fn smart_of_resource(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let name = request.match_info().get("resource").unwrap_or_default();
    of_resource(&request, &state, name).await
}

/// The document of a FHIR server by its name.
pub(super) async fn of_resource(request: &HttpRequest, state: &State, name: &str) -> HttpResponse {
    let Some(name) = ResourceName::parse(name) else { return problem::not_found() };
    match state.fhir_servers.document((&state.addresses, &state.features), &name).await {
        Ok(Some(found)) => document(found),
        Ok(None) => problem::not_found(),
        Err(fault) => problem::fault(request, &fault),
    }
}

/// `GET /oauth2/jwks`.
pub async fn jwks(state: web::Data<State>) -> HttpResponse {
    let now = state.clock.now();
    let max_age = publication::max_age(&state.keys, state.administration.schedule, now);
    cached(&publication::jwks(&state.keys, now), max_age)
}

/// The answer to a browser's question whether it may read (CORS): anybody may.
pub async fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish()
}

/// A document with the types of authorization details that can be asked for.
async fn with_types(request: &HttpRequest, state: &State, found: Map<String, Value>) -> HttpResponse {
    match state.details_types.named_in(found).await {
        Ok(found) => document(found),
        Err(fault) => problem::fault(request, &fault),
    }
}

fn document(document: Map<String, Value>) -> HttpResponse {
    cached(&Value::Object(document), MAX_AGE)
}

fn cached(value: &Value, max_age: i64) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, format!("public, max-age={max_age}")))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .json(value)
}
