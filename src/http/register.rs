//! `/oauth2/register`: clients that register themselves (RFC 7591), and `/oauth2/register/{client_id}`, where they
//! look after that (RFC 7592). No page of another origin may read the answers.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};

use crate::discovery::endpoints::REGISTRATION;
use crate::jose::object::parse_object;
use crate::moment::seconds;
use crate::protocol::client_registration::response_types;
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};
use crate::registration::{Registered, Request};

use super::render::{bearer, oauth_json, problem};
use super::routes::not_allowed;
use super::state::State;
use super::{evidence, form};

/// `POST /oauth2/register`.
pub async fn create(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    if !state.features.dynamic_registration {
        return problem::not_found();
    }
    let asked = match read(&request, payload, &state).await {
        Ok(asked) => asked,
        Err(refusal) => return oauth_json::failure(&request, &refusal.into()),
    };
    match state.registration.create(asked).await {
        Ok(registered) => shown(StatusCode::CREATED, &state, &registered),
        Err(failure) => refused(&request, &failure),
    }
}

/// `GET /oauth2/register/{client_id}`.
pub async fn show(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    if !state.features.dynamic_registration {
        return problem::not_found();
    }
    match state.registration.read(named(&request), &evidence::of(&request, &state)).await {
        Ok(registered) => shown(StatusCode::OK, &state, &registered),
        Err(failure) => refused(&request, &failure),
    }
}

/// `PUT /oauth2/register/{client_id}`.
pub async fn replace(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    if !state.features.dynamic_registration {
        return problem::not_found();
    }
    let asked = match read(&request, payload, &state).await {
        Ok(asked) => asked,
        Err(refusal) => return oauth_json::failure(&request, &refusal.into()),
    };
    match state.registration.replace(named(&request), asked).await {
        Ok(registered) => shown(StatusCode::OK, &state, &registered),
        Err(failure) => refused(&request, &failure),
    }
}

/// `DELETE /oauth2/register/{client_id}`.
pub async fn delete(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    if !state.features.dynamic_registration {
        return problem::not_found();
    }
    match state.registration.delete(named(&request), &evidence::of(&request, &state)).await {
        Ok(()) => oauth_json::unkept(StatusCode::NO_CONTENT).finish(),
        Err(failure) => refused(&request, &failure),
    }
}

/// The answer to a method that is not there, where the resource itself is.
pub fn other(state: &State, allowed: &'static str) -> HttpResponse {
    if state.features.dynamic_registration { not_allowed(allowed) } else { problem::not_found() }
}

/// Reads a request with a JSON object. Nothing is made of one that broke off: nobody waits for the answer.
async fn read(request: &HttpRequest, payload: web::Payload, state: &State) -> Result<Request, Refusal> {
    let evidence = evidence::of(request, state);
    let document = match form::json(request, payload, state.bounds.body).await {
        Ok(body) => parse_object(&body).map_err(|error| {
            let told = "the body must be a JSON object without repeated members or NUL";
            Refusal::new(ErrorCode::InvalidClientMetadata, told, Reason::new("body_not_an_object"))
                .detail(error.to_string())
        }),
        Err(refusal) if form::is_broken(&refusal) => return Err(refusal),
        Err(refusal) => Err(refusal),
    };
    Ok(Request { evidence, document })
}

fn named(request: &HttpRequest) -> &str {
    request.match_info().get("client_id").unwrap_or_default()
}

/// A registration with all that its client must know (RFC 7591, 3.2.1; RFC 7592, 3).
fn shown(status: StatusCode, state: &State, registered: &Registered) -> HttpResponse {
    let Registered { client, secret, token, software_statement } = registered;
    let mut document = client.metadata.to_json();
    let mut set = |name: &str, value: Value| document.insert(name.to_owned(), value);
    set("response_types", json!(response_types(&client.metadata)));
    set("client_id", json!(client.id.as_str()));
    set("client_id_issued_at", json!(seconds(client.created_at)));
    if let Some(secret) = secret {
        set("client_secret", json!(secret.expose()));
        set("client_secret_expires_at", json!(0));
    }
    set("registration_access_token", json!(token.expose()));
    let uri = format!("{}/{}", state.addresses.issuer.join(REGISTRATION), client.id);
    set("registration_client_uri", json!(uri));
    if let Some(statement) = software_statement {
        set("software_statement", json!(statement));
    }
    oauth_json::unkept(status).json(Value::Object(document))
}

/// A refusal: of a token with its challenge, of metadata with the members that are at fault.
fn refused(request: &HttpRequest, failure: &Failure) -> HttpResponse {
    let Failure::Refusal(refusal) = failure else { return oauth_json::failure(request, failure) };
    let code = refusal.code();
    if code == ErrorCode::InvalidToken {
        return bearer::failure(request, failure);
    }
    if refusal.field_problems().is_empty() {
        return oauth_json::failure(request, failure);
    }
    tracing::info!(error = code.word(), reason = refusal.reason().code(), "refused");
    let said = refusal.field_problems().iter().map(|problem| format!("{}: {}", problem.field, problem.says));
    let said: String = said.collect::<Vec<_>>().join("; ").chars().take(1000).map(sayable).collect();
    let body = Map::from_iter([
        ("error".to_owned(), json!(code.word())),
        ("error_description".to_owned(), json!(said)),
    ]);
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut answer = oauth_json::unkept(status);
    answer.insert_header((header::CONTENT_TYPE, "application/json"));
    answer.json(Value::Object(body))
}

/// A character as an `error_description` may hold it (RFC 6749, 5.2).
fn sayable(character: char) -> char {
    match character {
        '"' | '\\' => '\'',
        ' '..='~' => character,
        _ => '?',
    }
}
