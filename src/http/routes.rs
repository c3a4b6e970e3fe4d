//! Which path is answered by what. What is not listed is not there.

use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, Resource, web};

use crate::discovery::endpoints;

use super::pages::{self, account, consent, login, logout, patient};
use super::render::page::form_post;
use super::render::{page, problem};
use super::state::State;
use super::{
    admin, authorize, cors, decisions, device, discovery, est, health, introspect, launch, pki, pushed,
    register, revoke, token, userinfo,
};

/// The routes of the public and the mutual-TLS listener: the same. Admin requests need a token that is bound, to a
/// certificate or to the key of a DPoP proof.
pub fn service(config: &mut web::ServiceConfig) {
    config
        .service(called(endpoints::TOKEN, "POST, OPTIONS").route(web::post().to(token::post)))
        .service(called(endpoints::PUSHED, "POST, OPTIONS").route(web::post().to(pushed::post)))
        .service(posted(endpoints::DEVICE_AUTHORIZATION).route(web::post().to(device::post)))
        .service(posted(endpoints::LAUNCH).route(web::post().to(launch::post)))
        .service(posted(endpoints::DECISIONS).route(web::post().to(decisions::post)))
        .service(posted(endpoints::INTROSPECTION).route(web::post().to(introspect::post)))
        .service(called(endpoints::REVOCATION, "POST, OPTIONS").route(web::post().to(revoke::post)))
        .service(
            called(endpoints::USERINFO, "GET, POST, OPTIONS")
                .route(web::get().to(userinfo::respond))
                .route(web::post().to(userinfo::respond)),
        )
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
        .configure(for_clients)
        .configure(for_enrollment)
        .configure(for_everybody)
        .configure(for_people)
        .configure(admin::routes::service)
        .default_service(web::to(|| async { problem::not_found() }));
}

/// The routes of clients that register themselves.
fn for_clients(config: &mut web::ServiceConfig) {
    let other = |allowed| move |state: web::Data<State>| async move { register::other(&state, allowed) };
    let one = format!("{}/{{client_id}}", endpoints::REGISTRATION);
    config
        .service(
            web::resource(endpoints::REGISTRATION)
                .route(web::post().to(register::create))
                .default_service(web::to(other("POST"))),
        )
        .service(
            web::resource(one)
                .route(web::get().to(register::show))
                .route(web::put().to(register::replace))
                .route(web::delete().to(register::delete))
                .default_service(web::to(other("GET, PUT, DELETE"))),
        );
}

/// The routes of clients that ask for certificates.
fn for_enrollment(config: &mut web::ServiceConfig) {
    let other = |allowed| {
        move |request: HttpRequest, state: web::Data<State>| async move {
            est::other(request, state, allowed).await
        }
    };
    config
        .service(
            web::resource(endpoints::EST_CACERTS)
                .route(web::get().to(est::cacerts))
                .default_service(web::to(other("GET"))),
        )
        .service(
            web::resource(endpoints::EST_ATTRIBUTES)
                .route(web::get().to(est::csrattrs))
                .default_service(web::to(other("GET"))),
        )
        .service(
            web::resource(endpoints::EST_ENROLL)
                .route(web::post().to(est::enroll))
                .default_service(web::to(other("POST"))),
        )
        .service(
            web::resource(endpoints::EST_REENROLL)
                .route(web::post().to(est::reenroll))
                .default_service(web::to(other("POST"))),
        );
}

/// The routes by which anybody learns which certificates were revoked.
fn for_everybody(config: &mut web::ServiceConfig) {
    let got =
        |path: &str| web::resource(path).default_service(web::to(|| async { not_allowed("GET, HEAD") }));
    config
        .service(got("/pki/crl/{name}").route(web::get().to(pki::list)).route(web::head().to(pki::list)))
        .service(posted(endpoints::OCSP).route(web::post().to(pki::post)))
        .service(got(endpoints::OCSP_GET).route(web::get().to(pki::get)).route(web::head().to(pki::get)));
}

/// The routes that browsers are sent to.
fn for_people(config: &mut web::ServiceConfig) {
    let got = |path: &str| web::resource(path).default_service(web::to(|| async { not_allowed("GET") }));
    let both =
        |path: &str| web::resource(path).default_service(web::to(|| async { not_allowed("GET, POST") }));
    config
        .service(
            both(endpoints::AUTHORIZE)
                .route(web::get().to(authorize::get))
                .route(web::post().to(authorize::post)),
        )
        .service(got(endpoints::CONTINUE).route(web::get().to(authorize::go_on)))
        .service(both(endpoints::LOGIN).route(web::get().to(login::get)).route(web::post().to(login::post)))
        .service(
            both(endpoints::PATIENT).route(web::get().to(patient::get)).route(web::post().to(patient::post)),
        )
        .service(
            both(endpoints::ENCOUNTER)
                .route(web::get().to(patient::get_encounter))
                .route(web::post().to(patient::post_encounter)),
        )
        .service(
            both(endpoints::CONSENT).route(web::get().to(consent::get)).route(web::post().to(consent::post)),
        )
        .service(
            both(endpoints::DEVICE)
                .route(web::get().to(pages::device::get))
                .route(web::post().to(pages::device::post)),
        )
        .service(
            both(endpoints::ACCOUNT).route(web::get().to(account::get)).route(web::post().to(account::post)),
        )
        .service(
            both(endpoints::LOGOUT).route(web::get().to(logout::get)).route(web::post().to(logout::post)),
        )
        .service(got(page::script_path()).route(web::get().to(page::script)))
        .service(got(form_post::script_path()).route(web::get().to(form_post::script)))
        .service(got(page::stylesheet_path()).route(web::get().to(page::stylesheet)));
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

/// A resource that browser apps call from their own origins.
fn called(path: &str, allowed: &'static str) -> Resource {
    let preflight = web::route().method(Method::OPTIONS).to(cors::preflight);
    web::resource(path).route(preflight).default_service(web::to(move || async move { not_allowed(allowed) }))
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
