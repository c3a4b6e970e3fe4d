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
    let outcome = state.introspection.respond(&form, &state.entropy).await;
    let word = outcome.as_ref().map_or_else(oauth_json::word, |_| "answered");
    metrics::counter!("hilum_introspection_requests_total", "outcome" => word).increment(1);
    match outcome {
        Ok(answer) => oauth_json::ok(&serde_json::Value::Object(answer)),
        Err(failure) => oauth_json::failure(&request, &failure),
    }
}
