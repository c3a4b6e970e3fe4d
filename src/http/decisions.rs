//! `POST /authorization-decisions`: a payer reports what it has decided.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::protocol::error::Failure;

use super::render::problem;
use super::state::State;
use super::{evidence, launch};

/// Ends what was decided; there is nothing to tell.
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    let body = launch::read(&request, payload, &state).await;
    let evidence = evidence::of(&request, &state);
    match state.decisions.respond(&evidence, body, &state.entropy).await {
        Ok(()) => HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, "no-store")).finish(),
        Err(Failure::Fault(fault)) => problem::fault(&request, &fault),
        Err(Failure::Refusal(refusal)) => problem::refused(&request, &refusal),
    }
}
