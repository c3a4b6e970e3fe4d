//! `POST /oauth2/token`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::protocol::error::Failure;
use crate::tokens::endpoint::TokenEndpoint;
use crate::tokens::issuer::TokenResponse;

use super::middleware::measure::Stopwatch;
use super::render::oauth_json;
use super::state::State;
use super::{cors, form};

/// Answers a token request.
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    let form = match form::read(&request, payload, &state, "token.issue").await {
        Ok(form) => form,
        Err(failure) => return refused(&request, &state, &failure).await,
    };
    let named = cors::client_of(&form.params, &form.evidence);
    let readers = match cors::readers(&request, &state, Some(&named)).await {
        Ok(readers) => readers,
        Err(fault) => return oauth_json::failure(&request, &fault.into()),
    };
    let endpoint: &TokenEndpoint = &state.token;
    let grant = form
        .params
        .optional("grant_type")
        .and_then(|asked| crate::grants::find(asked, &state.features))
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
    let answer = match outcome {
        Ok(response) => oauth_json::ok(&granted(&response)),
        Err(failure) => oauth_json::failure(&request, &failure),
    };
    readers.allow(answer)
}

/// A failure in which no client could be read: the app of any registered origin may learn of it.
pub(super) async fn refused(request: &HttpRequest, state: &State, failure: &Failure) -> HttpResponse {
    let answer = oauth_json::failure(request, failure);
    match cors::readers(request, state, None).await {
        Ok(readers) => readers.allow(answer),
        Err(_) => answer,
    }
}

/// The members of RFC 6749, 5.1; `scope` stands there unless there is none, and what else was found beside it.
fn granted(response: &TokenResponse) -> Value {
    let mut answer = response.members.clone();
    let mut set = |name: &str, value: Value| answer.insert(name.to_owned(), value);
    set("access_token", json!(response.access_token.expose()));
    set("token_type", json!(response.token_type));
    set("expires_in", json!(response.expires_in));
    if !response.scope.is_empty() {
        set("scope", json!(response.scope));
    }
    for (name, token) in [("refresh_token", &response.refresh_token), ("id_token", &response.id_token)] {
        if let Some(token) = token {
            set(name, json!(token.expose()));
        }
    }
    Value::Object(answer)
}
