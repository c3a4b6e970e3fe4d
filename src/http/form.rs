//! Reading a form: the content type, the size and the encoding are judged before anything else.

use actix_web::http::header;
use actix_web::{HttpRequest, web};

use crate::protocol::error::{ErrorCode, Reason, Refusal};
use crate::protocol::params::Params;
use crate::tokens::request::Request;

use super::evidence;
use super::state::State;

/// Why there is no form.
pub enum FormError {
    /// The form was refused.
    Refused(Refusal),
    /// The body was too large.
    TooLarge,
}

impl From<Refusal> for FormError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Reads a request that carries a form.
pub async fn read(request: &HttpRequest, payload: web::Payload, state: &State) -> Result<Request, FormError> {
    if !is_form(request) {
        let told = "the body must be application/x-www-form-urlencoded";
        return Err(Refusal::new(ErrorCode::UnsupportedMediaType, told, Reason::new("content_type")).into());
    }
    // Parameters in the URL would stand in logs (RFC 6749, 2.3.1).
    if !request.query_string().is_empty() {
        return Err(Refusal::invalid_request(
            "parameters belong into the body, not the URL",
            "query_parameters",
        )
        .into());
    }
    let body = match payload.to_bytes_limited(state.bounds.body).await {
        Err(_) => return Err(FormError::TooLarge),
        Ok(Err(_)) => {
            return Err(Refusal::invalid_request("the body could not be read", "body_broken").into());
        }
        Ok(Ok(body)) => body,
    };
    let params = Params::parse_form(&body)?;
    Ok(Request { params, evidence: evidence::of(request, state) })
}

fn is_form(request: &HttpRequest) -> bool {
    let mut types = request.headers().get_all(header::CONTENT_TYPE);
    let (Some(one), None) = (types.next(), types.next()) else { return false };
    let Ok(text) = one.to_str() else { return false };
    let mut parts = text.split(';').map(str::trim);
    let form =
        parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    form && parts.all(|part| part.is_empty() || part.eq_ignore_ascii_case("charset=utf-8"))
}
