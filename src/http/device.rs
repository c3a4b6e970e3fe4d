//! `POST /oauth2/device`.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::authorize::device::DeviceAnswer;
use crate::discovery::endpoints;
use crate::protocol::error::{ErrorCode, Failure};

use super::form;
use super::pages::come_again;
use super::render::{oauth_json, problem};
use super::state::State;

/// How many seconds whoever finds no room is told to wait.
const WAIT: i64 = 60;

/// Answers a device authorization request. Where devices are not wanted, there is nothing here.
pub async fn post(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    if !state.features.device_authorization {
        return problem::not_found();
    }
    let form = match form::read(&request, payload, &state, "device.begin").await {
        Ok(form) => form,
        Err(failure) => return oauth_json::failure(&request, &failure),
    };
    let outcome = state.authorization.begin_device(&form).await;
    let word = outcome.as_ref().map_or_else(oauth_json::word, |_| "begun");
    metrics::counter!("hilum_device_requests_total", "outcome" => word).increment(1);
    match outcome {
        Ok(answer) => oauth_json::ok(&told(&answer, &state.addresses.issuer.join(endpoints::DEVICE))),
        Err(failure) => failed(&request, &failure),
    }
}

/// A failure. Where too many devices wait, there is room once some of their codes have expired.
fn failed(request: &HttpRequest, failure: &Failure) -> HttpResponse {
    let answer = oauth_json::failure(request, failure);
    match failure {
        Failure::Refusal(refusal) if refusal.code() == ErrorCode::TooManyAttempts => come_again(answer, WAIT),
        Failure::Refusal(_) | Failure::Fault(_) => answer,
    }
}

/// The members of RFC 8628, 3.2. The code has no sign that an address would read otherwise.
fn told(answer: &DeviceAnswer, page: &str) -> Value {
    let code = answer.user_code.to_string();
    json!({
        "device_code": answer.device_code.expose(),
        "user_code": code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={code}"),
        "expires_in": answer.expires_in,
        "interval": answer.interval,
    })
}
