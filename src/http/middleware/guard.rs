//! The host that a request is for, and the time it may take.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use crate::http::render::problem;
use crate::http::state::State;

/// Refuses a request for another host: nothing is ever computed from a name the server does not have.
pub async fn host(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let known =
        request.app_data::<web::Data<State>>().is_some_and(|state| is_known(&request, &state.bounds.hosts));
    if known {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    }
    let answer =
        problem::simple(StatusCode::MISDIRECTED_REQUEST, "this server does not answer for that host");
    Ok(request.into_response(answer).map_into_right_body())
}

fn is_known(request: &ServiceRequest, hosts: &[String]) -> bool {
    // HTTP/2 carries the host in the URI, HTTP/1.1 in the header, exactly once.
    let mut headers = request.headers().get_all(header::HOST);
    let text = match (request.uri().authority(), headers.next(), headers.next()) {
        (_, _, Some(_)) => return false,
        (Some(authority), _, None) => Some(authority.as_str()),
        (None, Some(host), None) => host.to_str().ok(),
        (None, None, None) => None,
    };
    let Some(text) = text else { return false };
    let name = match text.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
        _ => text,
    };
    hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Ends a request that takes too long. What the ledger has begun it finishes all the same.
pub async fn time<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let Some(most) = request.app_data::<web::Data<State>>().map(|state| state.bounds.time) else {
        return next.call(request).await;
    };
    tokio::time::timeout(most, next.call(request)).await.unwrap_or_else(|_| {
        let answer = problem::too_slow();
        Err(InternalError::from_response("the request took too long", answer).into())
    })
}
