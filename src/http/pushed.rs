//! `POST /oauth2/par`.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::render::oauth_json;
use super::state::State;
use super::{cors, form, token};

/// Keeps an authorization request; the answer says under which name (RFC 9126, 2.2).
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    let form = match form::read(&request, payload, &state, "authorize.push").await {
        Ok(form) => form,
        Err(failure) => return token::refused(&request, &state, &failure).await,
    };
    let named = cors::client_of(&form.params, &form.evidence);
    let readers = match cors::readers(&request, &state, Some(&named)).await {
        Ok(readers) => readers,
        Err(fault) => return oauth_json::failure(&request, &fault.into()),
    };
    let answer = match state.authorization.push(&form).await {
        Ok(pushed) => oauth_json::unkept(StatusCode::CREATED)
            .json(json!({"request_uri": pushed.request_uri.expose(), "expires_in": pushed.expires_in})),
        Err(failure) => oauth_json::failure(&request, &failure),
    };
    readers.allow(answer)
}
