//! The pages of the sandbox, as static files of this program. Everything that they do, they do over the wire
//! like any other client.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, Resource, web};

use crate::http::render::problem;
use crate::http::routes;
use crate::http::state::State;

/// Scripts and styles of this origin alone, none of them inline; nothing is sent elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The cookie that holds the key of the desk.
const KEY: &str = "__Host-hilum_sandbox";

const HTML: &str = "text/html; charset=utf-8";
const LAUNCH_PAGE: &str = include_str!("../../../sandbox/index.html");
const APP_PAGE: &str = include_str!("../../../sandbox/app.html");

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../sandbox/", $name)))),*]
    };
}

/// What the pages load, by name.
const FILES: [(&str, &str); 17] = files![
    "desk.css",
    "inspector.css",
    "sandbox.css",
    "app.js",
    "backend.js",
    "choices.js",
    "crypto.js",
    "dom.js",
    "ehr.js",
    "index.js",
    "inspector.js",
    "mistakes.js",
    "recipe.js",
    "scopes.js",
    "smart.js",
    "trials.js",
    "wire.js",
];

/// Registers the routes, which only a server with a sandbox has.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(read("/sandbox").to(launch_page))
        .service(read("/sandbox/app/launch").to(app_page))
        .service(read("/sandbox/app/callback").to(app_page))
        .service(read("/sandbox/config.json").to(config_json))
        .service(read("/sandbox/{file:[a-z]+\\.(?:js|css)}").to(file));
}

struct Read(Resource);

impl Read {
    fn to<F, Args>(self, handler: F) -> Resource
    where
        F: actix_web::Handler<Args> + Copy,
        Args: actix_web::FromRequest + 'static,
        F::Output: actix_web::Responder + 'static,
    {
        self.0.route(web::get().to(handler)).route(web::head().to(handler))
    }
}

/// A resource that is read, from this origin alone: no other is told that it may.
fn read(path: &str) -> Read {
    Read(web::resource(path).default_service(web::to(|| async { routes::not_allowed("GET, HEAD") })))
}

/// `GET /sandbox`: the tiny EHR and the tiny app store. A key in the address becomes a cookie, so that it stays
/// neither in the address bar nor in the history; a wrong one changes nothing.
pub async fn launch_page(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let Some(sandbox) = &state.sandbox else { return problem::not_found() };
    let mut said = url::form_urlencoded::parse(request.query_string().as_bytes());
    let Some((_, key)) = said.find(|(name, _)| name == "key") else { return page(HTML, LAUNCH_PAGE) };
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((header::LOCATION, "/sandbox")).insert_header((header::CACHE_CONTROL, "no-store"));
    if sandbox.desk.is_opened_by(&key) {
        let cookie = Cookie::build(KEY, key.into_owned()).path("/").secure(true).http_only(true);
        answer.cookie(cookie.same_site(SameSite::Strict).finish());
    }
    answer.finish()
}

/// `GET /sandbox/app/launch` and `GET /sandbox/app/callback`: the app.
pub async fn app_page() -> HttpResponse {
    page(HTML, APP_PAGE)
}

/// `GET /sandbox/{file}`.
pub async fn file(request: HttpRequest) -> HttpResponse {
    let asked = request.match_info().get("file").unwrap_or_default();
    let Some((name, content)) = FILES.iter().find(|(name, _)| *name == asked) else {
        return problem::not_found();
    };
    let kind = match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some(_) | None => "text/javascript; charset=utf-8",
    };
    page(kind, content)
}

/// `GET /sandbox/config.json`: with secrets, so to pages of this origin on this machine alone, in the browser
/// of whoever knows the key.
pub async fn config_json(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let Some(sandbox) = &state.sandbox else { return problem::not_found() };
    let near = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    if !near || !is_own(request.headers()) {
        return problem::simple(
            StatusCode::FORBIDDEN,
            "The secrets of the sandbox are told to its own pages, on this machine alone.",
        );
    }
    if !request.cookie(KEY).is_some_and(|cookie| sandbox.desk.is_opened_by(cookie.value())) {
        return problem::simple(StatusCode::FORBIDDEN, NO_KEY);
    }
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("cross-origin-resource-policy", "same-origin"))
        .json(sandbox.desk.expose())
}

const NO_KEY: &str = "This browser does not have the key of the sandbox. Open the address that hilum dev printed: \
                      it ends in ?key=… and stands in fixtures.json too, as \"sandbox\".";

/// Whether a browser tells of a page of this origin.
fn is_own(headers: &HeaderMap) -> bool {
    let mut told = headers.get_all("sec-fetch-site");
    told.next().is_some_and(|site| site == "same-origin") && told.next().is_none()
}

/// Never kept: a newer program has newer files under the same names, and a callback's address has a code.
fn page(kind: &'static str, content: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .content_type(kind)
        .body(content)
}
