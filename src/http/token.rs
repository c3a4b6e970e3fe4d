//! `POST /oauth2/token`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use crate::tokens::endpoint::TokenEndpoint;
use crate::tokens::issuer::TokenResponse;

use super::form;
use super::middleware::measure::Stopwatch;
use super::render::oauth_json;
use super::state::State;

/// Answers a token request.
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    let form = match form::read(&request, payload, &state, "token.issue").await {
        Ok(form) => form,
        Err(failure) => return oauth_json::failure(&request, &failure),
    };
    let endpoint: &TokenEndpoint = &state.token;
    let grant = form
        .params
        .optional("grant_type")
        .and_then(crate::grants::find)
        .map_or("other", |grant| grant.grant_type());
    let began = Stopwatch::start();
    let outcome = endpoint.respond(&form, &state.entropy).await;
    let word = match &outcome {
        Ok(_) => "granted",
        Err(failure) => oauth_json::word(failure),
    };
    metrics::counter!("hilum_token_requests_total", "grant" => grant, "outcome" => word).increment(1);
    metrics::histogram!("hilum_token_request_seconds", "grant" => grant, "outcome" => word)
        .record(began.seconds());
    match outcome {
        Ok(response) => oauth_json::ok(&granted(&response)),
        Err(failure) => oauth_json::failure(&request, &failure),
    }
}

/// The members of RFC 6749, 5.1; `scope` always stands there.
fn granted(response: &TokenResponse) -> serde_json::Value {
    json!({
        "access_token": response.access_token.expose(),
        "token_type": "Bearer",
        "expires_in": response.expires_in,
        "scope": response.scope,
    })
}
