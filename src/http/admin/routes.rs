//! The table of the admin API. A route has a scope or it does not exist.

use std::collections::BTreeMap;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::admin::{ACCESS, Refused, actor};
use crate::http::evidence;
use crate::http::render::problem;
use crate::http::routes::not_allowed;
use crate::http::state::State;
use crate::protocol::error::Failure;

use super::call::{Answer, Call, Running, Unanswered};
use super::{
    alerts, audit, certificates, clients, communities, details_types, initial_tokens, issuance, keys,
    resources, scopes, statement_issuers, trusted_issuers, users,
};

/// One route of the admin API.
pub struct AdminRoute {
    /// The method.
    pub method: Method,
    /// The path, with its variables in braces.
    pub path: &'static str,
    /// The scope without which it answers 403.
    pub scope: &'static str,
    run: fn(Call) -> Running,
}

macro_rules! routes {
    ($($method:ident $path:literal $scope:literal $run:path;)*) => {
        /// Every route of the admin API.
        pub static ROUTES: &[AdminRoute] = &[
            $(AdminRoute { method: Method::$method, path: $path, scope: $scope, run: |call| Box::pin($run(call)) }),*
        ];
    };
}

routes! {
    POST   "/admin/v1/clients"                   "admin/clients.write"   clients::create;
    GET    "/admin/v1/clients"                   "admin/clients.read"    clients::list;
    GET    "/admin/v1/clients/{id}"              "admin/clients.read"    clients::read;
    PUT    "/admin/v1/clients/{id}"              "admin/clients.write"   clients::replace;
    PATCH  "/admin/v1/clients/{id}"              "admin/clients.write"   clients::patch;
    DELETE "/admin/v1/clients/{id}"              "admin/clients.write"   clients::delete;
    POST   "/admin/v1/clients/{id}/disable"      "admin/clients.write"   clients::disable;
    POST   "/admin/v1/clients/{id}/enable"       "admin/clients.write"   clients::enable;
    POST   "/admin/v1/clients/{id}/approve"      "admin/clients.write"   clients::approve;
    POST   "/admin/v1/clients/{id}/secret"       "admin/clients.write"   clients::rotate_secret;
    POST   "/admin/v1/clients/{id}/keys"         "admin/clients.write"   clients::add_key;
    DELETE "/admin/v1/clients/{id}/keys/{kid}"   "admin/clients.write"   clients::remove_key;
    POST   "/admin/v1/initial-access-tokens"     "admin/clients.write"   initial_tokens::create;
    GET    "/admin/v1/initial-access-tokens"     "admin/clients.read"    initial_tokens::list;
    GET    "/admin/v1/initial-access-tokens/{id}" "admin/clients.read"   initial_tokens::read;
    DELETE "/admin/v1/initial-access-tokens/{id}" "admin/clients.write"  initial_tokens::delete;
    POST   "/admin/v1/statement-issuers"         "admin/clients.write"   statement_issuers::create;
    GET    "/admin/v1/statement-issuers"         "admin/clients.read"    statement_issuers::list;
    GET    "/admin/v1/statement-issuers/{id}"    "admin/clients.read"    statement_issuers::read;
    PUT    "/admin/v1/statement-issuers/{id}"    "admin/clients.write"   statement_issuers::replace;
    DELETE "/admin/v1/statement-issuers/{id}"    "admin/clients.write"   statement_issuers::delete;
    POST   "/admin/v1/resources"                 "admin/resources.write" resources::create;
    GET    "/admin/v1/resources"                 "admin/resources.read"  resources::list;
    GET    "/admin/v1/resources/{name}"          "admin/resources.read"  resources::read;
    PUT    "/admin/v1/resources/{name}"          "admin/resources.write" resources::replace;
    PATCH  "/admin/v1/resources/{name}"          "admin/resources.write" resources::patch;
    DELETE "/admin/v1/resources/{name}"          "admin/resources.write" resources::delete;
    GET    "/admin/v1/authorization-details-types"        "admin/resources.read"  details_types::list;
    GET    "/admin/v1/authorization-details-types/{type}" "admin/resources.read"  details_types::read;
    PUT    "/admin/v1/authorization-details-types/{type}" "admin/resources.write" details_types::put;
    DELETE "/admin/v1/authorization-details-types/{type}" "admin/resources.write" details_types::delete;
    POST   "/admin/v1/users"                     "admin/users.write"     users::create;
    GET    "/admin/v1/users"                     "admin/users.read"      users::list;
    GET    "/admin/v1/users/{subject}"           "admin/users.read"      users::read;
    PATCH  "/admin/v1/users/{subject}"           "admin/users.write"     users::patch;
    POST   "/admin/v1/users/{subject}/disable"   "admin/users.write"     users::disable;
    POST   "/admin/v1/users/{subject}/enable"    "admin/users.write"     users::enable;
    POST   "/admin/v1/users/{subject}/reset"     "admin/users.write"     users::reset;
    GET    "/admin/v1/keys"                      "admin/keys.read"       keys::list;
    POST   "/admin/v1/keys/rotate"               "admin/keys.write"      keys::rotate;
    POST   "/admin/v1/keys/{kid}/revocation"     "admin/keys.write"      keys::revoke;
    GET    "/admin/v1/audit"                     "admin/audit.read"      audit::search;
    GET    "/admin/v1/certificates"              "admin/certificates.read" certificates::list;
    GET    "/admin/v1/alerts"                    "admin/alerts.read"     alerts::list;
    POST   "/admin/v1/certificates"              "admin/certificates.write" issuance::request;
    POST   "/admin/v1/certificates/{thumbprint}/revocation" "admin/certificates.write" issuance::revoke;
    GET    "/admin/v1/certificate-requests"      "admin/certificates.read" issuance::list;
    GET    "/admin/v1/certificate-requests/{id}" "admin/certificates.read" issuance::read;
    POST   "/admin/v1/certificate-requests/{id}/approval" "admin/certificates.approve" issuance::approve;
    POST   "/admin/v1/certificate-requests/{id}/denial"   "admin/certificates.approve" issuance::deny;
    POST   "/admin/v1/scopes/explain"            "admin/scopes.read"     scopes::explain;
    GET    "/admin/v1/trusted-issuers"           "admin/issuers.read"    trusted_issuers::list;
    GET    "/admin/v1/trusted-issuers/{name}"    "admin/issuers.read"    trusted_issuers::read;
    PUT    "/admin/v1/trusted-issuers/{name}"    "admin/issuers.write"   trusted_issuers::put;
    DELETE "/admin/v1/trusted-issuers/{name}"    "admin/issuers.write"   trusted_issuers::delete;
    POST   "/admin/v1/communities"               "admin/communities.write" communities::create;
    GET    "/admin/v1/communities"               "admin/communities.read"  communities::list;
    GET    "/admin/v1/communities/{name}"        "admin/communities.read"  communities::read;
    PUT    "/admin/v1/communities/{name}"        "admin/communities.write" communities::replace;
    DELETE "/admin/v1/communities/{name}"        "admin/communities.write" communities::delete;
}

