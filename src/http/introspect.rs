//! `POST /oauth2/introspect`.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::admin::Refused;
use crate::protocol::error::{ErrorCode, Failure, Reason, Refusal};
use crate::tokens::introspect::{Form, Told};

use super::accept::Accept;
use super::render::oauth_json;
use super::state::State;
use super::{evidence, form};

/// What an introspection is recorded as.
const ACTION: &str = "token.introspect";
/// The two forms of an answer (RFC 7662, 2.2; RFC 9701, 5).
const JSON: &str = "application/json";
const JWT: &str = "application/token-introspection+jwt";

/// Answers an introspection request.
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    let outcome = respond(&request, payload, &state).await;
    let word = outcome.as_ref().map_or_else(oauth_json::word, |_| "answered");
    metrics::counter!("hilum_introspection_requests_total", "outcome" => word).increment(1);
    let mut answer = match outcome {
        Ok(Told::Json(said)) => oauth_json::ok(&serde_json::Value::Object(said)),
        Ok(Told::Jwt(text)) => oauth_json::unkept(StatusCode::OK).content_type(JWT).body(text),
        Err(failure) => oauth_json::failure(&request, &failure),
    };
    answer.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    answer
}

async fn respond(request: &HttpRequest, payload: web::Payload, state: &State) -> Result<Told, Failure> {
    let read = form::read(request, payload, state, ACTION).await?;
    let Some(form) = wanted(request) else {
        let origin = evidence::of(request, state).origin;
        let what = Refused { action: ACTION, rule: None, client: None };
        return Err(state.administration.record_refused(&origin, what, not_acceptable().into()).await);
    };
    state.introspection.respond(&read, form, &state.entropy).await
}

/// The form that is wanted most. The signed one has to be named, or JSON not be welcome (RFC 9701, 4).
fn wanted(request: &HttpRequest) -> Option<Form> {
    let Some(accept) = Accept::of(request) else { return Some(Form::Json) };
    let (json, jwt) = (accept.wants(JSON), accept.wants(JWT));
    match (json.weight, jwt.weight) {
        (0, 0) => None,
        (plain, signed) if plain == 0 || (jwt.is_named && signed >= plain) => Some(Form::Jwt),
        (_, _) => Some(Form::Json),
    }
}

fn not_acceptable() -> Refusal {
    let told = "the answer is application/json or application/token-introspection+jwt";
    Refusal::new(ErrorCode::NotAcceptable, told, Reason::new("not_acceptable"))
}
