//! `POST /launch`: an EHR hands over what an app is launched with.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};

use crate::jose::object::parse_object;
use crate::protocol::error::{Failure, Refusal};

use super::render::problem;
use super::state::State;
use super::{evidence, form};

/// Keeps a launch; the answer says where to open the app.
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    let body = read(&request, payload, &state).await;
    let evidence = evidence::of(&request, &state);
    match state.launch.respond(&evidence, body, &state.entropy).await {
        Ok(launched) => HttpResponse::Created()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::PRAGMA, "no-cache"))
            .json(json!({
                "launch": launched.launch.expose(),
                "iss": launched.iss,
                "launch_url": launched.launch_url.expose(),
                "expires_in": launched.expires_in,
            })),
        Err(Failure::Fault(fault)) => problem::fault(&request, &fault),
        Err(Failure::Refusal(refusal)) => problem::refused(&request, &refusal),
    }
}

/// Reads the body: a JSON object, within its bound.
pub(super) async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    state: &State,
) -> Result<Map<String, Value>, Refusal> {
    let body = form::json(request, payload, state.bounds.body).await?;
    parse_object(&body).map_err(|_| {
        let told = "the body must be a JSON object without repeated members or NUL";
        Refusal::invalid_request(told, "body_not_an_object")
    })
}