/// Registers the table. It is the same at both listeners: only a token that is bound opens anything, and where no
/// certificate can be shown that is one bound to the key of a DPoP proof.
pub fn service(config: &mut web::ServiceConfig) {
    let mut by_path: BTreeMap<&'static str, Vec<&'static AdminRoute>> = BTreeMap::new();
    for route in ROUTES {
        by_path.entry(route.path).or_default().push(route);
    }
    for (path, routes) in by_path {
        let allowed: Vec<&str> = routes.iter().map(|route| route.method.as_str()).collect();
        // Made once for each path when a worker starts.
        let allowed: &'static str = Box::leak(allowed.join(", ").into_boxed_str());
        let mut resource =
            web::resource(path).default_service(web::to(move || async move { not_allowed(allowed) }));
        for route in routes {
            let answer = move |request: HttpRequest, payload: web::Payload, state: web::Data<State>| {
                respond(route, request, payload, state)
            };
            resource = resource.route(web::method(route.method.clone()).to(answer));
        }
        config.service(resource);
    }
}

/// Believes the token and asks it for the route's scope before anything of the request is read.
async fn respond(
    route: &'static AdminRoute,
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> HttpResponse {
    match run(route, &request, payload, state).await {
        Ok(answer) => answer.into_response(),
        Err(failure) => problem::of_route(&request, &failure, route.scope),
    }
}

async fn run(
    route: &'static AdminRoute,
    request: &HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<Answer, Failure> {
    let evidence = evidence::of(request, &state);
    let administration = &state.administration;
    let live = administration.admit(&state.tokens, &evidence, route.scope).await?;
    let answered = async {
        let caller = actor::authorize(&live, route.scope, &evidence.origin)?;
        (route.run)(Call::read(request, payload, state.clone(), caller).await?).await
    };
    match answered.await {
        Ok(answer) => Ok(answer),
        Err(Unanswered::Decided(failure)) => Err(failure),
        Err(Unanswered::Unread(refusal)) => {
            let what = Refused { action: ACCESS, rule: Some(route.scope), client: Some(&live.client) };
            Err(administration.record_refused(&evidence.origin, what, refusal.into()).await)
        }
    }
}
