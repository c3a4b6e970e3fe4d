//! What a request shows of its client, whether it came by itself or through a proxy.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, web};

use crate::http::evidence;
use crate::http::render::problem;
use crate::http::state::State;

/// Notes what a request shows of its client.
///
/// A header of a proxy that is there and says nothing ends the request. As one without a certificate it might be
/// answered with a token that is bound to nobody's key, where its sender meant one bound to its own; and headers
/// come in twos where a client's own came through beside the proxy's.
pub async fn note(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(state) = request.app_data::<web::Data<State>>().cloned() else {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    };
    let shown = evidence::shown(request.request(), &state).await;
    match shown {
        Ok(shown) => {
            request.extensions_mut().insert(shown);
            next.call(request).await.map(ServiceResponse::map_into_left_body)
        }
        Err(refused) => {
            let failure = state.administration.refuse_proxied(refused.origin, refused.why).await;
            let answer = problem::failure(request.request(), &failure);
            Ok(request.into_response(answer).map_into_right_body())
        }
    }
}
