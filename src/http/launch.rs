//! `POST /launch`: an EHR hands over what an app is launched with.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};

use crate::jose::object::parse_object;
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};

use super::evidence;
use super::render::problem;
use super::state::State;

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
        Err(Failure::Refusal(refusal)) => problem::refused(&refusal),
    }
}

/// Reads the body: a JSON object, within its bound.
async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    state: &State,
) -> Result<Map<String, Value>, Refusal> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let told = "the body must be application/json";
        return Err(Refusal::new(ErrorCode::UnsupportedMediaType, told, Reason::new("content_type")));
    }
    let body = match payload.to_bytes_limited(state.bounds.body).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Err(Refusal::invalid_request("the body could not be read", "body_broken")),
        Err(_) => {
            let reason = Reason::new("body_too_large");
            return Err(Refusal::new(ErrorCode::ContentTooLarge, "the body is too large", reason));
        }
    };
    parse_object(&body).map_err(|_| {
        let told = "the body must be a JSON object without repeated members";
        Refusal::invalid_request(told, "body_not_an_object")
    })
}
