//! `GET` and `POST /oauth2/userinfo`.

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;

use crate::oidc::userinfo::Told;
use crate::protocol::error::{Failure, Refusal};
use crate::protocol::secret::Secret;

use super::render::bearer;
use super::state::State;
use super::{cors, evidence, form};

/// Tells who the person of an access token is.
pub async fn respond(request: HttpRequest, payload: web::Payload, state: web::Data<State>) -> HttpResponse {
    let readers = match cors::readers(&request, &state, None).await {
        Ok(readers) => readers,
        Err(fault) => return bearer::failure(&request, &fault.into()),
    };
    let outcome = match shown(&request, payload, &state).await {
        Ok(in_body) => {
            let evidence = evidence::of(&request, &state);
            state.userinfo.respond(&evidence, in_body, &state.entropy).await
        }
        Err(failure) => Err(failure),
    };
    let answer = match outcome {
        Ok(Told::Plain(claims)) => bearer::ok(&Value::Object(claims)),
        Ok(Told::Signed(token)) => bearer::signed(token),
        Err(failure) => bearer::failure(&request, &failure),
    };
    readers.allow(answer)
}

/// A token in a form (RFC 6750, 2.2). In the URL none is taken: it would stand in logs.
async fn shown(
    request: &HttpRequest,
    payload: web::Payload,
    state: &State,
) -> Result<Option<Secret>, Failure> {
    if !request.query_string().is_empty() {
        let told = "an access token belongs into the Authorization header, not the URL";
        return Err(Refusal::invalid_request(told, "query_parameters").into());
    }
    let has_form = request.method() == Method::POST && request.headers().contains_key(header::CONTENT_TYPE);
    if !has_form {
        return Ok(None);
    }
    let form = form::read(request, payload, state, "userinfo.read").await?;
    Ok(form.params.optional("access_token").map(|text| Secret::new(text.to_owned())))
}
