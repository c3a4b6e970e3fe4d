//! The nonce for the next DPoP proof (RFC 9449, 8.2): with every answer to a request that showed one, whatever the
//! answer is, so that a client that goes on never has to ask twice.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use crate::http::evidence::DPOP;
use crate::http::state::State;

const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Adds the nonce. An answer that may be kept gets none: it would be told again when it is no good any more.
pub async fn offer<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if !request.headers().contains_key(DPOP) {
        return next.call(request).await;
    }
    let state = request.app_data::<web::Data<State>>().cloned();
    let mut answer = next.call(request).await?;
    let is_unkept = answer.headers().get(header::CACHE_CONTROL).is_some_and(|value| value == "no-store");
    if let Some(state) = state.filter(|_| is_unkept)
        && let Ok(nonce) = HeaderValue::from_str(&state.tokens.proofs().nonce(state.clock.now()))
    {
        answer.headers_mut().insert(NONCE, nonce);
    }
    Ok(answer)
}
