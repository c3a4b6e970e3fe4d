//! `POST /oauth2/introspect`.

use actix_web::{HttpRequest, HttpResponse, web};

use super::form;
use super::render::oauth_json;
use super::state::State;

/// Answers an introspection request.
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    let form = match form::read(&request, payload, &state, "token.introspect").await {
        Ok(form) => form,
        Err(failure) => return oauth_json::failure(&request, &failure),
    };
    match state.introspection.respond(&form, &state.entropy).await {
        Ok(answer) => oauth_json::ok(&serde_json::Value::Object(answer)),
        Err(failure) => oauth_json::failure(&request, &failure),
    }
}
