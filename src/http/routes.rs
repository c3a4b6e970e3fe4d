//! Which path is answered by what. What is not listed is not there.

use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpResponse, Resource, web};

use crate::discovery::endpoints;

use super::render::problem;
use super::{admin, discovery, health, introspect, revoke, token};

/// The routes of the public and the mutual-TLS listener: the same, but that admin requests need a
/// certificate.
pub fn service(config: &mut web::ServiceConfig) {
    config
        .service(posted(endpoints::TOKEN).route(web::post().to(token::post)))
        .service(posted(endpoints::INTROSPECTION).route(web::post().to(introspect::post)))
        .service(posted(endpoints::REVOCATION).route(web::post().to(revoke::post)))
        .service(
            read(endpoints::JWKS)
                .route(web::get().to(discovery::jwks))
                .route(web::head().to(discovery::jwks)),
        )
        .service(
            read("/.well-known/oauth-authorization-server")
                .route(web::get().to(discovery::oauth))
                .route(web::head().to(discovery::oauth)),
        )
        .service(
            read("/.well-known/openid-configuration")
                .route(web::get().to(discovery::openid))
                .route(web::head().to(discovery::openid)),
        )
        .service(
            read("/.well-known/smart-configuration")
                .route(web::get().to(discovery::smart))
                .route(web::head().to(discovery::smart)),
        )
        .service(
            read("/r/{resource}/.well-known/smart-configuration")
                .route(web::get().to(discovery::smart_of_resource))
                .route(web::head().to(discovery::smart_of_resource)),
        )
        .configure(admin::routes::service)
        .default_service(web::to(|| async { problem::not_found() }));
}

/// The routes of the operations listener.
pub fn operations(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/healthz").route(web::get().to(health::healthz)))
        .service(web::resource("/readyz").route(web::get().to(health::readyz)))
        .service(web::resource("/metrics").route(web::get().to(health::metrics)))
        .default_service(web::to(|| async { problem::not_found() }));
}

/// A resource that takes POST alone.
fn posted(path: &str) -> Resource {
    web::resource(path).default_service(web::to(|| async { not_allowed("POST") }))
}

/// A resource that is read, from any origin.
fn read(path: &str) -> Resource {
    let preflight = web::route().method(Method::OPTIONS).to(discovery::preflight);
    web::resource(path).route(preflight).default_service(web::to(|| async { not_allowed("GET, HEAD") }))
}

/// The answer to a method that a resource does not have (RFC 9110, 15.5.6).
pub(super) fn not_allowed(allowed: &'static str) -> HttpResponse {
    let mut answer =
        problem::simple(StatusCode::METHOD_NOT_ALLOWED, "this resource does not have that method");
    answer.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allowed));
    answer
}
