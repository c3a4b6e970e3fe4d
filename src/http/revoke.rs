//! `POST /oauth2/revoke`.

use actix_web::{HttpRequest, HttpResponse, web};

use super::render::oauth_json;
use super::state::State;
use super::{cors, form, token};

/// Answers a revocation request: 200 without a body once the token is dead everywhere.
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    let form = match form::read(&request, payload, &state, "token.revoke").await {
        Ok(form) => form,
        Err(failure) => return token::refused(&request, &state, &failure).await,
    };
    let named = cors::client_of(&form.params, &form.evidence);
    let readers = match cors::readers(&request, &state, Some(&named)).await {
        Ok(readers) => readers,
        Err(fault) => return oauth_json::failure(&request, &fault.into()),
    };
    let outcome = state.revocation.respond(&form, &state.entropy).await;
    let word = outcome.as_ref().map_or_else(oauth_json::word, |()| "answered");
    metrics::counter!("hilum_revocation_requests_total", "outcome" => word).increment(1);
    let answer = match outcome {
        Ok(()) => oauth_json::done(),
        Err(failure) => oauth_json::failure(&request, &failure),
    };
    readers.allow(answer)
}
